"""Speed-ups on real pipelines: each does what it says, for its own picture only, and leaves no trace on the model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from studio.backends.base import Rendered
from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.engine.manager import PipelineManager
from studio.errors import InvalidRecipe
from studio.families import FAMILIES
from studio.recipe import Recipe
from studio.resolve.speedups import check_speedups, read_speedups
from studio.settings import Settings
from studio.speedups import SPEEDUPS
from tests import tiny
from tests.engine.crew import whole_steps
from tests.engine.test_side_by_side import at_once, made, same

# A value of each, and a family that it is for.
USED = {
    "attention": ("attention=math", "flux"),
    "channels_last": ("channels_last", "sd15"),
    "compile": ("compile", "flux"),
    "deep_cache": ("deep_cache=2", "sd15"),
    "first_block_cache": ("first_block_cache=0.5", "flux"),
    "guidance_interval": ("guidance_interval=0.3-0.7", "sd15"),
}
# These do the same sums in another order at most.
EVEN = ("attention", "channels_last", "compile")


@pytest.mark.parametrize("name", SPEEDUPS)
def test_each_says_what_it_costs_reads_what_the_page_offers_and_is_off_unless_chosen(name: str) -> None:
    speedup = SPEEDUPS[name]
    module = __import__(type(speedup).__module__, fromlist=["__doc__"])
    assert str(module.__doc__).startswith("Costs "), "line one says the cost"
    assert speedup.label
    assert speedup.cost.endswith(".")
    assert speedup.gain.endswith(".")
    assert speedup.offered
    for value in speedup.offered:
        speedup.read(value)
    with pytest.raises(InvalidRecipe, match="is not a value of"):
        speedup.read("no such value")
    assert Recipe().speedups == ()
    assert name in USED


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["deep_cach=2"], "There is no speed-up “deep_cach”. Did you mean deep_cache?"),
        (["deep_cache=2", "deep_cache=3"], "given twice"),
        (["deep_cache=1"], "“1” is not a value of DeepCache"),
        (["guidance_interval=0.8-0.2"], "“0.8-0.2” is not a value of Guidance interval"),
        (["attention=warp"], "“warp” is not a value of"),
    ],
)
def test_one_that_is_not_there_or_said_wrongly_is_refused_in_words(given: list[str], words: str) -> None:
    with pytest.raises(InvalidRecipe) as refused:
        read_speedups(Recipe(speedups=given))
    assert refused.value.field == "speedups"
    assert words in str(refused.value)


@pytest.mark.parametrize("name", SPEEDUPS)
def test_a_family_that_cannot_have_it_is_named(name: str, catalogue: Catalogue) -> None:
    text, able = USED[name]
    other = "sd15" if able == "flux" else "flux"
    recipe = Recipe(speedups=[text], guidance_scale=5)
    check_speedups(recipe, [catalogue[f"tiny-{able}"]])
    with pytest.raises(InvalidRecipe, match=FAMILIES[other].name):
        check_speedups(recipe, [catalogue[f"tiny-{other}"]])


def test_what_means_nothing_for_a_recipe_or_cannot_be_done_for_one_transformer_is_said(catalogue: Catalogue) -> None:
    for text, guidance, model, words in (
        ("guidance_interval=0-0.5", 1, "tiny-sd15", "There is no guidance to leave out"),
        ("first_block_cache=0.1", 5, "tiny-sd3", "cannot be cached"),
    ):
        with pytest.raises(InvalidRecipe, match=words):
            check_speedups(Recipe(speedups=[text], guidance_scale=guidance), [catalogue[model]])


@pytest.mark.parametrize("name", SPEEDUPS)
def test_it_counts_for_its_own_picture_and_leaves_no_trace(
    name: str, backend: LocalBackend, recipe: Callable[..., Recipe]
) -> None:
    text, family = USED[name]
    plain = recipe(family, steps=4)
    before = made(backend, plain)
    with torch.compiler.set_stance("force_eager"):
        sooner = made(backend, plain.changed(speedups=(text,)))
    if name in EVEN:
        assert same(sooner, before)
    else:
        assert sooner.image.tobytes() != before.image.tobytes()
    assert made(backend, plain).image.tobytes() == before.image.tobytes()


def rows_of(manager: PipelineManager, backend: LocalBackend, recipe: Any, model: Any) -> list[int]:
    """How many rows the UNet's first block was asked for, and whether its deep ones were, in each step."""
    rows: list[int] = []
    with manager.borrow_pipeline(model) as pipe:
        handle = pipe.unet.conv_in.register_forward_hook(lambda _, given, __: rows.append(len(given[0])))
    try:
        made(backend, recipe)
    finally:
        handle.remove()
    return rows


