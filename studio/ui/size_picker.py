"""Sizes as shapes, and draft or final: two pickers that set width, height and steps for whatever model is chosen."""

import re
from typing import Any

from studio.catalogue.models import Model
from studio.presets.reading import SizePreset
from studio.resolve.hosted import nearest
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.hosted_choices import HostedChoice
from studio.ui.ids import Id

QUALITIES = (("Draft", "draft"), ("Final", "final"))
# The drawn shape's area in square pixels; every shape covers the same.
AREA = 260
# The height that the drawings are centred in.
MOST = 24

Sizes = dict[str, dict[str, list[int]]]


class SizePicker:
    """The size presets, split into shapes (their aspect) and how much smaller a draft is."""

    def __init__(self, studio: Studio) -> None:
        presets = list(studio.presets.sizes.values())
        self.shapes: list[SizePreset] = [preset for preset in presets if preset.scale == 1]
        self._draft = min((preset.scale for preset in presets), default=1.0)

    def place(self) -> tuple[Any, Any]:
        """Put the two pickers at this place of the layout; returns shape and quality."""
        shape = gr.Radio(
            [(_name(preset), preset.id) for preset in self.shapes],
            value=next((preset.id for preset in self.shapes if preset.aspect == (1, 1)), None),
            label="Size",
            elem_id=f"{Id.FIELD}shape",
            interactive=True,
        )
        quality = gr.Radio(QUALITIES, value="final", label="Quality", elem_id=f"{Id.FIELD}quality", interactive=True)
        return shape, quality

    def sizes(self, model: Model) -> Sizes:
        """Width and height of each shape, for a draft and for a final picture."""
        return {
            "final": {preset.id: self._size(preset, 1.0, model) for preset in self.shapes},
            "draft": {preset.id: self._size(preset, self._draft, model) for preset in self.shapes},
        }

    def which(self, model: Model, width: int | None, height: int | None) -> str | None:
        """The shape that has this size when it is final."""
        return next((name for name, size in self.sizes(model)["final"].items() if size == [width, height]), None)

    def standards(self, model: Model, shape: str | None, quality: str) -> dict[str, Any]:
        """What width, height and steps are when they are left alone."""
        sizes = self.sizes(model)[quality]
        width, height = sizes.get(shape or "", (model.default("width"), model.default("height")))
        return {
            "width": width,
            "height": height,
            "steps": model.default("draft_steps" if quality == "draft" else "steps"),
        }

    def css(self) -> str:
        """A drawing of each shape before its label."""
        return "\n".join(_drawn(preset) for preset in self.shapes)

    def _size(self, preset: SizePreset, scale: float, model: Model) -> list[int]:
        if isinstance(model, HostedChoice) and model.endpoint.sizes:
            return list(nearest(model.endpoint.sizes, preset.aspect))
        scaled = preset.model_copy(update={"scale": scale})
        return list(scaled.size(model.family_facts(), model.default("width")))


def _name(preset: SizePreset) -> str:
    """The name without what the drawing shows better: the ratio, and which quality it is."""
    return re.sub(r"\s*(\d+:\d+|\(.*\))", "", preset.name)


def _drawn(preset: SizePreset) -> str:
    across, up = preset.aspect
    width, height = (AREA * across / up) ** 0.5, (AREA * up / across) ** 0.5
    margin = (MOST - height) / 2
    return (
        f'#field-shape label[data-testid="{_name(preset)}-radio-label"]::before '
        f"{{ width: {width:.0f}px; height: {height:.0f}px; margin: {margin:.1f}px 0 }}"
    )
