"""The embedded starter: a small latent diffusion of our own, in the stock classes of Stable Diffusion."""

from studio.families import sd15
from studio.families.base import ControlNetwork, Family, Signature, block_layouts

# How wide the words are that its denoiser is told: of its own LoRAs, embeddings and ControlNets, too.
WORDS_WIDTH = 160

FAMILY = Family(
    name="Starter",
    pipelines={
        "text2img": "StableDiffusionPipeline",
        "img2img": "StableDiffusionImg2ImgPipeline",
        "inpaint": "StableDiffusionInpaintPipeline",
    },
    control_pipelines=sd15.FAMILY.control_pipelines,
    signature=Signature(
        denoiser="UNet2DConditionModel",
        facts={"in_channels": 4, "cross_attention_dim": WORDS_WIDTH},
    ),
    native_side=256,
    scheduler="DPM++ 2M Karras",
    steps=20,
    guidance_scale=3.0,
    prompt_tokens=75,
    max_side=512,
    lora_blocks=block_layouts(8, (5, 7), tuple(range(4))),
    # A little more of it at the end: what no word settles, night or day, must not come out at medium brightness.
    noise=sd15.NOISE | {"beta_end": 0.016},
    embedding_widths=(WORDS_WIDTH,),
    architecture=r"^starter",
    control_networks=(ControlNetwork(Signature("ControlNetModel", {"cross_attention_dim": WORDS_WIDTH})),),
    embedded=True,
)
