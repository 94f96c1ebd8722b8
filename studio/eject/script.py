"""The text of a script of diffusers that makes one picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any

from studio.eject.lora_code import lora_code

PICTURE = "picture.png"
# How wide the lines of the script are.
COLUMNS = 100
# Of two pipelines of Stable Diffusion 3: one decodes without the shift that it encodes with, the other draws the
# latents of a map with noise that no seed brings back.
SHIFTED = """
decode, shift = pipe.vae.decode, pipe.vae.config.shift_factor
pipe.vae.decode = lambda latents, **how: decode(latents + shift, **how)
"""
UNDRAWN = """
encode = pipe.vae.encode
pipe.vae.encode = lambda pixels: SimpleNamespace(
    latent_dist=SimpleNamespace(sample=encode(pixels).latent_dist.mode)
)
"""
MIXED = '''
other = torch.Generator({device!r}).manual_seed({seed})


class Mixed(TorchFunctionMode):
    """Turns each draw of noise by a share towards that of another seed, on the arc between the two."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        start = function(*args, **(kwargs or {{}}))
        if function is not torch.randn or (kwargs or {{}}).get("generator") is not generator:
            return start
        end, share = function(*args, **{{**kwargs, "generator": other}}), {share!r}
        a, b = start.double().flatten(), end.double().flatten()
        angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
        if angle.sin() < 1e-4:
            return torch.lerp(start, end, share)
        mixed = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / torch.sin(angle)
        return mixed.to(start.dtype).view_as(start)

'''
CHURN = """
pipe.scheduler.step = functools.wraps(pipe.scheduler.step)(
    functools.partial(pipe.scheduler.step, s_churn={churn!r}, s_noise={noise!r})
)
"""


@dataclass(frozen=True)
class Source:
    """Where weights are: the class that loads them, by which method, from what, and with what options."""

    cls: str
    place: str
    options: Mapping[str, Any] = field(default_factory=dict)
    method: str = "from_pretrained"


@dataclass(frozen=True)
class Script:
    """What a script does: `pictures` are files by argument, `laid` where the result is put over a canvas.

    `changes` are the kinds of changes that LoRAs make. `variation` is the seed whose noise is mixed in, and its share;
    `churn` how much noise each step puts back, and how strong.
    """

    title: str
    model: Source
    scheduler: Mapping[str, Any]
    dtype: str
    device: str
    arguments: Mapping[str, Any]
    seed: int
    noise_device: str = "cpu"
    threads: int | None = None
    networks: Sequence[Source] = ()
    vae: Source | None = None
    pictures: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    has_words: bool = False
    changes: frozenset[str] = frozenset()
    variation: tuple[int, float] | None = None
    churn: tuple[float, float] | None = None
    size: tuple[int, int] | None = None
    laid: tuple[int, int, int, int] | None = None

    def text(self) -> str:
        """The script."""
        body = [*self._setup(), *self._pipeline(), *self._call(), *self._end()]
        return "\n".join([f'"""{self.title}"""', "", *self._imports("\n".join(body)), *body]) + "\n"

    def _imports(self, body: str) -> Iterator[str]:
        classes = {self.model.cls, self.scheduler["class"], *(one.cls for one in self.networks)}
        classes |= {self.vae.cls} if self.vae else set()
        yield from (["import functools"] if "functools." in body else [])
        yield "import sys"
        yield "from pathlib import Path"
        yield from (["from types import SimpleNamespace"] if "SimpleNamespace" in body else [])
        yield "\nimport torch"
        yield f"from diffusers import {', '.join(sorted(classes))}"
        yield from (["from PIL import Image"] if "Image." in body else [])
        yield from (["from safetensors.torch import load_file"] if "load_file" in body else [])
        yield from (["from torch.nn import functional"] if "functional." in body else [])
        yield from (["from torch.overrides import TorchFunctionMode"] if "TorchFunctionMode" in body else [])
        yield ""

    def _setup(self) -> Iterator[str]:
        yield "HERE = Path(__file__).resolve().parent"
        yield "# A folder, a file or a name on the hub: where else the same weights are, say so here."
        yield f"MODEL = {self.model.place!r}"
        if self.threads:
            yield "# The last bits of a picture follow from how many threads share the sums."
            yield f"torch.set_num_threads({self.threads})"

    def _pipeline(self) -> Iterator[str]:
        dtype = f"torch.{self.dtype}"
        options = [f"{name}={value!r}" for name, value in self.model.options.items()]
        if self.networks:
            loaded = [f"{one.cls}.{one.method}({one.place!r}, dtype={dtype}{_more(one)})" for one in self.networks]
            options.append(f"controlnet={loaded[0] if len(loaded) == 1 else '[' + ', '.join(loaded) + ']'}")
        yield _called(f"pipe = {self.model.cls}.{self.model.method}", ["MODEL", f"dtype={dtype}", *options])
        config = {name: value for name, value in self.scheduler.items() if name != "class"}
        yield f"pipe.scheduler = {self.scheduler['class']}.from_config(\n{_shown(config)}\n)"
        if self.vae:
            yield f"pipe.vae = {self.vae.cls}.{self.vae.method}({self.vae.place!r}, dtype={dtype}{_more(self.vae)})"
        yield f"pipe.to({self.device!r})"
        if self.model.cls == "StableDiffusion3InpaintPipeline":
            yield SHIFTED.strip()
        if self.model.cls.startswith("StableDiffusion3ControlNet"):
            yield UNDRAWN.strip()
        if self.churn:
            yield CHURN.format(churn=self.churn[0], noise=self.churn[1]).strip()
        if self.changes:
            yield lora_code(self.changes)

    def _call(self) -> Iterator[str]:
        values = [f"{name}={_value(value)}" for name, value in self.arguments.items()]
        values += [f"{name}={_opened(files)}" for name, files in self.pictures.items()]
        if self.has_words:
            yield "# What the text encoders made of the prompts: these have weights, or more than one window of words."
            yield 'words = load_file(HERE / "words.safetensors")'
            yield "words = {name: tensor.to(pipe.device) for name, tensor in words.items()}"
            values.append("**words")
        yield f"generator = torch.Generator({self.noise_device!r}).manual_seed({self.seed})"
        call = f"{_called('image = pipe', [*values, 'generator=generator'])}.images[0]"
        if self.variation is None:
            yield call
            return
        seed, share = self.variation
        yield MIXED.format(device=self.noise_device, seed=seed, share=share)
        yield "with Mixed():\n    " + call.replace("\n", "\n    ")

    def _end(self) -> Iterator[str]:
        if self.size:
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


def _called(what: str, arguments: Sequence[str]) -> str:
    """A call with an argument a line."""
    return "\n".join([f"{what}(", *(f"    {one}," for one in arguments), ")"])


def _shown(value: Any) -> str:
    return "\n".join(f"    {line}" for line in pformat(value, width=COLUMNS - 4, sort_dicts=False).split("\n"))


def _value(value: Any) -> str:
    return repr(value)


def _opened(files: str | Sequence[str]) -> str:
    if isinstance(files, str):
        return f'Image.open(HERE / "{files}")'
    return f"[{', '.join(map(_opened, files))}]"


def _more(source: Source) -> str:
    return "".join(f", {name}={value!r}" for name, value in source.options.items())
