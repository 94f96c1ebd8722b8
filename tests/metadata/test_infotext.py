import pytest

from studio import __version__
from studio.metadata.infotext import to_infotext
from tests.drawer import settled


def test_the_text_is_as_a1111_writes_it():
    recipe = settled("a red house").replace(
        negative_prompt="blurry", scheduler="DPM++ 2M Karras", steps=20, guidance_scale=7, width=512, height=768
    )
    assert to_infotext(recipe) == (
        "a red house\n"
        "Negative prompt: blurry\n"
        "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1, Size: 512x768, Model: starter, "
        f"Version: Image Studio {__version__}"
    )


def test_without_negative_prompt_there_is_no_such_line():
    assert "Negative" not in to_infotext(settled("a red house"))


def test_a_value_with_a_separator_is_quoted():
    assert 'Model: "mine: the second, really"' in to_infotext(settled("x").replace(model="mine: the second, really"))


@pytest.mark.parametrize(("guidance", "text"), [(7.5, "7.5"), (4.0, "4"), (0.1, "0.1")])
def test_guidance_is_written_without_idle_zeros(guidance: float, text: str):
    assert f"CFG scale: {text}," in to_infotext(settled("x").replace(guidance_scale=guidance))


def test_what_takes_no_guidance_names_none():
    assert "CFG" not in to_infotext(settled("x").replace(guidance_scale=None))


def test_samplers_that_a1111_names_otherwise_get_its_name():
    assert "Sampler: Euler," in to_infotext(settled("x").replace(scheduler="Flow Euler"))
