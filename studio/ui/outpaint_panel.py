"""By how much a picture grows at its sides: four numbers, and buttons for what is often wanted."""

from collections.abc import Callable, Mapping
from typing import Any

from studio.recipe import OutpaintPadding, Setting
from studio.ui.events import QUICK
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.ids import Id
from studio.ui.island import Island

MARGIN = 64
# A wider or higher picture grows by a quarter at two sides each; what is added is a multiple of this.
SHARE, STEP = 0.25, 8

Size = tuple[int, int]
Amounts = dict[str, int]


class OutpaintPanel:
    """The four sides' widgets on one page, by name, and what becomes of the picture's size."""

    def __init__(self, tab: str) -> None:
        with gr.Column(elem_id=f"{Id.FIELD}{tab}-outpaint", elem_classes="growth"):
            Island("", "<p>Outpaint, in pixels</p>", elem_classes="heading")
            with gr.Row():
                self.sides = {name: _number(tab, name) for name in OutpaintPadding.model_fields}
            with gr.Row(elem_classes="ways"):
                self._buttons = {
                    gr.Button(label, size="sm", min_width=0): grown
                    for label, grown in {
                        f"{MARGIN} each": _all,
                        "Wider": _wider,
                        "Higher": _higher,
                        "None": lambda _: dict.fromkeys(OutpaintPadding.model_fields, 0),
                    }.items()
                }
            self.result = Island("grown-size", value="")

    def read(self, values: Values) -> Amounts | None:
        """Pixels by side; None where no side grows."""
        sides = {name: int(values[widget] or 0) for name, widget in self.sides.items()}
        return sides if any(sides.values()) else None

    def show(self, sides: OutpaintPadding | None) -> Updates:
        """What to set so that the widgets say these sides."""
        return {widget: getattr(sides, name, 0) for name, widget in self.sides.items()}

    def restore(self, kept: Mapping[str, Any]) -> Updates:
        """What to set from what the browser kept."""
        given = {name: kept.get(name) for name in self.sides}
        return {self.sides[name]: value for name, value in given.items() if isinstance(value, int | float)}

    def wire(self, size: Callable[[Values], Size | None], inputs: set[Any]) -> None:
        """`size` tells how large the picture is, from the values of `inputs`."""
        widgets = set(self.sides.values())
        for button, grown in self._buttons.items():
            button.click(self._grow_by(grown, size), {*inputs, *widgets}, list(widgets), **QUICK)
        gr.on(
            [widget.change for widget in [*inputs, *widgets]],
            self._tell_with(size),
            {*inputs, *widgets},
            [self.result],
            **QUICK,
        )

    def _grow_by(self, grown: Callable[[Size], Amounts], size: Callable[[Values], Size | None]) -> Any:
        def grow(values: Values) -> Updates:
            return {self.sides[name]: pixels for name, pixels in grown(size(values) or (0, 0)).items()}

        return grow

    def _tell_with(self, size: Callable[[Values], Size | None]) -> Any:
        def tell(values: Values) -> str:
            before, sides = size(values), self.read(values)
            if before is None or sides is None:
                return ""
            width = before[0] + sides["left"] + sides["right"]
            height = before[1] + sides["top"] + sides["bottom"]
            return f"<p>{before[0]} × {before[1]} becomes {width} × {height}; the old part keeps every pixel.</p>"

        return tell


def _number(tab: str, name: str) -> Any:
    setting = next(meta for meta in OutpaintPadding.model_fields[name].metadata if isinstance(meta, Setting))
    return gr.Number(
        value=0,
        label=setting.label,
        minimum=0,
        maximum=int(setting.maximum or 0),
        step=STEP,
        precision=0,
        elem_id=f"grow-{tab}-{name}",
        min_width=0,
    )


def _all(size: Size) -> Amounts:
    del size
    return dict.fromkeys(OutpaintPadding.model_fields, MARGIN)


def _wider(size: Size) -> Amounts:
    return dict.fromkeys(("left", "right"), _part(size[0]))


def _higher(size: Size) -> Amounts:
    return dict.fromkeys(("top", "bottom"), _part(size[1]))


def _part(side: int) -> int:
    return max(STEP, round(side * SHARE / STEP) * STEP)
