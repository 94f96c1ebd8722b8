"""How checkpoints are told apart, by the values that the published ones have."""

import pytest

from studio.families import FAMILIES
from studio.families.base import Signature
from studio.families.starter import WORDS_WIDTH
from studio.schedulers import SCHEDULERS

UNET = {"_class_name": "UNet2DConditionModel", "in_channels": 4}
INPUT = "model.diffusion_model.input_blocks.0.0.weight"
READS_TEXT = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"


def fits(config):
    return {name for name, family in FAMILIES.items() if family.signature.fits_config(config)}


@pytest.mark.parametrize(
    ("config", "family"),
    [
        (UNET | {"cross_attention_dim": 768, "time_cond_proj_dim": None}, {"sd15"}),
        (UNET | {"cross_attention_dim": 768, "in_channels": 9}, {"sd15_inpaint"}),
        (UNET | {"cross_attention_dim": 768, "in_channels": 8}, {"sd15_instruct"}),
        (UNET | {"cross_attention_dim": 1024}, {"sd21"}),
        (UNET | {"cross_attention_dim": WORDS_WIDTH}, {"starter"}),
        (
            UNET
            | {
                "cross_attention_dim": 2048,
                "addition_embed_type": "text_time",
                "projection_class_embeddings_input_dim": 2816,
            },
            {"sdxl"},
        ),
        (
            UNET
            | {
                "cross_attention_dim": 1280,
                "addition_embed_type": "text_time",
                "projection_class_embeddings_input_dim": 2560,
            },
            {"sdxl_refiner"},
        ),
        ({"_class_name": "SD3Transformer2DModel", "in_channels": 16, "pos_embed_max_size": 384}, {"sd3"}),
        ({"_class_name": "FluxTransformer2DModel", "in_channels": 64, "guidance_embeds": True}, {"flux"}),
    ],
)
def test_a_config_is_of_one_family(config, family):
    assert fits(config) == family


@pytest.mark.parametrize(
    "config",
    [
        UNET
        | {
            "cross_attention_dim": 2048,
            "addition_embed_type": "text_time",
            "projection_class_embeddings_input_dim": 5632,
        },
        {"_class_name": "FluxTransformer2DModel", "in_channels": 384},
        {"_class_name": "UNet2DModel", "in_channels": 3},
        {},
    ],
    ids=["kolors", "flux-fill", "unconditional", "empty"],
)
def test_what_needs_more_than_text_is_of_no_family(config):
    assert fits(config) == set()


def test_latent_consistency_asks_for_more_than_the_model_it_was_distilled_from():
    config = UNET | {"cross_attention_dim": 768, "time_cond_proj_dim": 256}
    assert fits(config) == {"sd15", "lcm"}
    assert len(FAMILIES["lcm"].signature.facts) > len(FAMILIES["sd15"].signature.facts)


def test_the_width_of_the_text_tells_single_files_of_1_from_2():
    one, two = (FAMILIES[name].signature.keys for name in ("sd15", "sd21"))
    assert one[READS_TEXT] == (320, 768)
    assert two[READS_TEXT] == (320, 1024)


@pytest.mark.parametrize(
    ("plain", "channels", "wide"),
    [("sd15", 9, "sd15_inpaint"), ("sdxl", 9, "sdxl_inpaint"), ("sd15", 8, "sd15_instruct")],
)
def test_the_channels_tell_single_files_that_see_a_picture(plain, channels, wide):
    shapes = {name: shape or (1,) for name, shape in FAMILIES[plain].signature.keys.items()}
    wider = shapes | {INPUT: (320, channels, 3, 3)}
    assert FAMILIES[plain].signature.fits_tensors(shapes)
    assert {name for name, family in FAMILIES.items() if family.signature.fits_tensors(wider)} == {wide}


def test_a_single_file_without_text_encoder_is_no_whole_model():
    signature = FAMILIES["sd15"].signature
    shapes = {name: shape or (1,) for name, shape in signature.keys.items()}
    assert signature.fits_tensors(shapes)
    assert not signature.fits_tensors({name: shapes[name] for name in (INPUT, READS_TEXT)})


def test_a_family_without_keys_fits_no_single_file():
    assert not Signature(denoiser="UNet2DConditionModel").fits_tensors({})


def test_flow_families_take_flow_schedulers_and_no_others():
    for family in FAMILIES.values():
        assert family.schedulers()
        assert {SCHEDULERS[name].process for name in family.schedulers()} == {family.process}


def test_flux_and_latent_consistency_take_no_negative_prompt():
    assert {name for name, f in FAMILIES.items() if "negative_prompt" not in f.abilities} == {"flux", "lcm"}


def test_what_is_told_how_to_change_a_picture_takes_the_pictures_guidance_for_strength():
    told = {name for name, f in FAMILIES.items() if "image_guidance" in f.abilities}
    assert told == {name for name, f in FAMILIES.items() if "strength" not in f.abilities} == {"sd15_instruct"}
