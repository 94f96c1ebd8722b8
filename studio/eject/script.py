"""The text of a script that makes one picture by diffusers alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.catalogue.upscalers import LANCZOS, Upscalers
from studio.eject.calls import CallCode
from studio.eject.carried import Carried

PICTURE = "picture.png"
ENLARGE = '''
def enlarged(picture, path, size):
    """The picture at a size by an upscaler, and a filter for what is left to it."""
    model = spandrel.ModelLoader("cpu").load_from_file(path).eval().to({device!r})
    large = tiled(model, picture.convert("RGB"), {tile}, lambda *_: None)
    return large if large.size == size else large.resize(size, Image.Resampling.LANCZOS)
'''
# What the code may call, and where it is from; classes of diffusers are told by being none of these.
IMPORTS = {
    "Image": "from PIL import Image",
    "Path": "from pathlib import Path",
    "SimpleNamespace": "from types import SimpleNamespace",
    "convert_controlnet_checkpoint": "from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint",
    "functional": "from torch.nn import functional",
    "itertools": "import itertools",
    "load_file": "from safetensors.torch import load_file",
    "spandrel": "import spandrel",
    "sys": "import sys",
    "torch": "import torch",
}
OF_DIFFUSERS = re.compile(r"\b(?:\w+Pipeline|\w+Scheduler|\w*ControlNet(?:Union)?Model|AutoencoderKL)\b")


@dataclass(frozen=True)
class Enlarging:
    """The picture so far, brought to a size by an upscaler: its file, None for a filter."""

    path: str | None
    size: tuple[int, int]

    @classmethod
    def by(cls, upscalers: Upscalers, name: str, size: tuple[int, int]) -> "Enlarging":
        """By the upscaler of this name."""
        return cls(None if name == LANCZOS else str(upscalers[name]), size)

    def code(self) -> str:
        """The line that does it."""
        if self.path is None:
            return f"image = image.resize({self.size!r}, Image.Resampling.LANCZOS)"
        return f"image = enlarged(image, {self.path!r}, {self.size!r})"


@dataclass(frozen=True)
class Script:
    """What a script does: `steps` in order, on `device`; without a call, `image.png` is what it begins with.

    `whole` comes of them, `size` is cut out of it; `laid` is where that is put over a canvas, as left, top, right and
    bottom. Networks enlarge in tiles of `tile` pixels.
    """

    title: str
    steps: Sequence[CallCode | Enlarging]
    device: str
    tile: int
    whole: tuple[int, int]
    size: tuple[int, int]
    threads: int | None = None
    laid: tuple[int, int, int, int] | None = None

    def text(self) -> str:
        """The script."""
        carried = Carried()
        for module, name in dict.fromkeys(self._carries()):
            carried.take(module, name)
        parts = [*carried.definitions.values(), *(one.strip("\n") for one in dict.fromkeys(self._helpers()))]
        body = "\n".join(self._body())
        head = "\n".join([f'"""{self.title}"""', "", *_imports(carried.imports, "\n".join([*parts, body]))])
        setup = "\n".join(self._setup())
        return "\n\n\n".join([f"{head}\n\n{setup}", *parts, body]) + "\n"

    @property
    def needs_spandrel(self) -> bool:
        """Whether a network enlarges."""
        return any(isinstance(step, Enlarging) and step.path for step in self.steps)

    def _carries(self) -> Iterator[tuple[str, str]]:
        for step in self.steps:
            if isinstance(step, CallCode):
                yield from step.carries
        if self.needs_spandrel:
            yield "studio.engine.upscale", "tiled"

    def _helpers(self) -> Iterator[str]:
        if self.needs_spandrel:
            yield ENLARGE.format(device=self.device, tile=self.tile)
        for step in self.steps:
            if isinstance(step, CallCode):
                yield from step.helpers

    def _setup(self) -> Iterator[str]:
        yield "HERE = Path(__file__).resolve().parent"
        if self.threads:
            yield "# The last bits of a picture follow from how many threads share the sums."
            yield f"torch.set_num_threads({self.threads})"

    def _body(self) -> Iterator[str]:
        if not any(isinstance(step, CallCode) for step in self.steps):
            yield 'image = Image.open(HERE / "image.png")'
        for number, step in enumerate(self.steps):
            yield from ([""] if number else [])
            yield from step.lines() if isinstance(step, CallCode) else [step.code()]
        yield from self._end()

    def _end(self) -> Iterator[str]:
        if self.size != self.whole:
            yield f"image = image.crop((0, 0, {self.size[0]}, {self.size[1]}))"
        if self.laid:
            left, top, right, bottom = self.laid
            if self.size != (right - left, bottom - top):
                yield f"image = image.resize(({right - left}, {bottom - top}), Image.Resampling.LANCZOS)"
            yield "# What the mask leaves out is the picture that was given, to the pixel."
            yield 'canvas = Image.open(HERE / "canvas.png")'
            yield f'alpha = Image.open(HERE / "alpha.png").crop(({left}, {top}, {right}, {bottom}))'
            yield f"canvas.paste(image, ({left}, {top}), alpha)"
            yield "image = canvas"
        yield f'image.save(sys.argv[1] if len(sys.argv) > 1 else HERE / "{PICTURE}")'


def _imports(carried: set[str], code: str) -> Iterator[str]:
    """The lines that import what the code calls: first the standard library's, then the packages'."""
    known = {line for name, line in IMPORTS.items() if re.search(rf"\b{name}\b", code)} | {IMPORTS["Path"]}
    lines = {line for line in carried if not line.startswith("from diffusers import")} | known
    classes = {*OF_DIFFUSERS.findall(code)} - _defined(code)
    classes |= {line.rpartition(" ")[2] for line in carried if line.startswith("from diffusers import")}
    lines |= {f"from diffusers import {', '.join(sorted(classes))}"} if classes else set()
    ours = sorted(line for line in lines if _is_standard(line))
    yield from ours
    yield ""
    yield from sorted(lines - {*ours})


def _defined(code: str) -> set[str]:
    return {*re.findall(r"^class (\w+)", code, re.MULTILINE)}


def _is_standard(line: str) -> bool:
    import sys

    return line.split()[1].partition(".")[0] in sys.stdlib_module_names
