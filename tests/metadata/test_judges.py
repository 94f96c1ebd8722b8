"""What the studio writes, read by others: A1111's own rules, and the library sd-parsers."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from sd_parsers import ParserManager

from studio.metadata import writing
from studio.metadata.infotext import to_infotext
from studio.recipe import Recipe
from studio.schedulers import SCHEDULERS
from tests.drawer import picture, resolved

# A1111's rule for a setting, from its modules/infotext_utils.py.
SETTING = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
CONTROL = {"kind": "canny", "image": "0" * 64, "model": "sd15-canny"}
RECIPES = [
    {},
    {"prompt": "several\nlines, (weighed:1.2) and \\(plain\\)", "negative_prompt": "blurry, [dark]"},
    {"model": 'mine: the second, "really"'},
    {"hires_scale": 1.5, "hires_upscaler": "latent", "hires_strength": 0.5, "hires_steps": 7},
    {"variation_seed": 9, "variation_strength": 0.25, "scheduler": "DPM++ 2M Karras"},
    {"controls": ({**CONTROL, "options": {"low": 1}}, CONTROL)},
    {"loras": ({"name": "ink", "weight": 0.5}, {"name": "my__ink", "weight": 1, "text_weight": 0})},
    {"prompt": "ein Löwe, 家"},
]


def as_a1111(text: str) -> dict[str, str]:
    """The text as A1111 reads it: the last line, where it holds three settings, and the negative prompt by its line."""
    *lines, last = text.strip().split("\n")
    assert len(SETTING.findall(last)) >= 3
    at = next((at for at, line in enumerate(lines) if line.startswith("Negative prompt:")), len(lines))
    read = {"prompt": "\n".join(lines[:at]), "negative": "\n".join(lines[at:]).removeprefix("Negative prompt: ")}
    for name, value in SETTING.findall(last):
        read[name] = json.loads(value) if value[0] == value[-1] == '"' else value
    return read


def made(changes: Mapping[str, object]) -> Recipe:
    return resolved("a house").replace(**changes)


@pytest.mark.parametrize("changes", RECIPES, ids=range(len(RECIPES)))
def test_a1111_reads_what_was_written(changes: Mapping[str, object]):
    recipe = made(changes)
    read = as_a1111(to_infotext(recipe))
    words = re.sub(r" <lora:[^>]*>", "", read["prompt"])
    assert (words, read["negative"]) == (recipe.prompt, recipe.negative_prompt)
    said = (read["Steps"], read["Sampler"], read["Seed"], read["Size"], read["Model"])
    assert said == (str(recipe.steps), recipe.scheduler, "1", f"{recipe.width}x{recipe.height}", recipe.model)
    if recipe.hires.scale:
        assert (read["Hires upscale"], read["Denoising strength"], read["Hires steps"]) == ("1.5", "0.5", "7")
    if recipe.loras:
        assert read["prompt"].endswith("<lora:ink:0.5> <lora:my__ink:0:1>")
    assert read["Version"].startswith("Image Studio ")


@pytest.mark.parametrize(
    ("prompt", "a1111"),
    [
        (r"a \{brace\}, \#1, \__x\__, 3\:4, \<b", "a {brace}, #1, __x__, 3:4, <b"),
        (r"\(round\) \[square\] \\", r"\(round\) \[square\] \\"),
        ("a # what nobody reads\nb", "a \nb"),
        ("a <lora:my\\__ink:0.5> b", "a <lora:my__ink:0.5> b"),
        ("a\nNegative prompt: no\nend", "a Negative prompt: no\nend"),
        ("a\0b", "ab"),
    ],
)
def test_escapes_are_those_that_a1111_knows(prompt: str, a1111: str):
    text = to_infotext(resolved("x").replace(prompt=prompt))
    assert "\n".join(text.split("\n")[:-1]) == a1111


@pytest.mark.parametrize("changes", [RECIPES[0], RECIPES[1], RECIPES[4], RECIPES[7]])
def test_sd_parsers_reads_what_was_written(tmp_path: Path, changes: Mapping[str, object]):
    recipe, path = made(changes), tmp_path / "a.png"
    writing.write(picture(recipe), recipe, {}, path)
    read = ParserManager().parse(path)
    assert read is not None
    (sampler,) = read.samplers
    assert sampler.name == recipe.scheduler
    assert [one.value for one in sampler.prompts] == [recipe.prompt]
    assert [one.value for one in sampler.negative_prompts] == [recipe.negative_prompt] * bool(recipe.negative_prompt)
    assert sampler.parameters["seed"] == "1"
    assert sampler.model.name == "starter"


# What A1111 1.10 names its samplers (modules/sd_samplers_kdiffusion.py, sd_samplers_timesteps.py, sd_samplers_lcm.py)
# and schedules (modules/sd_schedulers.py); an older text has both in one name, which it takes apart.
SAMPLERS = {
    "DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 2S a", "DPM++ 3M SDE", "Euler a", "Euler",
    "LMS", "Heun", "DPM2", "DPM2 a", "DPM fast", "DPM adaptive", "Restart", "DDIM", "DDIM CFG++", "PLMS",
    "UniPC", "LCM",
}  # fmt: skip
SCHEDULES = (" Karras", " Exponential", " Polyexponential")
# It has no such sampler; Forge has.
FORGES = {"DEIS", "DDPM"}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_samplers_are_spelled_as_a1111_spells_them(scheduler: str):
    written = as_a1111(to_infotext(made({"scheduler": scheduler})))["Sampler"]
    bare = next((written.removesuffix(one) for one in SCHEDULES if written.endswith(one)), written)
    assert bare in SAMPLERS | FORGES
