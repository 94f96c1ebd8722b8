"""An element of the page that a script of ours draws, with the schema of what it says."""

from typing import Any

from studio.ui.fast_gradio import gr
from studio.ui.listeners import checked


class Island(gr.HTML):  # type: ignore[misc]
    """An HTML widget whose value is JSON; `holds` is what the page may say it is, None always among it."""

    # Else Gradio takes it for a component with a page of its own.
    is_template = True

    def __init__(self, *, holds: Any, **look: Any) -> None:
        super().__init__(**look)
        self._holds = holds

    def preprocess(self, payload: Any) -> Any:
        """The value as it was checked."""
        return None if payload is None else checked(self._holds, payload)
