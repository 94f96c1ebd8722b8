"""What the mask editor sends: layers of at most `MOST_LAYER` pixels a side, and what they come to over a picture."""

from pathlib import Path

from PIL import Image

from studio.errors import InvalidRecipe
from studio.inputs import InputStore

# More than the editor sends, which paints on a copy.
MOST_LAYER = 4096

Size = tuple[int, int]


def read_layer(inputs: InputStore, path: Path) -> Image.Image:
    """The editor's layer in a file, as RGBA; InvalidRecipe where it is none, or larger than an editor sends."""
    with inputs.opened(path, "mask_image") as layer:
        if layer.format != "PNG":
            raise InvalidRecipe("mask_image", "A layer is a PNG file.", "Paint it again.")
        if max(layer.size) > MOST_LAYER:
            raise InvalidRecipe("mask_image", f"A layer has {MOST_LAYER} pixels a side at most.", "Paint it again.")
        return layer.convert("RGBA")


def painted(layer: Image.Image, size: Size) -> Image.Image | None:
    """The mask (L, white is painted) at `size`: how opaque the layer is; None where nothing is painted."""
    alpha = layer.getchannel("A") if "A" in layer.getbands() else None
    if alpha is None or alpha.getbbox() is None:
        return None
    return _fitted(alpha, size)


def sketched(picture: Image.Image, colours: Image.Image) -> Image.Image | None:
    """The picture with the layer's colours on it; None where there are none."""
    alpha = painted(colours, picture.size)
    if alpha is None:
        return None
    made = picture.convert("RGB")
    # Colours without opacity, which would darken the rim, do not count.
    made.paste(_fitted(colours, picture.size).convert("RGB"), mask=alpha)
    return made


def _fitted(layer: Image.Image, size: Size) -> Image.Image:
    return layer if layer.size == size else layer.resize(size, Image.Resampling.BILINEAR)
