"""The parts of a tiny model, each in its real class with random weights."""

import string
from typing import Any

SIDE = 64


def noise() -> dict[str, Any]:
    """The training noise of Stable Diffusion."""
    return {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "steps_offset": 1,
    }


def unet(**facts: Any) -> Any:
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


def vae(latent_channels: int = 4, **facts: Any) -> Any:
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


def flow_vae() -> Any:
    return vae(16, scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False)


def clip_encoder(width: int, *, projection: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = clip_tokenizer()
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


def t5_encoder(width: int) -> Any:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(vocab_size=200, d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return T5EncoderModel(config)


def clip_tokenizer() -> Any:
    """Every printable character is a token, alone or at a word's end, and so is "the"."""
    from transformers import CLIPTokenizer

    characters = sorted(set(string.printable.lower()) - set(string.whitespace))
    pieces = [*characters, *(f"{c}</w>" for c in characters), "th", "the</w>", "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={piece: index for index, piece in enumerate(pieces)},
        merges=[("t", "h"), ("th", "e</w>")],
        model_max_length=77,
    )


def t5_tokenizer(length: int) -> Any:
    from transformers import T5TokenizerFast

    pieces = ["<pad>", "</s>", "<unk>", "▁", *string.ascii_lowercase]
    return T5TokenizerFast(
        vocab=[(piece, -1.0 * (index > 2)) for index, piece in enumerate(pieces)], extra_ids=0, model_max_length=length
    )
