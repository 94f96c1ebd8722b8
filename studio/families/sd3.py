"""Stable Diffusion 3 and 3.5: a diffusion transformer that follows a flow, with two CLIP encoders and a T5."""

import re

from studio.families.base import Build, Configs, ControlNetwork, Family, LatentColours, ModelFiles, Signature

# What its layers were called where they were first published; what has one name there is one layer there.
FIRST_NAMES = (
    (r"transformer_blocks\.(\d+)\.(attn2?)\.to_[qkv]", r"joint_blocks.\1.x_block.\2.qkv"),
    (r"transformer_blocks\.(\d+)\.attn\.add_[qkv]_proj", r"joint_blocks.\1.context_block.attn.qkv"),
    (r"transformer_blocks\.(\d+)\.(attn2?)\.to_out\.0", r"joint_blocks.\1.x_block.\2.proj"),
    (r"transformer_blocks\.(\d+)\.attn\.to_add_out", r"joint_blocks.\1.context_block.attn.proj"),
    (r"transformer_blocks\.(\d+)\.ff\.net\.0\.proj", r"joint_blocks.\1.x_block.mlp.fc1"),
    (r"transformer_blocks\.(\d+)\.ff\.net\.2", r"joint_blocks.\1.x_block.mlp.fc2"),
    (r"transformer_blocks\.(\d+)\.ff_context\.net\.0\.proj", r"joint_blocks.\1.context_block.mlp.fc1"),
    (r"transformer_blocks\.(\d+)\.ff_context\.net\.2", r"joint_blocks.\1.context_block.mlp.fc2"),
    (r"transformer_blocks\.(\d+)\.norm1\.linear", r"joint_blocks.\1.x_block.adaLN_modulation.1"),
    (r"transformer_blocks\.(\d+)\.norm1_context\.linear", r"joint_blocks.\1.context_block.adaLN_modulation.1"),
    (r"time_text_embed\.timestep_embedder\.linear_1", "t_embedder.mlp.0"),
    (r"time_text_embed\.timestep_embedder\.linear_2", "t_embedder.mlp.2"),
    (r"time_text_embed\.text_embedder\.linear_1", "y_embedder.mlp.0"),
    (r"time_text_embed\.text_embedder\.linear_2", "y_embedder.mlp.2"),
    (r"pos_embed\.proj", "x_embedder.proj"),
    (r"norm_out\.linear", "final_layer.adaLN_modulation.1"),
    ("proj_out", "final_layer.linear"),
)
# 3.5 Large, by its width. Its networks for edges were trained on maps from 0.5 to 128, those for depth on maps in which
# what is near is dark: by Stability's own code, the cards of the weights, and ComfyUI.
LARGE = 2432
BLOCK = re.compile(r"model\.diffusion_model\.joint_blocks\.(\d+)\.(x_block\.attn2\.)?")


def _build(files: ModelFiles) -> Build:
    """How many blocks there are, and whether some have a second attention."""
    if files.shapes:
        found = [match for name in files.shapes if (match := BLOCK.match(name))]
        return len({match[1] for match in found}), any(match[2] for match in found)
    return files.denoiser.get("num_layers"), bool(files.denoiser.get("dual_attention_layers"))


FAMILY = Family(
    name="Stable Diffusion 3.5",
    pipelines={
        "text2img": "StableDiffusion3Pipeline",
        "img2img": "StableDiffusion3Img2ImgPipeline",
        "inpaint": "StableDiffusion3InpaintPipeline",
    },
    # Its pipeline for inpainting is for one network, which sees the picture and not a map.
    control_pipelines={"text2img": "StableDiffusion3ControlNetPipeline"},
    # The text encoders are asked for, because there are files of the denoiser alone, which make no picture.
    signature=Signature(
        denoiser="SD3Transformer2DModel",
        facts={"in_channels": 16},
        keys={
            "model.diffusion_model.joint_blocks.0.context_block.adaLN_modulation.1.bias": None,
            "text_encoders.clip_l.transformer.text_model.embeddings.position_embedding.weight": None,
            "text_encoders.t5xxl.transformer.shared.weight": None,
        },
    ),
    native_side=1024,
    scheduler="Flow Euler",
    steps=28,
    guidance_scale=4.5,
    # T5 reads 256 with its end mark; the CLIP encoders beside it see the first 75.
    prompt_tokens=255,
    tokenizer="tokenizer_3",
    multiple=16,
    process="flow",
    abilities=frozenset({"negative_prompt", "guidance", "strength"}),
    noise={"num_train_timesteps": 1000, "shift": 3.0},
    preview=LatentColours(
        factors=(
            (-0.0922, -0.0175, 0.0749),
            (0.0311, 0.0633, 0.0954),
            (0.1994, 0.0927, 0.0458),
            (0.0856, 0.0339, 0.0902),
            (0.0587, 0.0272, -0.0496),
            (-0.0006, 0.1104, 0.0309),
            (0.0978, 0.0306, 0.0427),
            (-0.0042, 0.1038, 0.1358),
            (-0.0194, 0.0020, 0.0669),
            (-0.0488, 0.0130, -0.0268),
            (0.0922, 0.0988, 0.0951),
            (-0.0278, 0.0524, -0.0542),
            (0.0332, 0.0456, 0.0895),
            (-0.0069, -0.0030, -0.0810),
            (-0.0596, -0.0465, -0.0293),
            (-0.1448, -0.1463, -0.1189),
        ),
        bias=(0.2394, 0.2135, 0.1925),
    ),
    latent_channels=16,
    vae_scale=1.5305,
    lora_modules=("joint_blocks",),
    architecture=r"^(sd3|stable-diffusion-3)",
    first_names=FIRST_NAMES,
    swapped=("norm_out.linear", "transformer_blocks.{last}.norm1_context.linear"),
    control_networks=(
        ControlNetwork(
            Signature(
                "SD3ControlNetModel",
                {"in_channels": 16},
                {"controlnet_blocks.0.weight": None, "pos_embed_input.proj.weight": None},
            )
        ),
    ),
    map_ranges={LARGE: {"canny": (0.5, 128.0), "depth": (1.0, -1.0)}},
    configs=Configs(
        {
            (24, False): "stabilityai/stable-diffusion-3-medium-diffusers",
            (24, True): "stabilityai/stable-diffusion-3.5-medium",
            (38, False): "stabilityai/stable-diffusion-3.5-large",
        },
        (
            *("scheduler", "text_encoder", "text_encoder_2", "text_encoder_3"),
            *("tokenizer", "tokenizer_2", "tokenizer_3", "transformer", "vae"),
        ),
        _build,
    ),
)
