"""FLUX.1: a diffusion transformer of 12 billion parameters that follows a flow; guidance is distilled into it."""

from collections.abc import Mapping
from typing import Any

from studio.families.base import Build, Configs, ControlNetwork, Family, LatentColours, ModelFiles, Signature

# What its layers were called where they were first published; what has one name there is one layer there.
FIRST_NAMES = (
    (r"transformer_blocks\.(\d+)\.attn\.to_[qkv]", r"double_blocks.\1.img_attn.qkv"),
    (r"transformer_blocks\.(\d+)\.attn\.add_[qkv]_proj", r"double_blocks.\1.txt_attn.qkv"),
    (r"transformer_blocks\.(\d+)\.attn\.to_out\.0", r"double_blocks.\1.img_attn.proj"),
    (r"transformer_blocks\.(\d+)\.attn\.to_add_out", r"double_blocks.\1.txt_attn.proj"),
    (r"transformer_blocks\.(\d+)\.ff\.net\.(\d)(?:\.proj)?", r"double_blocks.\1.img_mlp.\2"),
    (r"transformer_blocks\.(\d+)\.ff_context\.net\.(\d)(?:\.proj)?", r"double_blocks.\1.txt_mlp.\2"),
    (r"transformer_blocks\.(\d+)\.norm1\.linear", r"double_blocks.\1.img_mod.lin"),
    (r"transformer_blocks\.(\d+)\.norm1_context\.linear", r"double_blocks.\1.txt_mod.lin"),
    (r"single_transformer_blocks\.(\d+)\.(?:attn\.to_[qkv]|proj_mlp)", r"single_blocks.\1.linear1"),
    (r"single_transformer_blocks\.(\d+)\.attn\.to_[qkv]", r"single_blocks.\1.qkv"),
    (r"single_transformer_blocks\.(\d+)\.proj_out", r"single_blocks.\1.linear2"),
    (r"single_transformer_blocks\.(\d+)\.norm\.linear", r"single_blocks.\1.modulation.lin"),
    (r"time_text_embed\.timestep_embedder\.linear_1", "time_in.in_layer"),
    (r"time_text_embed\.timestep_embedder\.linear_2", "time_in.out_layer"),
    (r"time_text_embed\.text_embedder\.linear_1", "vector_in.in_layer"),
    (r"time_text_embed\.text_embedder\.linear_2", "vector_in.out_layer"),
    (r"time_text_embed\.guidance_embedder\.linear_1", "guidance_in.in_layer"),
    (r"time_text_embed\.guidance_embedder\.linear_2", "guidance_in.out_layer"),
    ("x_embedder", "img_in"),
    ("context_embedder", "txt_in"),
    (r"norm_out\.linear", "final_layer.adaLN_modulation.1"),
    ("proj_out", "final_layer.linear"),
)
# What the weights without guidance, schnell and its kin, learned otherwise than dev.
SCHNELL: Mapping[str, Any] = {"steps": 4, "guidance_scale": 0.0, "abilities": [], "prompt_tokens": 255}
GUIDANCE = "model.diffusion_model.guidance_in.in_layer.weight"


def _variant(files: ModelFiles) -> Mapping[str, Any]:
    """Whether they take no guidance."""
    guided = GUIDANCE in files.shapes if files.shapes else files.denoiser.get("guidance_embeds") is not False
    return {} if guided else SCHNELL


def _build(files: ModelFiles) -> Build:
    """Whether they have layers for guidance."""
    return (GUIDANCE in files.shapes if files.shapes else files.denoiser.get("guidance_embeds") is True,)


FAMILY = Family(
    name="FLUX.1",
    pipelines={
        "text2img": "FluxPipeline",
        "img2img": "FluxImg2ImgPipeline",
        "inpaint": "FluxInpaintPipeline",
    },
    control_pipelines={
        "text2img": "FluxControlNetPipeline",
        "img2img": "FluxControlNetImg2ImgPipeline",
        "inpaint": "FluxControlNetInpaintPipeline",
    },
    # 64 channels are 16 of the latent in patches of 2x2; Fill, Canny and Depth have more and need an image. The text
    # encoders are asked for, because there are files of the denoiser alone, which make no picture.
    signature=Signature(
        denoiser="FluxTransformer2DModel",
        facts={"in_channels": 64},
        keys={
            "model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale": None,
            "model.diffusion_model.img_in.weight": (3072, 64),
            "text_encoders.clip_l.transformer.text_model.embeddings.position_embedding.weight": None,
            "text_encoders.t5xxl.transformer.shared.weight": None,
        },
    ),
    native_side=1024,
    scheduler="Flow Euler",
    steps=28,
    guidance_scale=3.5,
    # T5 reads 512 with its end mark; CLIP gives only the pooled summary of the first 75.
    prompt_tokens=511,
    tokenizer="tokenizer_2",
    multiple=16,
    process="flow",
    embeds_guidance=True,
    abilities=frozenset({"guidance", "strength"}),
    preview=LatentColours(
        factors=(
            (-0.0346, 0.0244, 0.0681),
            (0.0034, 0.0210, 0.0687),
            (0.0275, -0.0668, -0.0433),
            (-0.0174, 0.0160, 0.0617),
            (0.0859, 0.0721, 0.0329),
            (0.0004, 0.0383, 0.0115),
            (0.0405, 0.0861, 0.0915),
            (-0.0236, -0.0185, -0.0259),
            (-0.0245, 0.0250, 0.1180),
            (0.1008, 0.0755, -0.0421),
            (-0.0515, 0.0201, 0.0011),
            (0.0428, -0.0012, -0.0036),
            (0.0817, 0.0765, 0.0749),
            (-0.1264, -0.0522, -0.1103),
            (-0.0280, -0.0881, -0.0499),
            (-0.1262, -0.0982, -0.0778),
        ),
        bias=(-0.0329, -0.0718, -0.0851),
    ),
    latent_channels=16,
    vae_scale=0.3611,
    lora_modules=("single_transformer_blocks", "double_blocks", "single_blocks"),
    architecture=r"^flux([-.]?1|$)",
    first_names=FIRST_NAMES,
    swapped=("norm_out.linear",),
    control_networks=(
        ControlNetwork(
            Signature(
                "FluxControlNetModel",
                {"in_channels": 64},
                {"controlnet_blocks.0.weight": None, "controlnet_x_embedder.weight": None},
            ),
            modes={"canny": 0, "tile": 1, "depth": 2, "pose": 4},
        ),
    ),
    configs=Configs(
        {(True,): "black-forest-labs/FLUX.1-dev", (False,): "black-forest-labs/FLUX.1-schnell"},
        ("scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "transformer", "vae"),
        _build,
    ),
    variant=_variant,
)
