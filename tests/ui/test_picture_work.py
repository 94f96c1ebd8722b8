"""What is done with one picture from the page: made again and compared, its steps shown, saved in another form."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.errors import InvalidRequest, NotFound
from studio.filmstrip import frames_of
from studio.gate.identity import Identity
from studio.metadata import own, writing
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.picture_work import _acts
from tests.drawer import Drawer
from tests.ui.callers import ME

OTHER = Identity("browser", "browser:other", here=True, address="127.0.0.1")


class Filmer(Drawer):
    """Draws frames on its way where they are wanted."""

    def generate(self, recipes: Any, report: Any, wanted: Any = lambda: True, turn: Any = None) -> Iterator[Any]:
        for rendered in super().generate(recipes, report, wanted):
            frames = [rendered.image.point(lambda level, share=share: level * share // 4) for share in (1, 2, 3)]
            vars(rendered)["frames"] = frames if turn and turn.each_step else ()
            yield rendered


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(Settings(home=tmp_path), backend=Filmer()) as studio:
        yield studio


@pytest.fixture
def which(studio: Studio) -> dict[str, Any]:
    job = studio.submit(Recipe(prompt="a house", seed=3), ME)
    list(job.follow())
    return {"job": job.id, "image": 0}


Acts = dict[str, Callable[..., Any]]


def done(studio: Studio, acts: Acts, which: dict[str, Any], work: str, who: Identity = ME) -> Any:
    """What came of the job when it is over."""
    list(studio.job(work, who).follow())
    return acts["news"]({**which, "work": work}, who)


def file_of(studio: Studio, address: str) -> Path:
    found = studio.addresses.find(address.removeprefix("studio/pictures/"), ME)
    assert found
    return found


def test_a_picture_is_made_again_and_compared(studio: Studio, which: dict[str, Any]) -> None:
    acts = dict(_acts(studio))
    begun = acts["replay"](which, ME)
    replayed = done(studio, acts, which, begun["work"])["replayed"]
    assert (replayed["verdict"], replayed["because"], replayed["difference"]) == ("identical", [], "")
    assert file_of(studio, replayed["again"]).is_file()


def test_a_difference_is_shown_with_the_reasons(studio: Studio, which: dict[str, Any]) -> None:
    acts = dict(_acts(studio))
    path = studio.job(which["job"], ME).results[0].path
    made, pixels = own.read_made(path), 255 - np.asarray(Image.open(path).convert("RGB"))
    writing.write(Image.fromarray(pixels), made.recipe, {**made.facts, "device": "brush"}, path)
    replayed = done(studio, acts, which, acts["replay"](which, ME)["work"])["replayed"]
    assert replayed["verdict"] == "different"
    assert replayed["because"] == ["The device was brush, here pencil."]
    with Image.open(file_of(studio, replayed["difference"])) as difference:
        assert difference.size == Image.fromarray(pixels).size


def test_the_steps_are_an_animation_and_a_strip(studio: Studio, which: dict[str, Any]) -> None:
    acts = dict(_acts(studio))
    filmed = done(studio, acts, which, acts["film"](which, ME)["work"])["filmed"]
    assert filmed["frames"] == len(frames_of(file_of(studio, filmed["film"]))) == 4
    with Image.open(file_of(studio, filmed["strip"])) as strip:
        assert strip.width > strip.height


@pytest.mark.parametrize(("form", "kept"), [("webp", True), ("jpeg", True), ("png", False)])
def test_a_picture_is_saved_in_another_form_with_or_without_its_recipe(
    studio: Studio, which: dict[str, Any], tmp_path: Path, form: str, kept: bool
) -> None:
    saved = dict(_acts(studio))["save"]({**which, "format": form, "recipe": kept}, ME)
    path = tmp_path / saved["name"]
    path.write_bytes(b64decode(saved["data"]))
    with Image.open(BytesIO(path.read_bytes())) as image:
        assert image.format == form.upper()
    if kept:
        assert own.read(path).prompt == "a house"
    else:
        assert b"house" not in path.read_bytes()


def test_a_picture_is_saved_without_its_background_or_told_why_not(studio: Studio, which: dict[str, Any]) -> None:
    save = dict(_acts(studio))["save"]
    with pytest.raises(InvalidRequest, match="no transparent pixels"):
        save({**which, "format": "jpeg", "recipe": True, "cut_out": True}, ME)
    with pytest.raises(InvalidRequest, match="This picture"):
        save({**which, "format": "png", "recipe": True, "cut_out": True}, ME)


def test_nobody_but_its_owner_does_anything_with_a_picture(studio: Studio, which: dict[str, Any]) -> None:
    acts = dict(_acts(studio))
    work = acts["replay"](which, ME)["work"]
    asked = {
        "replay": which,
        "film": which,
        "news": {**which, "work": work},
        "save": {**which, "format": "png", "recipe": True},
    }
    for name, event in asked.items():
        with pytest.raises(NotFound):
            acts[name](event, OTHER)
