"""A small CLIP as a judge of pictures: how it is built, what it sees, how it is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image as Pictures
from torch import Tensor
from torch.nn.functional import interpolate
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTextModel, CLIPTokenizer

from starter_factory.canvas import Image
from starter_factory.family.base import begin, store
from starter_factory.tokenizer import save_tokenizer

# At 64, one patch told little of a small thing.
VIEW, PATCH = 96, 8
WIDTH, LAYERS, HEADS = 128, 3, 4
# A generated picture is rougher than a drawn one, in each pixel and in patches.
GRAIN, BLOTCHES = 0.08, 0.1
POSITIONS = "vision_model.embeddings.position_embedding.weight"


class Scorer:
    """A CLIP and its processor as one measure."""

    def __init__(self, model: CLIPModel, processor: CLIPProcessor) -> None:
        self.model, self.processor = model, processor

    @torch.no_grad()
    def __call__(self, pictures: Sequence[Image], texts: Sequence[str]) -> Tensor:
        """The cosine of each picture with each text, (pictures, texts)."""
        given = self.processor(
            images=[Pictures.fromarray(picture) for picture in pictures],
            text=list(texts),
            padding=True,
            truncation=True,
            return_tensors="pt",
        )
        out = self.model(**given)
        cosines: Tensor = out.image_embeds @ out.text_embeds.T
        return cosines


def build_scorer(reader: CLIPTextModel, known: Mapping[str, Tensor]) -> CLIPModel:
    """A CLIP whose text tower can read already: it starts as the base's text encoder, and with what is known of it."""
    vision = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "image_size": VIEW,
        "patch_size": PATCH,
        "projection_dim": WIDTH,
    }
    text = {name: value for name, value in reader.config.to_dict().items() if name != "_name_or_path"}
    # A layer less than the encoder's: the whole family has to stay within 60 MB.
    text["num_hidden_layers"] = LAYERS
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH))
    begin(model.text_model, reader.state_dict())
    begin(model, _at_this_size(known))
    return model


def _at_this_size(known: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights, with their places in a picture spread over as many patches as there are here."""
    if POSITIONS not in known:
        return known
    first, places = known[POSITIONS][:1].float(), known[POSITIONS][1:].float()
    side = round(len(places) ** 0.5)
    square = places.T.reshape(1, -1, side, side)
    grown = interpolate(square, (VIEW // PATCH, VIEW // PATCH), mode="bicubic").flatten(2)[0].T
    return {**known, POSITIONS: torch.cat([first, grown])}


def write_scorer(model: CLIPModel, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write the stock files; the weights in half precision, to be loaded in single."""
    store(model.state_dict(), folder / "model.safetensors")
    model.config.dtype = "float32"
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    CLIPProcessor(build_image_processor(), tokenizer).save_pretrained(folder)
    save_tokenizer(tokenizer, folder)


def build_image_processor() -> CLIPImageProcessor:
    """The whole picture at the size that the network sees: what stands left and right must not be cut off."""
    return CLIPImageProcessor(
        size={"height": VIEW, "width": VIEW}, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )


def rough(images: Tensor, noise: torch.Generator) -> Tensor:
    """Pictures as the network sees them, with some grain and blotches."""
    small = interpolate(images, (VIEW, VIEW), mode="bicubic", antialias=True)
    device = noise.device
    grain = torch.randn(small.shape, generator=noise, device=device)
    blotches = torch.randn(*small.shape[:2], VIEW // 4, VIEW // 4, generator=noise, device=device)
    blotches = interpolate(blotches, (VIEW, VIEW), mode="bilinear")
    strength = torch.rand(len(small), 1, 1, 1, generator=noise, device=device)
    return small + (strength * (GRAIN * grain + BLOTCHES * blotches)).to(small)
