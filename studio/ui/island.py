"""An element of the page that a module of ours draws, or one of plain HTML; what its script says has a schema."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from studio.ui import web
from studio.ui.fast_gradio import gr
from studio.ui.listeners import Act, checked, served


class Island(gr.HTML):  # type: ignore[misc]
    """A place of the page's own, with an id by which styles and scripts find it.

    `module` is the script that draws it, told `data` for good and the value as it changes; it may call `acts` by their
    names, and trigger `events`. `holds` is what the page may say that the value is, None always among it.
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
        acts: Mapping[str, Act] | None = None,
        **look: Any,
    ) -> None:
        self._holds = holds
        self.module = module
        super().__init__(
            value,
            html_template=markup,
            js_on_load=None if module is None else _mounting(module, data, events),
            server_functions=served(acts) if acts else None,
            elem_id=id or None,
            apply_default_css=False,
            **look,
        )

    def preprocess(self, payload: Any) -> Any:
        """The value as it was checked."""
        return None if payload is None else checked(self._holds, payload)

    @property
    def is_at_the_start(self) -> bool:
        """Whether it is shown before another tab than the first is chosen."""
        above = self.parent
        while above is not None and not isinstance(above, gr.Tab):
            above = above.parent
        return above is None or above is above.parent.children[0]


def _mounting(module: str, data: Any, events: Iterable[str]) -> str:
    """The script of an element; Gradio finds a custom event by its quoted name in here."""
    if not web.has(module):
        raise FileNotFoundError(f"There is no module {module} in {web.FOLDER}.")
    tell = ", ".join(f'{name}: (data) => trigger("{name}", data)' for name in events)
    given = f"element, props, watch, upload, server, tell: {{ {tell} }}, data: {json.dumps(data)}"
    return f'studio("{module}", {{ {given} }});'
