"""An element of the page that a module of ours draws, or one of plain HTML; what its script says has a schema."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from studio.ui import web
from studio.ui.events import checked
from studio.ui.fast_gradio import gr


class Island(gr.HTML):  # type: ignore[misc]
    """A place of the page's own, with an id by which styles and scripts find it.

    `module` is the script that draws it, told `data` for good and the value as it changes; it may call `acts` by their
    names, and trigger `events`. `holds` is what the page may say that the value is, None always among it.

    Gradio copies deeply all that it is given here: functions stay what they are, bound methods would be copied with
    whatever they are bound to, so that `acts` are those of `listeners.served`.
    """

    # Else Gradio takes it for a component with a page of its own.
    is_template = True

    def __init__(
        self,
        id: str,  # noqa: A002
        markup: str = "${value}",
        *,
        module: str | None = None,
        value: Any = None,
        holds: Any = Any,
        data: Any = None,
        events: Iterable[str] = (),
        acts: Sequence[Callable[..., Any]] = (),
        **look: Any,
    ) -> None:
        self._holds = holds
        self.module = module
        super().__init__(
            value,
            html_template=markup,
            js_on_load=None if module is None else _mounting(module, data, events),
            server_functions=list(acts) or None,
            elem_id=id or None,
            apply_default_css=False,
            **look,
        )

    def preprocess(self, payload: Any) -> Any:
        """The value as it was checked."""
        return None if payload is None else checked(self._holds, payload)


def beginning(blocks: Any) -> set[str]:
    """The modules of what a page just made shows before another tab than the first is chosen.

    Asked for once: in a page that is open, Gradio puts other components in the place of those that it changes.
    """
    islands = (one for one in blocks.blocks.values() if isinstance(one, Island))
    return {one.module for one in islands if one.module and _is_at_the_start(one)}


def _is_at_the_start(island: Island) -> bool:
    above = island.parent
    while above is not None and not isinstance(above, gr.Tab):
        above = above.parent
    return above is None or above is above.parent.children[0]


def _mounting(module: str, data: Any, events: Iterable[str]) -> str:
    """The script of an element; Gradio finds a custom event by its quoted name in here."""
    if not web.has(module):
        raise FileNotFoundError(f"There is no module {module} in {web.FOLDER}.")
    tell = ", ".join(f'{name}: (data) => trigger("{name}", data)' for name in events)
    given = f"element, props, watch, upload, server, tell: {{ {tell} }}, data: {json.dumps(data, default=asdict)}"
    return f'studio("{module}", {{ {given} }});'
