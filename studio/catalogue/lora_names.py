"""What the tensors of a LoRA are called: which part of the change to which module each is, in every format there is."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from studio.catalogue.tensor_files import Header
from studio.families import FAMILIES, family_of_words

# The denoiser goes by one name here, whatever a pipeline calls it; so does T5, which is not the same one of them all.
DENOISER, T5 = "denoiser", "t5"
TAIL = re.compile(
    r"""
    (?: (?:_lora|\.lora|\.lora_linear_layer)\.(?P<diffusers>down|up)\.weight
      | \.(?P<xlabs_layer>(?:qkv|proj)_lora[12]?)\.(?P<xlabs>down|up)\.weight
      | \.lora_(?P<peft>[AB])(?:\.\w+)?\.weight
      | \.lora_(?P<kohya>down|up|mid)\.weight
      | \.(?P<alpha>alpha)
      | \.(?P<loha>hada_(?:w[12]_[ab]|t[12]))
      | \.(?P<lokr>lokr_(?:w[12](?:_[ab])?|t2))
      | \.(?P<dora>dora_scale|lora_magnitude_vector)(?:\.\w+)*
      | \.(?P<oft>oft_blocks|oft_diag|rescale)
      | \.(?P<full>diff|diff_b)
      | \.(?P<norm>w_norm|b_norm)
    )$""",
    re.VERBOSE,
)
# One role under several names.
ROLES = {
    "A": "down",
    "B": "up",
    "oft_diag": "oft_blocks",
    "w_norm": "diff",
    "b_norm": "diff_b",
}
# Of two that fit, the longer one stands first.
PREFIXES = {
    "lora_unet_": DENOISER,
    "lora_transformer_": DENOISER,
    "lycoris_": DENOISER,
    "oft_unet_": DENOISER,
    "unet.": DENOISER,
    "transformer.": DENOISER,
    "model.diffusion_model.": DENOISER,
    "diffusion_model.": DENOISER,
    "lora_te_": "text_encoder",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te3_": "text_encoder_3",
    "text_encoder.": "text_encoder",
    "text_encoder_2.": "text_encoder_2",
    "text_encoder_3.": "text_encoder_3",
    "text_encoders.clip_l.transformer.": "text_encoder",
    "text_encoders.clip_g.transformer.": "text_encoder_2",
    "text_encoders.t5xxl.transformer.": T5,
}
# Where the processors of XLabs put what they learned.
XLABS = {
    "qkv_lora1": "img_attn.qkv",
    "proj_lora1": "img_attn.proj",
    "qkv_lora2": "txt_attn.qkv",
    "proj_lora2": "txt_attn.proj",
    "qkv_lora": "qkv",
    "proj_lora": "linear2",
}
FORMATS = {
    "dora": "DoRA",
    "oft": "OFT",
    "lokr": "LoKr",
    "loha": "LoHa",
    "peft": "PEFT",
    "xlabs": "XLabs",
    "diffusers": "diffusers",
    "kohya": "kohya",
    "full": "full",
    "norm": "full",
}
# The parts that UNets begin with, in either of their layouts.
UNET_PARTS = (
    r"down_blocks|mid_block|up_blocks|conv_in|conv_norm_out|conv_out|time_embedding|add_embedding|class_embedding"
    r"|input_blocks|middle_block|output_blocks|time_embed|label_emb|out"
)
READERS = re.compile(r"(?:text_model|encoder|embeddings|final_layer_norm|text_projection|shared)(?:_|$)")
# What the studio does not put on, by what its tensors are called.
STRANGERS = (
    (re.compile(r"\.on_input$|\.ia3_l\b"), "of IA3, which weighs what a layer reads and adds nothing to it"),
    (re.compile(r"\.(?:a1|a2|b1|b2|bm)\.weight$"), "a GLoRA"),
    (re.compile(r"\.oft_R\b"), "an OFT in PEFT's own layout"),
    (re.compile(r"\.vera_lambda_[bd]\b"), "a VeRA"),
)
BUNDLED = re.compile(r"^bundle_emb\.(.+?)\.(string_to_param\.\*|emb_params|clip_[lg])$")
# What each kind of change is made of, and what may stand beside it.
HADA = frozenset(f"hada_w{number}_{end}" for number in (1, 2) for end in "ab")
WHOLES = (
    frozenset({"down", "up"}),
    HADA,
    *(frozenset({*first, *second}) for first in ({"lokr_w1"}, {"lokr_w1_a", "lokr_w1_b"})
      for second in ({"lokr_w2"}, {"lokr_w2_a", "lokr_w2_b"})),
    frozenset({"oft_blocks"}),
    frozenset({"diff"}),
)  # fmt: skip
BESIDE = frozenset({"alpha", "diff_b", "dora_scale", "lora_magnitude_vector", "rescale"})
# What names are told by is kept for as many as the largest files of all families have: those of one have the same.
NAMES = 2**15


@dataclass(frozen=True)
class Part:
    """One tensor: its `role` in the change to a module of a pipeline's component; `module` is as the file writes it."""

    component: str
    module: str
    role: str
    sort: str

    @property
    def flat(self) -> str:
        """The module's name with underscores for points, as kohya's formats have it."""
        return self.module.replace(".", "_")


