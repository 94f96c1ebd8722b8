"""What there is to know about a model family; facts, no weights, no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from studio.recipe import Task
from studio.recipe_parts import Ability
from studio.schedulers import Process, sampling


@dataclass(frozen=True)
class LatentColours:
    """A linear look at latents: red, green, blue = factors[channel] · latents + bias, in -1..1."""

    factors: tuple[tuple[float, float, float], ...]
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Signature:
    """How a checkpoint of the family is told from others.

    `denoiser` is the config class name of its UNet or transformer, `facts` are config values it must have; `keys`
    are tensor names (with their shape, where that decides) found in its single files. Where two families fit, the
    one that asks for more is meant; a family without `keys` has no single files.
    """

    denoiser: str
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[str, tuple[int, ...] | None] = field(default_factory=lambda: MappingProxyType({}))

    def fits_config(self, config: Mapping[str, object]) -> bool:
        """Whether the denoiser's `config.json` is one of this family."""
        return config.get("_class_name") == self.denoiser and all(
            config.get(name) == value for name, value in self.facts.items()
        )

    def fits_tensors(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether a single file with tensors of these names and shapes is one of this family."""
        return bool(self.keys) and all(
            name in shapes and shape in (None, shapes[name]) for name, shape in self.keys.items()
        )


def block_layouts(inputs: int, attentive: tuple[int, ...], outputs: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    """The two orders in which block weights of a LoRA are given for a UNet: for blocks with attention, and for all.

    `inputs` is how many input blocks there are, as many as output blocks; `attentive` and `outputs` are the numbers of
    those with attention. The text encoders, as BASE, come first.
    """
    each = range(inputs)
    return tuple(
        ("BASE", *(f"IN{n:02}" for n in before), "MID", *(f"OUT{n:02}" for n in after))
        for before, after in ((attentive, outputs), (each, each))
    )


@dataclass(frozen=True)
class Family:
    """One family: which diffusers class does which task, its defaults, limits and abilities.

    Sizes are in pixels: `native_side` is what it was trained at, `multiple` what both sides must be divisible by,
    `max_side` the most one side may have. `prompt_tokens` is how many tokens of a prompt it reads, without its
    begin and end marks, `tokenizer` the folder of the tokenizer that counts them. `clip_skip` is the layer of CLIP
    that it was trained on, counted from the last as A1111 counts; no later one is read. `preview` is None where a
    linear look is not known; it is fitted to the decoder then. `bound` names the only schedulers that its pipelines can
    use, where that is not every one of its process. `control_pipelines` do a task along the maps of ControlNets.
    `lora_blocks` are the orders in which block weights of a LoRA are given; without any it takes none.
    `vae_overflows`: its VAE was trained in float32, and comes out as no numbers in float16.
    `embeds_guidance`: its denoiser is told the guidance, and not asked a second time without the prompt.
    `noise` is what the scheduler's config of its published model says; files that others converted often lack some.
    """

    name: str
    pipelines: Mapping[Task, str]
    signature: Signature
    native_side: int
    scheduler: str
    steps: int
    guidance_scale: float
    prompt_tokens: int
    multiple: int = 8
    min_side: int = 64
    max_side: int = 2048
    process: Process = "diffusion"
    clip_skip: int = 1
    abilities: frozenset[Ability] = frozenset({"negative_prompt", "guidance", "strength", "clip_skip"})
    preview: LatentColours | None = None
    tokenizer: str = "tokenizer"
    bound: tuple[str, ...] = ()
    control_pipelines: Mapping[Task, str] = field(default_factory=lambda: MappingProxyType({}))
    lora_blocks: tuple[tuple[str, ...], ...] = ()
    embeds_guidance: bool = False
    vae_overflows: bool = False
    noise: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def weighs_maps(self) -> bool:
        """Whether what a ControlNet adds can be weighed by layer: in a UNet, whose layers go from fine to coarse."""
        return self.process == "diffusion"

    @property
    def weighs_words(self) -> bool:
        """Whether its text encoders read chunks of weighted words and embeddings: CLIP does, T5 beside it does not."""
        return self.process == "diffusion"

    def schedulers(self) -> tuple[str, ...]:
        """The names of the schedulers that can sample this family."""
        return self.bound or sampling(self.process)
