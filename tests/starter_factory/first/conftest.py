"""What the training's tests share: a starter of tiny networks that never learned anything."""

from pathlib import Path

import torch

TINY = (8, 16, 16)


def untrained(folder: Path, sample_size: int | None = None) -> Path:
    """The folder, with such a starter in it as a stock pipeline."""
    from starter_factory.first.autoencoder import build_autoencoder
    from starter_factory.first.diffusion import build_unet
    from starter_factory.first.export import assemble, write_folder
    from starter_factory.first.text import build_text_encoder
    from starter_factory.first.tokenizer import build_tokenizer

    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    unet = build_unet(TINY, **({"sample_size": sample_size} if sample_size else {}))
    write_folder(assemble(tokenizer, build_autoencoder(TINY), build_text_encoder(tokenizer), unet), folder)
    return folder
