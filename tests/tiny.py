"""Tiny models of every family: random weights in the real classes, with the config values a family is told by.

`build(family, folder)` writes a diffusers folder of a few megabytes; `single_file(folder, path)` rewrites one in the
layout that creators share checkpoints in. Torch is imported when they are called, not before.
"""

import json
import re
import string
from pathlib import Path
from typing import Any

FAMILIES = ("starter", "sd15", "sd21", "sdxl", "lcm", "sd3", "flux")
# Those that paint into a picture only.
INPAINTERS = ("sd15_inpaint", "sdxl_inpaint")
SIDE = 64
PROMPT = "a red house by the sea"


def build(family: str, folder: Path, seed: int = 0) -> Path:
    """Write a tiny model of `family` into `folder`; the same seed gives the same weights."""
    import torch
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.disable_progress_bar()
        logging.set_verbosity_error()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = _BUILDERS[family]()
    pipeline.save_pretrained(folder)
    return folder


def single_file(folder: Path, path: Path) -> Path:
    """Write the weights of the SD 1.x or SDXL model in `folder` as one file with the original tensor names."""
    from safetensors.torch import load_file, save_file

    def tensors(name: str) -> dict[str, Any]:
        return load_file(next((folder / name).glob("*.safetensors")))

    layers = json.loads((folder / "unet/config.json").read_text())["layers_per_block"]
    whole = {f"model.diffusion_model.{_unet_key(k, layers)}": v for k, v in tensors("unet").items()}
    whole |= {f"first_stage_model.{_vae_key(k)}": _vae_value(k, v) for k, v in tensors("vae").items()}
    if (folder / "text_encoder_2").is_dir():
        whole |= _clip("conditioner.embedders.0.transformer.", tensors("text_encoder"))
        whole |= _open_clip("conditioner.embedders.1.model.", tensors("text_encoder_2"))
    else:
        whole |= _clip("cond_stage_model.transformer.", tensors("text_encoder"))
    save_file({k: v.contiguous() for k, v in whole.items()}, path)
    return path


def upscaler(path: Path, scale: int = 4, seed: int = 0) -> Path:
    """Write a tiny upscaler of a known architecture: it repeats each pixel `scale` times, with some blur."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(seed)
    tensors = {
        "body.0.weight": torch.rand(8, 3, 3, 3, generator=generator) * 0.1 - 0.05,
        "body.0.bias": torch.zeros(8),
        "body.1.weight": torch.full((8,), 0.25),
        "body.2.weight": torch.rand(3 * scale**2, 8, 3, 3, generator=generator) * 0.1 - 0.05,
        "body.2.bias": torch.zeros(3 * scale**2),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path


def configs_only(folder: Path, target: Path) -> Path:
    """Copy a model's folder without its weights: what a single file is loaded with."""
    for source in folder.rglob("*"):
        if source.is_file() and source.suffix != ".safetensors":
            copy = target / source.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    return target


def _starter() -> Any:
    from studio.families.starter import FAMILY

    return _stable_diffusion(FAMILY.signature.facts["cross_attention_dim"], prediction_type="v_prediction")


def _sd15() -> Any:
    return _stable_diffusion(768)


def _sd21() -> Any:
    return _stable_diffusion(1024, prediction_type="v_prediction")


