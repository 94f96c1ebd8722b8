"""The status line's device: how full it is, what is loaded there, and a way to have it all back."""

from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import cast

from studio.backends.base import MemoryUse
from studio.errors import Refused
from studio.gate.identity import Identity
from studio.studio import Studio
from studio.ui.events import Act, Nothing, served
from studio.ui.island import Island
from studio.ui.schemas.memory import Freed, Memory, MemoryLook


class MemoryPanel:
    """The status line, of which the device's part opens a dialog, and what its script asks of the server."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        acts: Mapping[str, Act] = {"look": self._look, "free": self._free}
        shown = served(acts, looks=["look"])
        self.widget = Island("status", value="", module="memory_panel", events=("again",), acts=shown)

    def _look(self, event: Nothing, who: Identity) -> MemoryLook:
        """Where memory went."""
        del event
        use = self._studio.backend.memory_use()
        return {"memory": _memory_facts(use, may_free=who.keeps) if use else None}

    def _free(self, event: Nothing, who: Identity) -> Freed:
        """Unload everything."""
        del event
        if not who.keeps:
            raise Refused("Only this studio's operator can free its memory.", "Ask the studio's operator.")
        return {"freed": self._studio.backend.free_memory()}


def device_line(studio: Studio) -> str:
    """The device in words with a bar, as a button where there is more to be told."""
    words, use = escape(studio.backend.describe()), studio.backend.memory_use()
    if use is None:
        return f"<span>{words}</span>"
    used = 1 - use.device_free / max(1, use.device_bytes)
    bar = f'<i class="memory-bar" style="--used: {used:.2f}"></i>'
    return f'<span><button type="button" class="memory-open" aria-haspopup="dialog">{bar}{words}</button></span>'


def _memory_facts(use: MemoryUse, *, may_free: bool) -> Memory:
    return cast("Memory", {**asdict(use), "may_free": may_free})
