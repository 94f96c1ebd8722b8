"""The mask editor: Gradio's own image editor, given a small copy to paint on; the picture itself never goes through it.

What comes back of it is which places are painted. A mask that was loaded and not painted on stays itself to the pixel.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter

from studio.errors import InvalidRecipe
from studio.inputs import InputStore
from studio.ui.fast_gradio import gr

# The longer side of the copy that is painted on. The browser keeps one such picture for each stroke, times the square
# of its pixel ratio: at 1024 and ratio 3, 28 MB a stroke.
SHOWN_SIDE = 1024
# As much as the editor sends of it on a screen of four pixels for each.
MOST_LAYER = 4 * SHOWN_SIDE
# A small picture is shown this much larger, so that its pixels can be told apart.
MAGNIFIED = 4
# The brush's colour and how much of the picture it hides.
PAINT, OPACITY = "#3f7be0", 0.6
BRUSH_RADIUS = 36
# Alpha from which a place counts as painted: half the brush, where the rim of a stroke is smoothed.
PAINTED = 77
# The rim of a loaded mask may move by one pixel on its way through the browser's canvas.
RIM = 3

Size = tuple[int, int]


def place(**look: Any) -> Any:
    """Put the editor at this place of the layout; it is empty until it is given a value of `shown`.

    It must never have a loading status: Gradio reads whatever once had one back at each status of every listener, and
    reading the editor back is three pictures sent. So a listener that sets it says `show_progress_on` something else,
    and its value is read by script alone.
    """
    return gr.ImageEditor(
        # Only what is shown is encoded with loss; a mask's alpha is not.
        format="webp",
        # Pictures come from the source beside it: the canvas would keep a re-encoded copy only.
        sources=[],
        transforms=[],
        layers=False,
        buttons=[],
        brush=gr.Brush(
            default_size=BRUSH_RADIUS,
            colors=[(PAINT, OPACITY)],
            default_color=(PAINT, OPACITY),
            color_mode="fixed",
        ),
        eraser=gr.Eraser(default_size=BRUSH_RADIUS),
        interactive=True,
        show_label=False,
        **look,
    )


def shown(picture: Image.Image, mask: Image.Image | None = None) -> dict[str, Any]:
    """The editor's value for a picture and a mask (L, white is painted) of any size, nothing painted without one.

    There is always a layer: given with one, the editor forgets earlier strokes, so that Undo ends at this value.
    """
    size = _shown_size(picture.size)
    layer = Image.new("RGBA", size, (*_rgb(PAINT), 0))
    if mask is not None:
        layer.putalpha(_fitted(mask, size).point(lambda value: round(value * OPACITY)))
    return {"background": picture.resize(size, Image.Resampling.LANCZOS), "layers": [layer], "composite": None}


def read_layer(inputs: InputStore, path: Path) -> Image.Image:
    """The editor's layer in a file; InvalidRecipe where it is none, or larger than an editor sends."""
    with inputs.opened(path, "mask_image") as layer:
        if layer.format != "PNG":
            raise InvalidRecipe("mask_image", "A layer is a PNG file.", "Paint it again.")
        if max(layer.size) > MOST_LAYER:
            raise InvalidRecipe("mask_image", f"A layer has {MOST_LAYER} pixels a side at most.", "Paint it again.")
        return layer.convert("RGBA")


def painted(layers: Sequence[Image.Image], size: Size, loaded: Image.Image | None = None) -> Image.Image | None:
    """The mask (L, white is painted) at `size` from the editor's layers; None where nothing is painted.

    `loaded` is what the editor was given; it comes back itself unless somebody painted on it or erased.
    """
    if not layers:
        return None
    found = _union(layers)
    if loaded is not None and _is_untouched(found, loaded):
        return loaded
    if found.getbbox() is None:
        return None
    return found if found.size == size else _black_white(found.resize(size, Image.Resampling.BILINEAR), 128)


def _union(layers: Sequence[Image.Image]) -> Image.Image:
    """Black and white at the first layer's size: what any of the layers paints."""
    found = Image.new("L", layers[0].size)
    for layer in layers:
        alpha = layer.getchannel("A") if "A" in layer.getbands() else Image.new("L", layer.size)
        found = ImageChops.lighter(found, _black_white(_fitted(alpha, found.size), PAINTED))
    return found


def _is_untouched(found: Image.Image, loaded: Image.Image) -> bool:
    """Whether what is painted is the loaded mask, but for the place of its rim."""
    given = _black_white(_fitted(loaded, found.size), 128)
    if found.getbbox() is None:
        return given.getbbox() is None
    missing = ImageChops.subtract(given.filter(ImageFilter.MinFilter(RIM)), found)
    added = ImageChops.subtract(found, given.filter(ImageFilter.MaxFilter(RIM)))
    return missing.getbbox() is None and added.getbbox() is None


def _shown_size(size: Size) -> Size:
    scale = min(SHOWN_SIDE / max(size), MAGNIFIED)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _fitted(mask: Image.Image, size: Size) -> Image.Image:
    return mask if mask.size == size else mask.resize(size, Image.Resampling.BILINEAR)


def _black_white(mask: Image.Image, least: int) -> Image.Image:
    return mask.point(lambda value: 255 if value >= least else 0)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