def _lcm() -> Any:
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    return LatentConsistencyModelPipeline(
        unet=_unet(cross_attention_dim=768, time_cond_proj_dim=256),
        vae=_vae(),
        text_encoder=_clip_encoder(768),
        tokenizer=_clip_tokenizer(),
        scheduler=LCMScheduler(**_noise()),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _stable_diffusion(cross: Any, prediction_type: str = "epsilon") -> Any:
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    return StableDiffusionPipeline(
        unet=_unet(cross_attention_dim=cross),
        vae=_vae(),
        text_encoder=_clip_encoder(cross),
        tokenizer=_clip_tokenizer(),
        scheduler=PNDMScheduler(skip_prk_steps=True, prediction_type=prediction_type, **_noise()),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sd15_inpaint() -> Any:
    from diffusers import StableDiffusionInpaintPipeline

    plain = _stable_diffusion(768)
    parts = {**plain.components, "unet": _unet(cross_attention_dim=768, in_channels=9)}
    return StableDiffusionInpaintPipeline(**parts, requires_safety_checker=False)


def _sdxl_inpaint() -> Any:
    from diffusers import StableDiffusionXLInpaintPipeline

    parts = {name: part for name, part in _sdxl(in_channels=9).components.items() if part is not None}
    return StableDiffusionXLInpaintPipeline(**parts, add_watermarker=False)


def _sdxl(**facts: Any) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    return StableDiffusionXLPipeline(
        unet=_unet(
            **facts,
            cross_attention_dim=2048,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
            use_linear_projection=True,
        ),
        vae=_vae(scaling_factor=0.13025, force_upcast=True),
        text_encoder=_clip_encoder(768),
        text_encoder_2=_clip_encoder(1280, projection=True),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(),
        scheduler=EulerDiscreteScheduler(**_noise()),
        add_watermarker=False,
    )


def _sd3() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=64,
        caption_projection_dim=32,
        pooled_projection_dim=64,
        out_channels=16,
        pos_embed_max_size=64,
    )
    return StableDiffusion3Pipeline(
        transformer=transformer,
        vae=_flow_vae(),
        text_encoder=_clip_encoder(32, projection=True),
        text_encoder_2=_clip_encoder(32, projection=True),
        text_encoder_3=_t5_encoder(64),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(),
        tokenizer_3=_t5_tokenizer(256),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _flux() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    transformer = FluxTransformer2DModel(
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=64,
        pooled_projection_dim=32,
        guidance_embeds=True,
        axes_dims_rope=(4, 4, 8),
    )
    return FluxPipeline(
        transformer=transformer,
        vae=_flow_vae(),
        text_encoder=_clip_encoder(32),
        text_encoder_2=_t5_encoder(64),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_t5_tokenizer(512),
        scheduler=FlowMatchEulerDiscreteScheduler(
            shift=3.0, use_dynamic_shifting=True, base_image_seq_len=256, max_image_seq_len=4096
        ),
    )


_BUILDERS = {
    "starter": _starter,
    "sd15": _sd15,
    "sd21": _sd21,
    "sdxl": _sdxl,
    "lcm": _lcm,
    "sd3": _sd3,
    "flux": _flux,
    "sd15_inpaint": _sd15_inpaint,
    "sdxl_inpaint": _sdxl_inpaint,
}


def _noise() -> dict[str, Any]:
    """The training noise of Stable Diffusion."""
    return {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "steps_offset": 1,
    }


def _unet(**facts: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=SIDE // 8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        norm_num_groups=8,
        **facts,
    )


def _vae(latent_channels: int = 4, **facts: Any) -> Any:
    from diffusers import AutoencoderKL

    blocks = 4  # each but the last halves the side: 8 pixels a latent, as in the real ones
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        latent_channels=latent_channels,
        norm_num_groups=4,
        sample_size=SIDE,
        **facts,
    )


def _flow_vae() -> Any:
    return _vae(16, scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False)


def _clip_encoder(width: int, *, projection: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = _clip_tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        projection_dim=width,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config)


def _t5_encoder(width: int) -> Any:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(vocab_size=200, d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return T5EncoderModel(config)


def _clip_tokenizer() -> Any:
    """Every printable character is a token, alone or at a word's end, and so is "the"."""
    from transformers import CLIPTokenizer

    characters = sorted(set(string.printable.lower()) - set(string.whitespace))
    pieces = [*characters, *(f"{c}</w>" for c in characters), "th", "the</w>", "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={piece: index for index, piece in enumerate(pieces)},
        merges=[("t", "h"), ("th", "e</w>")],
        model_max_length=77,
    )


def _t5_tokenizer(length: int) -> Any:
    from transformers import T5TokenizerFast

    pieces = ["<pad>", "</s>", "<unk>", "▁", *string.ascii_lowercase]
    return T5TokenizerFast(
        vocab=[(piece, -1.0 * (index > 2)) for index, piece in enumerate(pieces)], extra_ids=0, model_max_length=length
    )


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


def _unet_key(key: str, layers: int) -> str:
    """The original name of a UNet tensor; blocks are numbered through, a down or up sampler ends each."""
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
    if what == "upsamplers":  # here it stands behind an attention
        return f"output_blocks.{block * (layers + 1) + layers}.2.conv.{kind}"
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
        "text_projection": plain.pop("text_projection.weight").T,
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