@lru_cache(NAMES)
def part(key: str) -> Part | None:
    """What a tensor of this name is; None where no format has such a name."""
    tail = TAIL.search(key)
    if tail is None:
        return None
    sort = str(tail.lastgroup)
    module = key[: tail.start()].removeprefix("base_model.model.")
    component = DENOISER
    for prefix, name in PREFIXES.items():
        if module.startswith(prefix):
            module, component = module[len(prefix) :], name
            break
    if sort == "xlabs":
        module = f"{module.removesuffix('.processor')}.{XLABS[tail['xlabs_layer']]}"
    # Processors once held what now belongs to the attentions themselves.
    module = re.sub(r"\.processor\.to_", ".to_", module)
    if sort == "diffusers":
        module = re.sub(r"\.to_out$", ".to_out.0", module)
    return Part(component, module, ROLES.get(tail[sort], tail[sort]), sort)


def format_of(header: Header) -> str | None:
    """The format's name; None where no tensor is one of a LoRA."""
    parts = [(found, shape) for key, shape in header.shapes.items() if (found := part(key))]
    sorts = {found.sort for found, _ in parts}
    for sort, name in FORMATS.items():
        if sort in sorts:
            wide = any(found.role == "mid" or shape[2:] > (1, 1) for found, shape in parts)
            return "LoCon" if sort == "kohya" and wide else name
    return None


def stranger(keys: Iterable[str]) -> str | None:
    """What a file is whose changes the studio does not know how to make, in words; None where it is no such file."""
    found = [words for key in keys if (words := _strange(key))]
    return next((words for _, words in STRANGERS if words in found), None)


@lru_cache(NAMES)
def _strange(key: str) -> str | None:
    return next((words for pattern, words in STRANGERS if pattern.search(key)), None)


def bundled(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """The embeddings that a file brings along: by name, its tensors by what each is called in an embedding."""
    parts: dict[str, dict[str, str]] = {}
    for key in keys:
        if found := BUNDLED.match(key):
            parts.setdefault(found[1], {})[found[2]] = key
    return parts


def family_of(header: Header) -> str | None:
    """The id of the family, from names and shapes, else from what the file says; None where both leave it open."""
    return _by_tensors(header.shapes) or _by_words(header.metadata)


def rank_of(header: Header) -> int | None:
    """The rank of most of its modules."""
    ranks = Counter(
        shape[0]
        for key, shape in header.shapes.items()
        if len(shape) > 1 and (found := part(key)) and found.role in ("down", "hada_w1_b", "lokr_w2_b")
    )
    return ranks.most_common(1)[0][0] if ranks else None


def foreign(keys: Iterable[str]) -> list[str]:
    """The names that no format has, or that begin as no network of a known family does."""
    return [key for key in keys if _is_foreign(key)]


@lru_cache(NAMES)
def _is_foreign(key: str) -> bool:
    return not BUNDLED.match(key) and not _is_known(part(key))


def torn(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """What a change to a module lacks, in words, where one is not whole; None where all are."""
    modules: dict[tuple[str, str], dict[str, tuple[int, ...]]] = defaultdict(dict)
    for key, shape in shapes.items():
        if found := part(key):
            modules[found.component, found.module][found.role] = shape
    faults = (_torn(module, roles) for (_, module), roles in modules.items())
    return next((fault for fault in faults if fault), None)


def _torn(module: str, roles: Mapping[str, tuple[int, ...]]) -> str | None:
    held = roles.keys() - BESIDE
    if not held:
        return None if "diff_b" in roles else f"{module} has {' and '.join(sorted(roles))} and nothing else"
    lacks = min((whole - held for whole in WHOLES), key=len)
    if lacks:
        return f"{module} lacks its {' and '.join(sorted(lacks))}"
    ranks = {roles["down"][:1], roles["up"][1:2]} if "up" in roles and "mid" not in roles else set()
    return f"the two halves of {module} are of unlike rank" if len(ranks) > 1 else None


def _is_known(found: Part | None) -> bool:
    if found is None:
        return False
    return bool((_denoiser_parts() if found.component == DENOISER else READERS).match(found.flat))


def _by_tensors(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    parts = [(found, shape) for key, shape in shapes.items() if (found := part(key))]
    for found, shape in parts:
        if found.component == DENOISER and (family := _by_module(found.module)):
            return family
        reads = found.component == DENOISER and found.flat.endswith(("attn2_to_k", "attn2_to_v"))
        if reads and found.role in ("down", "hada_w1_b") and len(shape) > 1:
            return _by_text_width(shape[1])
    return None


def _by_module(module: str) -> str | None:
    """The one family that has modules with such a part in their names."""
    return next((family for pattern, family in _modules() if pattern.search(module)), None)


@cache
def _denoiser_parts() -> re.Pattern[str]:
    """What the names of layers begin with: a UNet's parts, and those of the families' transformers in both layouts."""
    pairs = {pair for facts in FAMILIES.values() for pair in facts.first_names}
    first = {re.split(r"\\?\.", name)[0] for pair in pairs for name in pair}
    return re.compile(rf"(?:{'|'.join((UNET_PARTS, *sorted(first)))})(?:_|$)")


@cache
def _modules() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile(rf"(^|[._])({'|'.join(facts.lora_modules)})[._]"), name)
        for name, facts in FAMILIES.items()
        if facts.lora_modules
    )


def _by_text_width(width: int) -> str | None:
    """The family whose UNet reads text so wide, of those that take LoRAs of their own."""
    own = ((name, facts) for name, facts in FAMILIES.items() if facts.kin is None and facts.lora_blocks)
    return next((name for name, facts in own if facts.text_width == width), None)


def _by_words(metadata: Mapping[str, str]) -> str | None:
    texts = (metadata.get(key, "") for key in ("modelspec.architecture", "ss_base_model_version"))
    return next(filter(None, map(family_of_words, texts)), None)
