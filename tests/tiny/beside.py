"""What stands beside a model: upscalers, output checkers and ControlNets, tiny too."""

import json
from pathlib import Path
from typing import Any

from PIL.Image import Image


def upscaler(path: Path, scale: int = 4, seed: int = 0, width: int = 8) -> Path:
    """Write a tiny upscaler of a known architecture: it repeats each pixel `scale` times, with some blur."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(seed)
    tensors = {
        "body.0.weight": torch.rand(width, 3, 3, 3, generator=generator) * 0.1 - 0.05,
        "body.0.bias": torch.zeros(width),
        "body.1.weight": torch.full((width,), 0.25),
        "body.2.weight": torch.rand(3 * scale**2, width, 3, 3, generator=generator) * 0.1 - 0.05,
        "body.2.bias": torch.zeros(3 * scale**2),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path


def checker(folder: Path, like: Image | None = None, seed: int = 0) -> Path:
    """Put an output checker into a model's folder: it flags what looks just like a picture, or everything."""
    import torch
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    side, heads = 32, {"num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {"hidden_size": 32, "intermediate_size": 32, "image_size": side, "patch_size": 8, **heads}
    extractor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=16))
        # A cosine above its threshold is a flag.
        model.concept_embeds_weights.fill_(1 if like else -1)
        model.special_care_embeds_weights.fill_(1)
        if like:
            model.vision_model.embeddings.patch_embedding.weight.mul_(50)
            seen = model.vision_model(extractor(images=[like], return_tensors="pt").pixel_values)[1]
            model.concept_embeds[0] = model.visual_projection(seen)[0]
            model.concept_embeds_weights[0] = 0.998
    model.save_pretrained(folder / "safety_checker")
    extractor.save_pretrained(folder / "feature_extractor")
    return folder


def controlnet(model: Path, folder: Path, kind: str = "ControlNetModel", seed: int = 0, **facts: Any) -> Path:
    """Write a ControlNet for the tiny model in a folder; random also where their training starts at zero."""
    import diffusers
    import torch

    if (model / "unet").is_dir():
        config = json.loads((model / "unet" / "config.json").read_text())
        facts = {"conditioning_embedding_out_channels": (4, 8, 8, 8), **facts}
    else:
        config = json.loads((model / "transformer" / "config.json").read_text())
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = getattr(diffusers, kind).from_config({**config, **facts, "_class_name": kind})
        for weight in network.parameters():
            if not weight.any():
                weight.normal_(std=0.1)
    network.save_pretrained(folder)
    return folder
