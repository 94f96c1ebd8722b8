"""Recognises weights in the wrong folder, and names the folder that they belong to."""

from collections.abc import Iterator

from studio.catalogue import ip_adapters, lora_names, networks
from studio.catalogue.checkpoints import family_of_tensors
from studio.catalogue.tensor_files import Header
from studio.errors import ModelError, UnsupportedModel
from studio.families import FAMILIES

# A model that is no whole one, by what its tensors begin with.
PARTS = (
    (("model.diffusion_model.", "double_blocks.", "joint_blocks."), "the denoiser of a model, without the rest"),
    (("down_blocks.0.resnets.", "transformer_blocks.0."), "the denoiser of a model, without the rest"),
    (("text_model.", "conditioner.", "cond_stage_model.", "text_encoders."), "the text encoder of a model"),
)
VAE = ("decoder.conv_in.weight", "first_stage_model.decoder.conv_in.weight")


def what_else(head: Header) -> tuple[str, str] | None:
    """The kind of the tensors in words, and the folder for them, or "" where there is none; None for unknown ones."""
    return next(_candidates(head), None)


def _candidates(head: Header) -> Iterator[tuple[str, str]]:
    """All that they may be, the surest first."""
    shapes = head.shapes
    if family := family_of_tensors(shapes):
        yield f"a whole model of {FAMILIES[family].name}", "models"
    if ip_adapters.of_tensors(shapes):
        yield "an IP-Adapter", "ip-adapters"
    if networks.of_tensors(shapes):
        yield "a ControlNet", "controlnets"
    if lora_names.format_of(head) or lora_names.stranger(shapes):
        yield "a LoRA", "loras"
    if "emb_params" in shapes or set(shapes) == {"clip_l", "clip_g"}:
        yield "an embedding", "embeddings"
    for begins, what in PARTS:
        if any(name.startswith(begins) for name in shapes):
            yield what, ""
    if any(name in shapes for name in VAE):
        yield "a VAE", "vaes"


def refused(name: str, wanted: str, head: Header, cure: str) -> ModelError:
    """ModelError for a file of this name that is not what is `wanted`, with its true cure, else with `cure`."""
    found, article = what_else(head), "an" if wanted[0].lower() in "aeiou" else "a"
    if found is None:
        return UnsupportedModel(f"{name} is not {article} {wanted}: none of its tensors is called like one.", cure)
    what, folder = found
    move = f"Move it into {folder} in the data folder." if folder else f"Get the {wanted} itself."
    return UnsupportedModel(f"{name} is not {article} {wanted}: it is {what}.", move)
