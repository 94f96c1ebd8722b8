"""Where weights are between their turns, on a pretended card: every way, and every way after every other."""

import itertools
import shutil

import numpy as np
import pytest

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.engine import memory
from studio.engine.device import Device
from studio.engine.manager import PipelineManager
from studio.engine.render import render
from studio.inputs import InputStore
from studio.recipe import Recipe, as_resolved
from studio.settings import Settings
from tests import tiny
from tests.engine.card import Card, pretend
from tests.engine.conftest import nobody, picture

WAYS = ("none", "model", "sequential")
PLAIN = {
    "prompt": tiny.PROMPT,
    "width": tiny.SIDE,
    "height": tiny.SIDE,
    "scheduler": "Euler",
    "steps": 1,
    "guidance_scale": 3,
    "seed": 7,
}


@pytest.fixture
def card(monkeypatch):
    return pretend(monkeypatch, Card())


@pytest.fixture
def on_card(settings, catalogue, card):
    """A manager on the card for each way to offload, all with the same networks beside the models."""
    made = []

    def manager(offload, **more):
        made.append(
            PipelineManager(catalogue, Settings(home=settings.home, offload=offload), device=Device("cuda"), **more)
        )
        return made[-1]

    yield manager
    for each in made:
        each.close()


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3", "flux"])
def test_every_way_to_offload_gives_the_same_picture(on_card, recipe, inputs, family):
    numbered = [(0, recipe(family))]
    made = {way: next(render(on_card(way), numbered, nobody, inputs)) for way in WAYS}
    assert not [way for way, one in made.items() if "changed" in one.facts]
    pixels = {way: np.asarray(one.image, np.int16) for way, one in made.items()}
    apart = {way: np.abs(one - pixels["none"]).max() for way, one in pixels.items()}
    # Attention in bfloat16 on a CPU differs in its last bits from run to run.
    assert max(apart.values()) <= (2 if family in ("sd3", "flux") else 0), apart


def test_a_decode_in_float32_does_not_disturb_a_streamed_model(on_card, recipe, inputs):
    """Twice, because a stream gives back the weights that it kept."""
    manager = on_card("sequential")
    one, again = (next(render(manager, [(0, recipe("sdxl"))], nobody, inputs)) for _ in range(2))
    assert one.image.tobytes() == again.image.tobytes()


@pytest.fixture(scope="module")
def twins(tiny_model, tmp_path_factory):
    """A home with two models that share a ControlNet."""
    home = tmp_path_factory.mktemp("twins")
    for name in ("one", "other"):
        tiny.build("sd15", home / "models" / name, seed=len(name))
    tiny.controlnet(home / "models" / "one", home / "controlnets" / "edges")
    shutil.copytree(home / "models" / "other" / "vae", home / "vaes" / "lent")
    # Where weights are does not depend on their format, and half precision is slow on a CPU.
    return Settings(home=home, offload="none", precision="float32")


@pytest.mark.parametrize(
    "jobs",
    [
        [("none", False), ("model", True), ("sequential", False)],
        pytest.param(list(itertools.product(WAYS, (False, True))), marks=pytest.mark.soak),
    ],
    ids=["each way", "each way with and without a ControlNet"],
)
def test_every_way_to_offload_comes_after_every_other(card, twins, jobs):
    """Each job finds its model, and the ControlNet if it has one, where it needs them."""
    inputs, catalogue = InputStore.of(twins), Catalogue(twins)
    manager = PipelineManager(catalogue, twins, ControlNets(twins), device=Device("cuda"))
    unit = {"kind": "map", "map": inputs.add(picture()).id, "model": "edges"}

    def made(name, job):
        model, (offload, controlled) = catalogue[name], job
        recipe = as_resolved(Recipe.make(**PLAIN, model=name, controls=[unit] if controlled else []))
        with manager.borrow(model) as lease:
            lease.offload(offload)
        (one,) = render(manager, [(0, recipe)], nobody, inputs)
        assert "changed" not in one.facts
        return one.image.tobytes()

    names, done = itertools.cycle(("one", "other")), []
    controlled = {with_net for _, with_net in jobs}
    wanted = {(name, with_net): made(name, ("none", with_net)) for name in ("one", "other") for with_net in controlled}
    # Each after itself and after each other: first, first, second, first, third, ...; second, second, third, ...
    for job in itertools.chain.from_iterable(
        (first, *itertools.chain.from_iterable((first, then) for then in jobs[n + 1 :])) for n, first in enumerate(jobs)
    ):
        name = next(names)
        done.append(job)
        assert made(name, job) == wanted[name, job[1]], done[-2:]
    pairs = set(itertools.pairwise([*done, done[0]]))
    assert pairs == set(itertools.product(jobs, jobs))
    manager.close()
    assert card.used == 0


def test_a_vae_that_stands_in_is_where_each_way_to_offload_needs_it(card, twins):
    inputs, catalogue = InputStore.of(twins), Catalogue(twins)
    manager = PipelineManager(catalogue, twins, ControlNets(twins), device=Device("cuda"))
    recipe, seen = as_resolved(Recipe.make(**PLAIN, model="one", vae="lent")), set()
    for offload in ("model", "none", None, "sequential", None, "model", "sequential"):
        with manager.borrow(catalogue["one"]) as lease:
            if offload:  # else the job before left all where this one needs it
                lease.offload(offload)
        del lease
        (made,) = render(manager, [(0, recipe)], nobody, inputs)
        assert "changed" not in made.facts
        seen.add(made.image.tobytes())
    manager.close()
    assert len(seen) == 1
    assert card.used == 0


def test_a_model_that_is_kept_off_the_card_leaves_it_empty(on_card, card, catalogue, recipe, inputs):
    for offload in ("model", "sequential"):
        manager = on_card(offload)
        next(render(manager, [(0, recipe("sd15"))], nobody, inputs))
        with manager.borrow(catalogue["tiny-sd15"]) as lease:
            vae = memory.bytes_of(lease.pipe.vae) if offload == "sequential" else 0
            assert vae <= card.used < vae + 0.01 * lease.loaded.bytes  # of a stream, the layer that is next
        manager.close()
