"""ComfyUI's graphs in small: the one that it begins with, that of FLUX, and a workflow of its page."""

import json
from typing import Any

from studio.metadata import readers
from studio.metadata.imported import ImportedSettings

Graph = dict[str, dict[str, Any]]
NO_PICTURE = "the picture that it belongs to is not in the file"


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def graph(**more: Any) -> Graph:
    """The graph that ComfyUI begins with; keys are ids without their n."""
    base = {
        "4": node("CheckpointLoaderSimple", ckpt_name="sd\\m.safetensors"),
        "5": node("EmptyLatentImage", width=640, height=512, batch_size=1),
        "6": node("CLIPTextEncode", text="a fox, woods", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blurry", clip=["4", 1]),
        "3": node(
            "KSampler",
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
            seed=99,
            steps=12,
            cfg=5.5,
            sampler_name="dpmpp_2m",
            scheduler="karras",
            denoise=1,
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0]),
    }
    return base | {name.removeprefix("n"): one for name, one in more.items()}


def changed(sampler: dict[str, Any], **more: Any) -> Graph:
    """The same with other inputs of its sampler."""
    made = graph(**more)
    made["3"]["inputs"] |= sampler
    return made


def read(given: Any) -> ImportedSettings:
    return readers.of_text(json.dumps(given))


WHOLE = {
    "prompt": "a fox, woods",
    "negative_prompt": "blurry",
    "model": "m",
    "width": 640,
    "height": 512,
    "scheduler": "DPM++ 2M Karras",
    "steps": 12,
    "guidance_scale": 5.5,
    "seed": 99,
}


def flux(**more: Any) -> Graph:
    made = graph(
        n13=node(
            "SamplerCustomAdvanced",
            noise=["25", 0],
            guider=["22", 0],
            sampler=["16", 0],
            sigmas=["17", 0],
            latent_image=["5", 0],
        ),
        n16=node("KSamplerSelect", sampler_name="euler"),
        n17=node("BasicScheduler", scheduler="simple", steps=20, denoise=1, model=["18", 0]),
        n18=node("ModelSamplingFlux", max_shift=1.15, model=["12", 0]),
        n12=node("UNETLoader", unet_name="flux1-dev.sft"),
        n22=node("BasicGuider", model=["18", 0], conditioning=["26", 0]),
        n25=node("RandomNoise", noise_seed=4242),
        n26=node("FluxGuidance", guidance=3.5, conditioning=["6", 0]),
    )
    made |= {name.removeprefix("n"): one for name, one in more.items()}
    del made["3"]
    made["8"]["inputs"]["samples"] = ["13", 0]
    return made


WORKFLOW: dict[str, Any] = {
    "nodes": [
        {"id": 4, "type": "CheckpointLoaderSimple", "inputs": [], "outputs": [{"name": "MODEL", "type": "MODEL"}, {"name": "CLIP", "type": "CLIP"}, {"name": "VAE", "type": "VAE"}], "widgets_values": ["m.safetensors"]},
        {"id": 20, "type": "LoraLoader", "mode": 4, "inputs": [{"name": "model", "type": "MODEL", "link": 1}, {"name": "clip", "type": "CLIP", "link": 2}], "outputs": [{"name": "MODEL", "type": "MODEL"}, {"name": "CLIP", "type": "CLIP"}], "widgets_values": ["off.safetensors", 1, 1]},
        {"id": 5, "type": "EmptyLatentImage", "inputs": [], "outputs": [{"type": "LATENT"}], "widgets_values": [640, 512, 1]},
        {"id": 6, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "link": 3}], "outputs": [{"type": "CONDITIONING"}], "widgets_values": ["a fox, woods"]},
        {"id": 7, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "link": 3}], "outputs": [{"type": "CONDITIONING"}], "widgets_values": ["blurry"]},
        {"id": 3, "type": "KSampler", "inputs": [{"name": "model", "link": 4}, {"name": "positive", "link": 5}, {"name": "negative", "link": 6}, {"name": "latent_image", "link": 7}], "outputs": [{"type": "LATENT"}], "widgets_values": [99, "randomize", 12, 5.5, "dpmpp_2m", "karras", 1]},
        {"id": 8, "type": "VAEDecode", "inputs": [{"name": "samples", "link": 8}], "outputs": [{"type": "IMAGE"}]},
        {"id": 9, "type": "SaveImage", "inputs": [{"name": "images", "link": 9}], "widgets_values": ["x"]},
        {"id": 10, "type": "SaveImage", "mode": 2, "inputs": [{"name": "images", "link": 9}], "widgets_values": ["x"]},
    ],
    "links": [[1, 4, 0, 20, 0, "MODEL"], [2, 4, 1, 20, 1, "CLIP"], [3, 20, 1, 6, 0, "CLIP"], [4, 20, 0, 3, 0, "MODEL"], [5, 6, 0, 3, 1, "CONDITIONING"], [6, 7, 0, 3, 2, "CONDITIONING"], [7, 5, 0, 3, 3, "LATENT"], [8, 3, 0, 8, 0, "LATENT"], [9, 8, 0, 9, 0, "IMAGE"]],
}  # fmt: skip
