"""Enlarging with a model that was trained for it, tile by tile, so that memory does not grow with the picture."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors import SafetensorError

from studio.backends.base import Held
from studio.catalogue.tensor_files import tensor_shapes
from studio.catalogue.upscalers import LANCZOS, Upscalers
from studio.engine.aux_models import Make
from studio.engine.device import Device
from studio.engine.memory import bytes_of, ran_out
from studio.errors import InvalidRecipe, OutOfMemory, UnsupportedModel
from studio.settings import Settings

# A tile's core and what is seen around it, in pixels of the small picture. What lies farther than the margin changes
# hardly anything: convolutions of this depth give most of their weight to what is near.
TILES = (512, 256, 128, 64)
CPU_TILE = 192
MARGIN = 24
# A model's result before it is brought to the size that was asked for: three bytes a pixel, held at once.
MOST_ENLARGED = 2**28


# Called after each tile with its number and how many there are; raises to end the work.
OnTile = Callable[[int, int], None]
# Called with the bytes that are needed; unloads what is not in use until they are free.
Evict = Callable[[float], bool]


class Upscaler:
    """The upscaler last used, on the device; the pipeline manager's, who says when it goes."""

    def __init__(self, settings: Settings, device: Device, make: Make, evict: Evict) -> None:
        self._upscalers = Upscalers(settings)
        self._device = device
        self._make = make
        self._evict = evict
        self._loaded: tuple[Path, Any] | None = None

    @property
    def bytes(self) -> int:
        """What the weights of the loaded one take."""
        return sum(one.device_bytes for one in self.held())

    def held(self) -> list[Held]:
        """The one that is loaded, if any; may be asked from any thread."""
        loaded = self._loaded
        return [Held("upscaler", loaded[0].stem, bytes_of(loaded[1].model))] if loaded else []

    def enlarge(self, name: str, picture: Image.Image, size: tuple[int, int], on_tile: OnTile) -> Image.Image:
        """The RGB picture at `size` (width, height), by the upscaler `name` and a filter for what is left to it.

        Raises ModelError where the upscaler is none or missing, DeviceError where memory does not suffice for the
        smallest tile, and whatever `told` raises.
        """
        if name == LANCZOS:
            on_tile(1, 1)
            return picture.resize(size, Image.Resampling.LANCZOS)
        model = self._model(name)
        pixels = picture.width * picture.height * model.scale**2
        if pixels > MOST_ENLARGED:
            raise InvalidRecipe(
                "init_image",
                f"{name} would make {pixels / 1e6:.0f} million pixels; the limit is {MOST_ENLARGED / 1e6:.0f}.",
                f"Make the picture smaller, or choose the upscaler {LANCZOS}.",
            )
        large = self._tiled(model, picture.convert("RGB"), on_tile)
        return large if large.size == size else large.resize(size, Image.Resampling.LANCZOS)

    def clear(self) -> None:
        """Give back its memory."""
        self._loaded = None

    def _model(self, name: str) -> Any:
        path = self._upscalers[name]
        if self._loaded is None or self._loaded[0] != path:
            self.clear()
            place = self._device.torch_device
            made = self._make(f"the upscaler {name}", lambda: load(path).to(place), path.stat().st_size)
            self._loaded = path, made
        return self._loaded[1]

    def _tiled(self, model: Any, picture: Image.Image, on_tile: OnTile) -> Image.Image:
        for tile in (CPU_TILE,) if self._device.kind == "cpu" else TILES:
            try:
                return tiled(model, picture, tile, on_tile)
            except (RuntimeError, MemoryError) as error:
                if not ran_out(error):
                    raise
            # Behind the handler, where the error no longer holds the tensors.
            self._evict(math.inf)
            self._device.release()
        raise OutOfMemory(
            f"{self._device.name} ran out of memory while enlarging.", "Close other programs that use the device."
        )


def load(path: Path) -> Any:
    """An upscaler from its .safetensors, on the CPU in float32; ModelError where it is none."""
    import spandrel

    tensor_shapes(path)
    cure = "Choose an upscaler such as those of the Real-ESRGAN family, as .safetensors."
    try:
        model = spandrel.ModelLoader("cpu").load_from_file(path)
    except (spandrel.UnsupportedModelError, SafetensorError, RuntimeError, ValueError, LookupError, OSError) as error:
        raise UnsupportedModel(f"{path.name} is not an upscaler that can be loaded.", cure) from error
    if not isinstance(model, spandrel.ImageModelDescriptor) or (model.input_channels, model.output_channels) != (3, 3):
        raise UnsupportedModel(f"{path.name} does not turn colour pictures into colour pictures.", cure)
    return model.eval()


def tiled(model: Any, picture: Image.Image, tile: int, on_tile: OnTile, margin: int = MARGIN) -> Image.Image:
    """The RGB picture through the model in tiles, each seen with a margin around it that its neighbours paint."""
    places = list(itertools.product(range(0, picture.height, tile), range(0, picture.width, tile)))
    large = Image.new("RGB", (picture.width * model.scale, picture.height * model.scale))
    for done, (top, left) in enumerate(places, start=1):
        right, bottom = min(left + tile, picture.width), min(top + tile, picture.height)
        seen = (
            max(0, left - margin),
            max(0, top - margin),
            min(picture.width, right + margin),
            min(picture.height, bottom + margin),
        )
        made = Image.fromarray(_through(model, np.asarray(picture.crop(seen))))
        core = [(at - seen[k % 2]) * model.scale for k, at in enumerate((left, top, right, bottom))]
        large.paste(made.crop((core[0], core[1], core[2], core[3])), (left * model.scale, top * model.scale))
        on_tile(done, len(places))
    return large


def _through(model: Any, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Pixels (height, width, 3) through the model."""
    image = torch.from_numpy(pixels.copy()).to(model.device, model.dtype).movedim(-1, 0)[None] / 255
    made = model(image)[0].movedim(0, -1).float() * 255
    result: npt.NDArray[np.uint8] = made.round().clamp(0, 255).byte().cpu().numpy()
    return result
