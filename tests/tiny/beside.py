"""What stands beside a model: upscalers, output checkers, ControlNets and IP-Adapters, tiny too."""

import json
from pathlib import Path
from typing import Any

from PIL.Image import Image

# What networks that follow several kinds of maps are built by, by the family of their models.
UNIONS: dict[str, dict[str, Any]] = {
    "sdxl": {
        "kind": "ControlNetUnionModel",
        "num_control_type": 6,
        "num_trans_channel": 16,
        "num_trans_head": 2,
        "num_proj_channel": 16,
    },
    "flux": {"kind": "FluxControlNetModel", "num_layers": 1, "num_single_layers": 1, "num_mode": 7},
}


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


# How wide the tiny image encoder is inside, and what it sums a picture up in.
INSIDE, SUMMED = 32, 16


def image_encoder(folder: Path, seed: int = 0) -> Path:
    """Write an image encoder, as IP-Adapters look through, into a folder."""
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    heads = {"num_hidden_layers": 2, "num_attention_heads": 2}
    sizes = {"hidden_size": INSIDE, "intermediate_size": 32, "projection_dim": SUMMED, "image_size": 32}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes, patch_size=8, **heads)).save_pretrained(folder)
    return folder


def ip_adapter(model: Path, path: Path, sort: str = "plain", seed: int = 0) -> Path:
    """Write an IP-Adapter for the tiny UNet as one file, in the layout of h94; `sort` is plain, plus or full."""
    import torch
    from diffusers import UNet2DConditionModel
    from safetensors.torch import save_file

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(model / "unet"))
    words = unet.config.cross_attention_dim
    shapes = {f"image_proj.{name}": shape for name, shape in _projection(sort, words).items()}
    for number, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            width = unet.get_submodule(name.removesuffix(".processor")).inner_dim
            shapes |= {f"ip_adapter.{number}.to_{each}_ip.weight": (width, words) for each in "kv"}
    generator = torch.Generator().manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: torch.randn(shape, generator=generator) * 0.2 for name, shape in shapes.items()}, path)
    return path


def _projection(sort: str, words: int) -> dict[str, tuple[int, ...]]:
    """The tensors by which an IP-Adapter makes words of what the encoder saw."""
    if sort == "plain":
        return {"proj.weight": (4 * words, SUMMED), "proj.bias": (4 * words,)} | _pair("norm", words)
    if sort == "full":
        first = {"proj.0.weight": (INSIDE, INSIDE), "proj.0.bias": (INSIDE,)}
        return first | {"proj.2.weight": (words, INSIDE), "proj.2.bias": (words,)} | _pair("proj.3", words)
    heads, width = 64, 16
    shapes = {"latents": (1, 4, width), "proj_in.weight": (width, INSIDE), "proj_in.bias": (width,)}
    shapes |= {"proj_out.weight": (words, width), "proj_out.bias": (words,)} | _pair("norm_out", words)
    for layer in range(4):
        attention, feed = f"layers.{layer}.0", f"layers.{layer}.1"
        shapes |= _pair(f"{attention}.norm1", width) | _pair(f"{attention}.norm2", width) | _pair(f"{feed}.0", width)
        shapes |= {f"{attention}.to_q.weight": (heads, width), f"{attention}.to_kv.weight": (2 * heads, width)}
        shapes |= {f"{attention}.to_out.weight": (width, heads)}
        shapes |= {f"{feed}.1.weight": (4 * width, width), f"{feed}.3.weight": (width, 4 * width)}
    return shapes


def _pair(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def lora(model: Path, path: Path, form: str = "peft", seed: int = 0, *, rank: int = 2, text: bool = False) -> Path:
    """Write a LoRA for attentions, feed-forwards and convolutions of the tiny model; `text`: for its encoders, too.

    `form` is peft, diffusers, kohya (with an alpha of half the rank), loha, lokr, oft, or dora as PEFT writes it. The
    same seed gives the same change in peft and diffusers.
    """
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for component, name, weight in _layers(model, text=text):
        down = torch.randn(rank, *weight[1:], generator=generator) * 0.3
        up = torch.randn(weight[0], rank, *(1 for _ in weight[2:]), generator=generator) * 0.3
        if form == "kohya":
            prefix = _kohya(component, name, model)
            tensors |= {f"{prefix}.lora_down.weight": down, f"{prefix}.lora_up.weight": up}
            tensors[f"{prefix}.alpha"] = torch.tensor(rank / 2)
        elif form == "loha":
            prefix = _kohya(component, name, model)
            tensors |= {f"{prefix}.hada_w{n}_a": up.flatten(1) * n for n in (1, 2)}
            tensors |= {f"{prefix}.hada_w{n}_b": down.flatten(1) * n for n in (1, 2)}
        elif form == "lokr":
            prefix = _kohya(component, name, model)
            inner = torch.randn(weight[0] // 2, weight[1] // 2, *weight[2:], generator=generator) * 0.1
            tensors |= {f"{prefix}.lokr_w1": torch.randn(2, 2, generator=generator), f"{prefix}.lokr_w2": inner}
        elif form == "oft":
            blocks = torch.randn(weight[0] // 4, 4, 4, generator=generator) * 0.1
            tensors[f"{_kohya(component, name, model)}.oft_blocks"] = blocks
        else:
            ways = ("lora.down", "lora.up") if form == "diffusers" else ("lora_A", "lora_B")
            tensors |= {f"{component}.{name}.{ways[0]}.weight": down, f"{component}.{name}.{ways[1]}.weight": up}
            if form == "dora":
                lengths = torch.rand(weight[0], generator=generator) + 0.5
                shape = (1, -1, *(1 for _ in weight[2:])) if weight[2:] else (-1,)
                tensors[f"{component}.{name}.lora_magnitude_vector"] = lengths.reshape(shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return path


TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.0.proj", "ff.net.2", "conv1", "conv_shortcut")
TEXT_TARGETS = ("q_proj", "v_proj", "fc1")


def _layers(model: Path, *, text: bool) -> list[tuple[str, str, tuple[int, ...]]]:
    """Component, name and weight's shape of the layers that are changed."""
    from safetensors import safe_open

    found = []
    for folder in ("unet", "transformer", *(("text_encoder", "text_encoder_2") if text else ())):
        for file in sorted((model / folder).glob("*.safetensors")):
            with safe_open(file, "pt") as weights:
                names = [key.removesuffix(".weight") for key in weights.keys() if key.endswith(".weight")]  # noqa: SIM118
                ends = TEXT_TARGETS if folder.startswith("text") else TARGETS
                found += [
                    (folder, name, tuple(weights.get_slice(f"{name}.weight").get_shape()))
                    for name in names
                    if name.endswith(tuple(f".{end}" for end in ends))
                ]
    return found


def _kohya(component: str, name: str, model: Path) -> str:
    """What kohya's trainer calls a layer: for SDXL by the names of the UNet as it was first published."""
    from tests.tiny.original import unet_key

    if component == "unet":
        if (model / "text_encoder_2").is_dir():
            layers = json.loads((model / "unet/config.json").read_text())["layers_per_block"]
            name = unet_key(f"{name}.weight", layers).removesuffix(".weight")
        return f"lora_unet_{name.replace('.', '_')}"
    two = (model / "text_encoder_2").is_dir()
    prefix = "lora_te2" if component == "text_encoder_2" else "lora_te1" if two else "lora_te"
    return f"{prefix}_text_model_{name.removeprefix('text_model.').replace('.', '_')}"
