"""The code that puts a pipeline together: its weights, and what stands beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.catalogue.controlnets import ControlNet
from studio.eject import sources
from studio.eject.lora_code import lora_code, lora_helpers
from studio.recipe import ImagePrompt, Lora, MappedUnit
from studio.studio import Studio

if TYPE_CHECKING:
    from studio.engine.recording import Call

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
ALWAYS = (0.0, 1.0)
WINDOWED = '''
def weigh(*_):
    """Before each step: what counts in it alone."""
    global active
    step, steps = next(calls), pipe.num_timesteps

    def on(start, end):
        return start <= step / steps and (step + 1) / steps <= end

'''


@dataclass(frozen=True)
class PipelineCode:
    """The code of the pipeline of a call, the picture's first (number 1) or a later one."""

    studio: Studio
    call: "Call"
    number: int
    device: str

    def file(self, name: str) -> str:
        """What a file of this call is called."""
        return name if self.number == 1 else f"{self.number}-{name}"

    @property
    def helpers(self) -> Iterator[str]:
        """Functions that it calls."""
        if any(network.single_file for network in self.networks):
            yield sources.SINGLE
        if self.call.layers:
            yield from lora_helpers(self._kinds)

    @property
    def networks(self) -> list[ControlNet]:
        """The networks that follow its maps."""
        return [self.studio.controlnets[unit.model] for unit in self.call.recipe.mapped_units]

    @property
    def needs_more(self) -> bool:
        """Whether ControlNets are told more of their maps than pipelines tell them."""
        modes = any(unit.mode != "balanced" for unit in self.call.recipe.mapped_units)
        return modes or any(network.modes or network.reads for network in self.networks)

    @property
    def units(self) -> Sequence[MappedUnit]:
        """The control units of its maps."""
        return self.call.recipe.mapped_units

    def loading(self) -> Iterator[str]:
        """The code that loads it."""
        call, dtype = self.call, f"torch.{self.call.dtype}"
        source = sources.of_model(self.studio, call.model, call.pipeline)
        yield "# A folder, a file or a name on the hub: where else the same weights are, say so here."
        yield f"MODEL = {source.place!r}"
        options = [f"{name}={value!r}" for name, value in source.options.items()]
        if self.networks:
            yield from self._controls()
            options.append("controlnet=controlnet")
        yield called(f"pipe = {source.cls}.{source.method}", ["MODEL", f"dtype={dtype}", *options])
        if call.recipe.vae:
            yield sources.vae(self.studio, call.recipe.vae, call.dtype)[0]
        yield f"pipe.to({self.device!r})"
        if call.pipeline == "StableDiffusion3InpaintPipeline":
            yield SHIFTED.strip()
        if call.pipeline.startswith("StableDiffusion3ControlNet") and not self.needs_more:
            yield UNDRAWN.strip()
        yield from self._beside()

    def _controls(self) -> Iterator[str]:
        """The networks that follow maps."""
        networks = [sources.network(self.studio, one, self.call.dtype) for one in self.networks]
        if not self.needs_more:
            yield f"controlnet = {networks[0]}" if len(networks) == 1 else called("controlnet =", networks, "[]")
            return
        units = [namespace(mode=unit.mode, weight=unit.weight, start=unit.start, end=unit.end) for unit in self.units]
        numbers = [one.mode(unit.kind) for one, unit in zip(self.networks, self.units, strict=True)]
        recipe = f"SimpleNamespace(mapped_units=[{', '.join(units)}], guided={self.call.recipe.guided})"
        ranges = [one.reads for one in self.networks]
        arguments = [recipe, f"[{', '.join(networks)}]", repr(numbers), repr(ranges)]
        yield called("controls = ControlNetConditioning", arguments)
        yield "controlnet = controls.network"

    def _beside(self) -> Iterator[str]:
        """IP-Adapters and LoRAs."""
        prompts, loras = self.call.recipe.image_prompts, self.call.recipe.loras if self.call.layers else ()
        if prompts:
            found = [sources.adapter(self.studio, self.studio.controlnets[unit.model]) for unit in prompts]
            places, folders, files = (list(each) for each in zip(*found, strict=True))
            yield called(
                "pipe.load_ip_adapter",
                [repr(places), f"subfolder={folders!r}", f"weight_name={files!r}", "image_encoder_folder=None"],
            )
            yield f"pipe.set_ip_adapter_scale({[unit.weight for unit in prompts]!r})"
        if loras:
            yield f'active = "{"1" * len(loras)}"'
            yield lora_code(self._kinds, self.file("loras.safetensors"))
        if not self.is_windowed:
            return
        yield WINDOWED.rstrip("\n")
        if loras:
            yield f'    active = "".join("01"[on(*one)] for one in {[(one.start, one.end) for one in loras]!r})'
        if prompts:
            windows = [(unit.weight, unit.start, unit.end) for unit in prompts]
            yield f"    scales = [weight if on(start, end) else 0.0 for weight, start, end in {windows!r}]"
            yield "    pipe.set_ip_adapter_scale(scales)"
        yield '\n\n(pipe.unet if hasattr(pipe, "unet") else pipe.transformer).register_forward_pre_hook(weigh)'

    @property
    def _kinds(self) -> set[str]:
        """The kinds of changes that LoRAs make."""
        states = self.call.layers.values()
        return {type(one).__name__ for layers in states for changes in layers.values() for one in changes}

    @property
    def is_windowed(self) -> bool:
        """Whether something counts in a part of the steps alone."""
        windowed: list[ImagePrompt | Lora] = [*self.call.recipe.image_prompts]
        windowed += self.call.recipe.loras if self.call.layers else ()
        return any((one.start, one.end) != ALWAYS for one in windowed)

    def turned(self) -> str:
        """The same model's other pipeline."""
        options = [f"{name}={value!r}" for name, value in sources.bare(self.call.pipeline).items()]
        more = ["controlnet=controlnet"] if self.networks else []
        return called(
            f"pipe = {self.call.pipeline}.from_pipe", ["pipe", f"dtype=torch.{self.call.dtype}", *more, *options]
        )


def called(what: str, arguments: Sequence[str], brackets: str = "()") -> str:
    """A call with an argument a line."""
    space = " " if what.endswith("=") else ""
    return "\n".join([f"{what}{space}{brackets[0]}", *(f"    {one}," for one in arguments), brackets[1]])


def namespace(**values: Any) -> str:
    """The expression of an object that has these values."""
    return f"SimpleNamespace({', '.join(f'{name}={value!r}' for name, value in values.items())})"
