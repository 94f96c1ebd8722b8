"""The layout that creators share checkpoints in: one file, with the tensor names of the original code."""

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any


def single_file(folder: Path, path: Path, **marks: Any) -> Path:
    """Write the weights of the SD 1.x, SDXL or refiner model in `folder` as one file with the original tensor names.

    `marks` are tensors that say how the model was trained.
    """
    from safetensors.torch import load_file, save_file

    def tensors(name: str) -> dict[str, Any]:
        return load_file(next((folder / name).glob("*.safetensors")))

    layers = json.loads((folder / "unet/config.json").read_text())["layers_per_block"]
    parts = [part for part in ("unet", "vae", "text_encoder", "text_encoder_2") if (folder / part).is_dir()]
    whole = original({part: tensors(part) for part in parts}, layers) | marks
    save_file({k: v.contiguous() for k, v in whole.items()}, path)
    return path


def original(parts: dict[str, dict[str, Any]], layers: int, *, open_clip: bool = False) -> dict[str, Any]:
    """The tensors of a model's parts under their original names; `open_clip`: its one text encoder is one of SD 2."""
    unet = parts["unet"]
    whole = {f"model.diffusion_model.{unet_key(k, layers, unet)}": v for k, v in unet.items()}
    whole |= {f"first_stage_model.{k}": v for k, v in vae_original(parts["vae"]).items()}
    if "text_encoder" not in parts:
        return whole | _open_clip("conditioner.embedders.0.model.", parts["text_encoder_2"])
    if "text_encoder_2" in parts:
        whole |= _clip("conditioner.embedders.0.transformer.", parts["text_encoder"])
        return whole | _open_clip("conditioner.embedders.1.model.", parts["text_encoder_2"])
    if open_clip:
        return whole | _open_clip("cond_stage_model.model.", parts["text_encoder"])
    return whole | _clip("cond_stage_model.transformer.", parts["text_encoder"])


def vae_original(tensors: dict[str, Any]) -> dict[str, Any]:
    """The tensors of a VAE under their original names."""
    return {_vae_key(key): _vae_value(key, value) for key, value in tensors.items()}


def configs_only(folder: Path, target: Path) -> Path:
    """Copy a model's folder without its weights: what a single file is loaded with."""
    for source in folder.rglob("*"):
        if source.is_file() and source.suffix != ".safetensors":
            copy = target / source.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    return target


_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def unet_key(key: str, layers: int, keys: Collection[str] = ()) -> str:
    """The original name of a UNet tensor; blocks are numbered through, a down or up sampler ends each.

    `keys` are those of the whole UNet; without them, an upsampler is taken to stand behind an attention.
    """
    stem, _, kind = key.rpartition(".")
    if stem in _UNET_ENDS:
        return f"{_UNET_ENDS[stem]}.{kind}"
    part = re.match(r"(down|mid|up)_blocks?\.(?:(\d)\.)?(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", key)
    assert part, key
    where, block, what, index, rest = part[1], int(part[2] or 0), part[3], int(part[4]), part[5]
    if what == "resnets":
        name, tail = rest.split(".", 1)
        rest = f"{_RESNET[name]}.{tail}"
    if where == "mid":
        return f"middle_block.{1 if what == 'attentions' else 2 * index}.{rest}"
    if what == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.op.{kind}"
    if where == "down":
        return f"input_blocks.{1 + block * (layers + 1) + index}.{int(what == 'attentions')}.{rest}"
    if what == "upsamplers":
        behind = 1 + (not keys or any(other.startswith(f"up_blocks.{block}.attentions.") for other in keys))
        return f"output_blocks.{block * (layers + 1) + layers}.{behind}.conv.{kind}"
    return f"output_blocks.{block * (layers + 1) + index}.{int(what == 'attentions')}.{rest}"


_VAE_BLOCKS = 4
_VAE_NAMES = (
    (r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2"),
    (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
    (r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{_VAE_BLOCKS - 1 - int(m[1])}.block.{m[2]}"),
    (r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{_VAE_BLOCKS - 1 - int(m[1])}.upsample"),
    (r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}"),
    (r"mid_block\.attentions\.0", "mid.attn_1"),
    ("conv_shortcut", "nin_shortcut"),
    ("conv_norm_out", "norm_out"),
    ("group_norm", "norm"),
    (r"to_out\.0", "proj_out"),
    (r"to_([qkv])\.", r"\1."),
)


def _vae_key(key: str) -> str:
    for pattern, name in _VAE_NAMES:
        key = re.sub(pattern, name, key)  # type: ignore[arg-type]
    return key


def _vae_value(key: str, value: Any) -> Any:
    """The original's attention is made of 1x1 convolutions."""
    return value[:, :, None, None] if ".to_" in key and key.endswith("weight") else value


def _clip(prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}text_model.{k.removeprefix('text_model.')}": v for k, v in tensors.items()}


def _open_clip(prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    """OpenCLIP keeps query, key and value in one tensor, and its projection transposed."""
    import torch

    plain = {k.removeprefix("text_model."): v for k, v in tensors.items()}
    out = {
        "positional_embedding": plain.pop("embeddings.position_embedding.weight"),
        "token_embedding.weight": plain.pop("embeddings.token_embedding.weight"),
        **({"text_projection": plain.pop("text_projection.weight").T} if "text_projection.weight" in plain else {}),
        "ln_final.weight": plain.pop("final_layer_norm.weight"),
        "ln_final.bias": plain.pop("final_layer_norm.bias"),
    }
    for key in [k for k in plain if ".q_proj." in k]:
        stem, kind = key.split(".q_proj.")
        joined = torch.cat([plain.pop(f"{stem}.{part}_proj.{kind}") for part in "qkv"])
        out[f"{_open_clip_key(stem)}.in_proj_{kind}"] = joined
    out |= {_open_clip_key(k): v for k, v in plain.items()}
    return {prefix + k: v for k, v in out.items()}


def _open_clip_key(key: str) -> str:
    for new, old in (
        ("encoder.layers.", "transformer.resblocks."),
        ("layer_norm1", "ln_1"),
        ("layer_norm2", "ln_2"),
        (".fc1.", ".c_fc."),
        (".fc2.", ".c_proj."),
        ("self_attn", "attn"),
    ):
        key = key.replace(new, old)
    return key
