"""Every setting of a recipe does something: where it alone is another, the picture is another, or there are more.

A new field fails here until there is a case for it.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.backends.base import Backend
from studio.backends.local import LocalBackend
from studio.backends.process import ProcessBackend
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.inputs import InputStore
from studio.presets.reading import Presets
from studio.recipe import ControlUnit, Lora, OutpaintPadding, Recipe, setting_specs
from studio.resolve.resolve import resolve
from studio.settings import Settings
from tests import tiny

SIDE = tiny.SIDE
Values = dict[str, Any]

PLAIN: Values = {
    "prompt": tiny.PROMPT,
    "model": "tiny-sd15",
    "width": SIDE,
    "height": SIDE,
    "scheduler": "Euler",
    "steps": 2,
    "guidance_scale": 5,
    "seed": 7,
}
# Pictures are named here and stored by the fixture below.
PICTURE: Values = {**PLAIN, "init_image": "one", "strength": 0.6, "steps": 3}
TALL: Values = {**PICTURE, "height": SIDE + 32}
MASKED: Values = {**PICTURE, "mask_image": "left", "mask_blur": 0}
CLOSE: Values = {**MASKED, "mask_area": "masked", "mask_image": "spot", "mask_padding": 0}
GROWN: Values = {**PLAIN, "init_image": "one", "width": None, "height": None, "outpaint": {"left": 16}}
TWICE: Values = {
    **PLAIN,
    "hires_scale": 1.25,
    "hires_upscaler": "lanczos",
    "hires_strength": 0.7,
    "hires_steps": 3,
}
LARGER: Values = {
    "model": "tiny-sd15",
    "init_image": "one",
    "upscaler": "lanczos",
    "upscale": 1.5,
}
UNIT: Values = {"kind": "canny", "image": "one", "model": "edges"}
FOLLOWED: Values = {**PLAIN, "controls": [UNIT]}
MAPPED: Values = {**PLAIN, "height": SIDE + 32, "controls": [{"kind": "map", "map": "spot", "model": "edges"}]}
WORN: Values = {**PLAIN, "steps": 4, "loras": [{"name": "ink"}]}
EVEN: Values = {**PLAIN, "scheduler": "DDIM"}
VARIED: Values = {**PLAIN, "variation_seed": 3, "variation_strength": 0.5}

# For each field: a recipe that it fits, and what of it is another.
CASES: dict[str, tuple[Values, Values]] = {
    "prompt": (PLAIN, {"prompt": "a blue boat"}),
    "styles": (PLAIN, {"styles": ["film"]}),
    "negative_prompt": (PLAIN, {"negative_prompt": "rain"}),
    "negative_presets": (PLAIN, {"negative_presets": ["photograph"]}),
    "model": (PLAIN, {"model": "tiny-starter"}),
    "vae": (PLAIN, {"vae": "another"}),
    "width": (PLAIN, {"width": SIDE + 8}),
    "height": (PLAIN, {"height": SIDE + 8}),
    "scheduler": (PLAIN, {"scheduler": "DDIM"}),
    "steps": (PLAIN, {"steps": 3}),
    "guidance_scale": (PLAIN, {"guidance_scale": 9}),
    "clip_skip": (PLAIN, {"clip_skip": 2}),
    "guidance_rescale": (PLAIN, {"guidance_rescale": 0.7}),
    "eta": (EVEN, {"eta": 0.8}),
    "sigma_churn": (PLAIN, {"sigma_churn": 1}),
    "sigma_noise": (PLAIN | {"sigma_churn": 1}, {"sigma_noise": 1.1}),
    "speedups": (PLAIN, {"speedups": ["deep_cache=2"]}),
    "rng": (PLAIN | {"model": "tiny-starter"}, {"rng": "device"}),
    "numerics": (PLAIN, {"numerics": "exact"}),
    "seed": (PLAIN, {"seed": 8}),
    "variation_seed": (VARIED, {"variation_seed": 4}),
    "variation_strength": (VARIED, {"variation_strength": 0.2}),
    "count": (PLAIN, {"count": 2}),
    "init_image": (PICTURE, {"init_image": "other"}),
    "strength": (PICTURE, {"strength": 0.9}),
    "image_guidance_scale": (
        {**PICTURE, "model": "tiny-sd15_instruct", "strength": None, "image_guidance_scale": 1.5},
        {"image_guidance_scale": 3},
    ),
    "resize": (TALL, {"resize": "stretch"}),
    "mask_image": (MASKED, {"mask_image": "spot"}),
    "mask_blur": (MASKED, {"mask_blur": 8}),
    "mask_grow": (MASKED, {"mask_grow": 8}),
    "mask_sketch": (MASKED, {"mask_sketch": "other"}),
    "mask_resample": (MASKED, {"mask_resample": 2}),
    "mask_fill": (MASKED, {"mask_fill": "noise"}),
    "mask_area": (CLOSE, {"mask_area": "whole", "mask_padding": None}),
    "mask_padding": (CLOSE, {"mask_padding": 8}),
    "outpaint": (GROWN, {"outpaint": {"right": 16}}),
    "hires_scale": (TWICE, {"hires_scale": 1.5}),
    "hires_model": (TWICE, {"hires_model": "tiny-starter"}),
    "hires_upscaler": (TWICE, {"hires_upscaler": "latent"}),
    "hires_strength": (TWICE, {"hires_strength": 0.4}),
    "hires_steps": (TWICE, {"hires_steps": 6}),
    "upscaler": (LARGER, {"upscaler": "tiny"}),
    "upscale": (LARGER, {"upscale": 2}),
    "controls": (FOLLOWED, {"controls": []}),
    "loras": (WORN, {"loras": []}),
}
SIDES: dict[str, tuple[Values, Values]] = {
    side: (GROWN, {"outpaint": {"left": 16, side: 24}}) for side in OutpaintPadding.model_fields
}
UNITS: dict[str, tuple[Values, Values]] = {
    "kind": (FOLLOWED, {"kind": "scribble"}),
    "image": (FOLLOWED, {"image": "other"}),
    "map": (MAPPED, {"map": "left"}),
    "model": (FOLLOWED, {"model": "canny-other"}),
    "weight": (FOLLOWED, {"weight": 0.3}),
    "start": (FOLLOWED, {"start": 0.5}),
    "end": (FOLLOWED, {"end": 0.5}),
    "resize": (MAPPED, {"resize": "stretch"}),
    "mode": (FOLLOWED, {"mode": "control"}),
    "options": (FOLLOWED, {"options": {"low": 5, "high": 20}}),
}
LORAS: dict[str, tuple[Values, Values]] = {
    "name": (WORN, {"name": "other"}),
    "weight": (WORN, {"weight": 0.3}),
    "text_weight": (WORN, {"text_weight": 0}),
    "start": (WORN, {"start": 0.5}),
    "end": (WORN, {"end": 0.5}),
    "blocks": (WORN, {"blocks": [1.0, *[0.0] * 16]}),
}


@pytest.fixture(scope="module")
def home(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("sweep")
    (home / "models").mkdir()
    for family in ("sd15", "starter", "sd15_instruct"):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    tiny.controlnet(tiny_model("sd15"), home / "controlnets" / "edges")
    tiny.controlnet(tiny_model("sd15"), home / "controlnets" / "canny-other", seed=1)
    tiny.lora(tiny_model("sd15"), home / "loras" / "ink.safetensors", text=True)
    tiny.lora(tiny_model("sd15"), home / "loras" / "other.safetensors", seed=1, text=True)
    tiny.upscaler(home / "upscalers" / "tiny.safetensors")
    shutil.copytree(tiny.build("sd15", home / "other", seed=9) / "vae", home / "vaes" / "another")
    return Settings(home=home, device="cpu")


@pytest.fixture(scope="module")
def pictures(home: Settings) -> dict[str, str]:
    inputs = InputStore.of(home)
    masks = {"left": (0, 0, SIDE // 2, SIDE), "spot": (20, 20, 40, 36)}
    stored = {"one": inputs.add(_picture("firebrick", 40)).id, "other": inputs.add(_picture("navy", 20)).id}
    for name, box in masks.items():
        mask = Image.new("L", (SIDE, SIDE))
        mask.paste(255, box)
        stored[name] = inputs.add_mask(mask).id
    return stored


def _picture(colour: str, side: int) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), "lightskyblue")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((8, 2, 60, 60), "#a7dffa")
    pen.rectangle((4, 8, 4 + side, 8 + side), colour, "black")
    return picture


Make = Callable[[Values], list[np.ndarray[Any, Any]]]


@pytest.fixture(scope="module")
def make(home: Settings, pictures: dict[str, str]) -> Iterator[Make]:
    """The pictures that a recipe makes; those of a base are made once."""
    with closing(LocalBackend(home, Catalogue(home))) as backend:
        yield maker(home, pictures, backend)


@pytest.fixture(scope="module")
def make_apart(home: Settings, pictures: dict[str, str]) -> Iterator[Make]:
    """The same by an engine in a process of its own."""
    with closing(ProcessBackend(home, Catalogue(home))) as backend:
        yield maker(home, pictures, backend)


def maker(home: Settings, pictures: dict[str, str], backend: Backend) -> Make:
    catalogue, inputs, nets = Catalogue(home), InputStore.of(home), ControlNets(home)
    made: dict[str, list[np.ndarray[Any, Any]]] = {}

    def stored(values: Values) -> Values:
        named = {key: pictures.get(value, value) if isinstance(value, str) else value for key, value in values.items()}
        return named | {"controls": [stored(unit) for unit in values["controls"]]} if "controls" in values else named

    def pixels(values: Values) -> list[np.ndarray[Any, Any]]:
        if repr(values) not in made:
            recipe = Recipe.make(**stored(values))
            recipes = resolve(recipe, home, catalogue, Presets(home.home), inputs, nets, PromptAssets.of(home))
            made[repr(values)] = [np.asarray(one.image) for one in backend.generate(recipes, lambda _: None)]
        return made[repr(values)]

    return pixels


def differ(make: Make, base: Values, changed: Values) -> bool:
    before, after = make(base), make({**base, **changed})
    return len(before) != len(after) or any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_there_is_a_case_for_every_setting():
    for cases, of in ((CASES, Recipe), (SIDES, OutpaintPadding), (UNITS, ControlUnit), (LORAS, Lora)):
        assert set(cases) == set(setting_specs(of)), "write a case that shows what the setting does"


# Seen in test_sampling.py: on a CPU both draw the same; and in test_side_by_side.py: it is about last bits.
ELSEWHERE = {"rng", "numerics"}


@pytest.mark.parametrize("field", sorted(CASES.keys() - ELSEWHERE))
def test_a_setting_changes_what_is_made(make: Make, field: str):
    assert differ(make, *CASES[field])


@pytest.mark.parametrize("side", SIDES)
def test_a_side_changes_what_is_made(make: Make, side: str):
    assert differ(make, *SIDES[side])


@pytest.mark.parametrize("field", UNITS)
def test_a_control_units_setting_changes_what_is_made(make: Make, field: str):
    base, changed = UNITS[field]
    assert differ(make, base, {"controls": [{**base["controls"][0], **changed}]})


@pytest.mark.parametrize("field", LORAS)
def test_a_loras_setting_changes_what_is_made(make: Make, field: str):
    base, changed = LORAS[field]
    assert differ(make, base, {"loras": [{**base["loras"][0], **changed}]})


@pytest.mark.soak
@pytest.mark.parametrize("field", sorted(CASES.keys() - ELSEWHERE))
def test_a_setting_is_the_same_by_an_engine_in_a_process_of_its_own(make: Make, make_apart: Make, field: str):
    base, changed = CASES[field]
    for values in (base, {**base, **changed}):
        for here, there in zip(make(values), make_apart(values), strict=True):
            assert np.array_equal(here, there)


def test_what_is_inert_would_be_seen(make: Make):
    assert not differ(make, PLAIN, {"prompt": f"  {tiny.PROMPT}"})