def test_outside_of_its_interval_guidance_takes_no_rows(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    manager, model = backend._engine(), backend._catalogue["tiny-sd15"]
    interval = recipe("sd15", steps=5, speedups=["guidance_interval=0.2-0.6"])
    assert rows_of(manager, backend, interval, model) == [1, 2, 2, 1, 1]
    with pytest.raises(InvalidRecipe, match="joined by AND"):
        made(backend, interval.changed(prompt="a red house AND a blue sea"))


def test_between_whole_steps_the_deep_blocks_are_not_asked(
    backend: LocalBackend, recipe: Callable[..., Recipe]
) -> None:
    model, asked = backend._catalogue["tiny-sd15"], list[int]()
    with backend._engine().borrow_pipeline(model) as pipe:
        handle = pipe.unet.mid_block.resnets[0].register_forward_hook(lambda *_: asked.append(1))
    try:
        made(backend, recipe("sd15", steps=7, speedups=["deep_cache=3"]))
    finally:
        handle.remove()
    assert len(asked) == 3


def test_a_kernel_that_is_not_here_is_said(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    with pytest.raises(InvalidRecipe, match="kernel for attention is not here"):
        made(backend, recipe("flux", speedups=["attention=sage"]))


@pytest.fixture(scope="module")
def beside(settings: Settings, tiny_model: Callable[[str], Path]) -> Iterator[LocalBackend]:
    tiny.lora(tiny_model("sd15"), settings.home / "loras" / "sooner.safetensors", "kohya", text=True)
    tiny.controlnet(tiny_model("sd15"), settings.home / "controlnets" / "sooner-canny")
    several = settings.model_copy(update={"side_by_side": 4})
    with pytest.MonkeyPatch.context() as patch:
        whole_steps(patch)
        backend = LocalBackend(several, Catalogue(several))
        yield backend
        backend.close()


def test_side_by_side_each_picture_has_its_own_and_is_as_if_it_were_made_alone(
    beside: LocalBackend,
    settings: Settings,
    recipe: Callable[..., Recipe],
    edit: Callable[..., Recipe],
) -> None:
    alone = LocalBackend(settings, Catalogue(settings))
    control = {"kind": "canny", "model": "sooner-canny", "map": edit("sd15").init_image, "weight": 0.8}
    recipes = [
        recipe("sd15", seed=1, steps=6),
        recipe("sd15", seed=2, steps=6, speedups=["deep_cache=2"]),
        recipe("sd15", seed=3, steps=8, speedups=["deep_cache=3", "guidance_interval=0.2-0.6"]),
        recipe("sd15", seed=4, steps=5, speedups=["guidance_interval=0.2-0.8"], scheduler="Heun"),
        recipe("sd15", seed=5, steps=6, speedups=["deep_cache=2"], loras=[{"name": "sooner", "weight": 0.8}]),
        recipe("sd15", seed=6, steps=6, speedups=["deep_cache=2"], controls=[control]),
        recipe("sd15", seed=7, steps=6, speedups=["channels_last"]),
    ]
    for one, wanted in zip(at_once(beside, recipes), recipes, strict=True):
        assert isinstance(one, Rendered), (wanted.seed, one)
        assert same(one, made(alone, wanted)), wanted.seed
        assert ("buckets" in one.facts) == (wanted.seed != 7)
    alone.close()


def test_a_picture_of_a_few_rows_is_made_again_in_its_buckets(
    beside: LocalBackend, recipe: Callable[..., Recipe]
) -> None:
    wanted = recipe("sd15", seed=2, steps=6, speedups=["deep_cache=2", "guidance_interval=0.4-1"])
    others = [recipe("sd15", seed=seed, steps=6, speedups=["deep_cache=2"]) for seed in (3, 4)]
    one, *_ = at_once(beside, [wanted, *others])
    assert isinstance(one, Rendered)
    again = made(beside, wanted.changed(buckets=one.facts["buckets"]))
    assert np.array_equal(np.asarray(again.image), np.asarray(one.image))
