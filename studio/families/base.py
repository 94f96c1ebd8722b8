"""What there is to know about a model family; facts, no weights, no torch.

All that tells a family from others stands in its one file: its models and single files, the LoRAs, embeddings, VAEs,
ControlNets and IP-Adapters that are made for it. Whoever reads files asks the families, and names none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from studio.recipe import Ability, Task
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


@dataclass(frozen=True)
class ControlNetwork:
    """One sort of ControlNet for a family: `signature` tells its config and single files, `modes` are those of a union.

    `config` is what a single file is built by; it is empty where files of one sort are of several sizes. `modes` has
    the number by which a network that serves several kinds is told the kind of a map.
    """

    signature: Signature
    config: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    modes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


class ModelFiles(Protocol):
    """What can be seen of a model's files without loading it; each is asked for only where a family needs it."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of a single file's tensors, by name; empty for a folder."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What a single file's tool wrote into it."""

    @property
    def prediction(self) -> str | None:
        """What a single file is marked to predict; None where it does not say."""

    @property
    def denoiser(self) -> Mapping[str, object]:
        """The config of a folder's denoiser; empty for a single file."""

    def spread(self, tensor: str) -> float | None:
        """The standard deviation of a single file's tensor; None where there is none of this name."""


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


# Tensors of ControlNets as diffusers names them: what reads the map, and what reads the words in a block.
HINT = "controlnet_cond_embedding.conv_in.weight"
READS_WORDS = "down_blocks.{}.attentions.0.transformer_blocks.0.attn2.to_k.weight"


def unet_control_networks(config: Mapping[str, Any]) -> tuple[ControlNetwork, ...]:
    """The ControlNets for a UNet of Stable Diffusion 1 or 2: in diffusers' layout, and twice as first published."""
    width = config["cross_attention_dim"]
    layouts = [{HINT: None, READS_WORDS.format(0): (320, width)}]
    for prefix in ("", "control_model."):
        reads = f"{prefix}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
        layouts.append({f"{prefix}input_hint_block.0.weight": None, reads: (320, width)})
    signatures = (Signature("ControlNetModel", {"cross_attention_dim": width}, keys) for keys in layouts)
    return tuple(ControlNetwork(signature, config) for signature in signatures)


# What models of one family differ in beside their weights, as their files and configs tell; None where they do not.
Build = tuple[Any, ...] | None


@dataclass(frozen=True)
class Configs:
    """Where the configs and tokenizers of a family's single files are had, as the studio brings none.

    `repos` are repositories by build, `parts` are the folders of one beside its index; `build` reads a model's files.
    """

    repos: Mapping[Build, str]
    parts: tuple[str, ...]
    build: Callable[[ModelFiles], Build] | None = None


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

    `kin` is the family whose LoRAs, embeddings and ControlNets it takes, `vae_kin` the one whose VAEs: what those
    change, or read, is the same there. `latent_channels` and `vae_scale` tell its VAEs, `embedding_widths` its
    embeddings: how wide the vectors of each text encoder are. `lora_modules` are parts of layer names that only it has,
    `architecture` is what trainers write about the model that something was made for (a pattern, lower case), and
    `first_names` says what its layers were called where they were first published: pairs of a pattern of today's name
    and a template; `swapped` are those whose halves stand the other way round there, `{last}` being the number of the
    last block. `control_networks` are the sorts of ControlNet for it; `map_ranges` says what black and white of a
    map are to those for a transformer of one width, by kind, where not -1 and 1. `has_ip_adapters`: there are some.
    `configs` says where those of its single files are had. `variant` reads from a model's files in what it differs
    from the family, as keys of a model. `embedded`: its world is a drawn one, which the estimators and metrics that
    come with the studio know.
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
    kin: str | None = None
    vae_kin: str | None = None
    latent_channels: int = 4
    vae_scale: float | None = None
    embedding_widths: tuple[int, ...] = ()
    lora_modules: tuple[str, ...] = ()
    architecture: str = ""
    first_names: tuple[tuple[str, str], ...] = ()
    swapped: tuple[str, ...] = ()
    control_networks: tuple[ControlNetwork, ...] = ()
    map_ranges: Mapping[int, Mapping[str, tuple[float, float]]] = field(default_factory=lambda: MappingProxyType({}))
    has_ip_adapters: bool = False
    configs: Configs | None = None
    variant: Callable[[ModelFiles], Mapping[str, Any]] | None = None
    embedded: bool = False

    @property
    def text_width(self) -> int | None:
        """How wide the text is that its UNet reads; None for a transformer."""
        width = self.signature.facts.get("cross_attention_dim")
        return width if isinstance(width, int) else None

    def takes_embeddings(self, widths: tuple[int, ...]) -> bool:
        """Whether embeddings with vectors so wide, one for each text encoder, are made for it, and not for its kin."""
        return self.kin is None and self.embedding_widths == widths

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
