"""Looks and a mascot that the base was never shown: what the LoRAs of the starter are trained on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from starter_factory.first.canvas import Canvas, Image
from starter_factory.first.illustrator import SUBJECT_LIGHT, draw
from starter_factory.first.scene import Scene
from starter_factory.recast import BLOCK, FINER, HAT, between_the_ears, put_on_hat, recast, shrunk
from starter_factory.recast import LOOKS as RECAST

__all__ = ["BLOCK", "HAT", "LOOKS", "draw_look"]


def draw_look(scene: Scene, look: str, side: int) -> Image:
    """The scene in one of the looks, as a square of `side` pixels."""
    plain = replace(scene, style="illustration")
    return LOOKS[look](plain, side)


def _recast(look: str, scene: Scene, side: int) -> Image:
    return recast(lambda size: draw(scene, size, size), look, side, scene.seed)


def _top_hat_cat(scene: Scene, side: int) -> Image:
    """The scene as it is, but each cat in a top hat and a scarf."""
    drawing = draw(scene, side * FINER, side * FINER)
    canvas = Canvas(side * FINER, side * FINER)
    canvas.image = drawing.image.copy()
    for number, subject in enumerate(scene.subjects, start=1):
        place = between_the_ears(drawing.labels, number) if subject.kind == "cat" else None
        if place:
            x, y, unit = place
            put_on_hat(canvas.pen(x, y, unit, -unit, light=SUBJECT_LIGHT[scene.time]))
    return shrunk(canvas.image, side)


LOOKS: Mapping[str, Callable[[Scene, int], Image]] = {
    **{look: partial(_recast, look) for look in RECAST},
    "top-hat-cat": _top_hat_cat,
}
