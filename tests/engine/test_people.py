"""People are found in a picture for the pose editor, on the engine's device and for the model in hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from starter_factory.draw import draw
from starter_factory.posing import people, person_scene
from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.errors import InvalidRecipe
from studio.inputs import InputStore
from studio.recipe import ControlUnit
from studio.settings import Settings

SIDE = 128
NEAR = 0.08 * SIDE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, device="cpu")


@pytest.fixture
def backend(settings: Settings) -> Iterator[LocalBackend]:
    backend = LocalBackend(settings, Catalogue(settings))
    yield backend
    backend.close()


def test_people_are_found_in_the_pixels_of_their_picture(backend: LocalBackend, settings: Settings) -> None:
    scene = person_scene(900, "illustration")
    (wanted,) = people(scene, 2 * SIDE, 2 * SIDE)
    picture = Image.fromarray(draw(scene, SIDE, SIDE).image).resize((2 * SIDE, 2 * SIDE))
    unit = ControlUnit(kind="pose", image=InputStore.of(settings).add(picture).id)
    (found,) = backend.people(unit, "starter")
    near = [max(abs(found[name][axis] - at[axis]) for axis in (0, 1)) < 2 * NEAR for name, at in wanted.items()]
    assert sum(near) > 0.7 * len(near)


def test_where_nobody_is_the_cure_is_told(backend: LocalBackend, settings: Settings) -> None:
    unit = ControlUnit(kind="pose", image=InputStore.of(settings).add(Image.new("RGB", (SIDE, SIDE), "grey")).id)
    with pytest.raises(InvalidRecipe, match="No people were found") as caught:
        backend.people(unit, "starter")
    assert "by hand" in caught.value.hint
