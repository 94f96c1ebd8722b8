"""Presets of people: what an account saves is its own, until an admin gives it to all."""

from pathlib import Path

import pytest

from studio.errors import AlreadyExists, InvalidRecipe, NotFound, Refused
from studio.gate.identity import COMMAND_LINE, Identity
from studio.live import Live
from studio.presets import saving
from studio.presets.people import PeoplesPresets, check_saves
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.consent import Consent
from tests.people import who
from tests.ui.painter import Painter

ANN = Identity.signed_in("a1", "ann", "admin")
BOB = Identity.signed_in("b2", "bob", "creator")
NIGHT = {"prompt": "{prompt} at night"}


@pytest.fixture
def presets(tmp_path: Path) -> PeoplesPresets:
    return PeoplesPresets(tmp_path)


def save(presets: PeoplesPresets, whose: Identity, name: str = "Night", sort: str = "styles") -> None:
    saving.write(presets.home(whose), sort, name, NIGHT if sort == "styles" else {"text": "fog"})
    presets.refresh(whose)


def test_what_an_account_saves_is_its_own_and_shipped_ones_are_everybodys(presets: PeoplesPresets) -> None:
    save(presets, ANN)
    assert "night" in presets.of(ANN).styles
    assert "night" not in presets.of(BOB).styles
    assert "night" not in presets.shared.styles
    assert presets.shared.styles.keys() <= presets.of(BOB).styles.keys()
    save(presets, BOB)
    assert presets.of(BOB).styles["night"].prompt == "{prompt} at night"


def test_nobody_deletes_what_is_another_s_and_only_an_admin_what_is_everybody_s(presets: PeoplesPresets) -> None:
    save(presets, ANN)
    save(presets, COMMAND_LINE, "Shared")
    for id_ in ("night", "shared", "../styles/night", "starter-night", ""):
        with pytest.raises(NotFound):
            presets.remove(BOB, "styles", id_)
    presets.remove(ANN, "styles", "shared")
    presets.remove(ANN, "styles", "night")
    assert not {"night", "shared"} & presets.of(ANN).styles.keys()


def test_an_admin_gives_a_preset_to_everybody_unless_its_name_is_taken(presets: PeoplesPresets) -> None:
    save(presets, ANN)
    save(presets, BOB)
    with pytest.raises(Refused, match="Only an admin"):
        presets.share(BOB, "styles", "night")
    presets.share(ANN, "styles", "night")
    for someone in (ANN, Identity.signed_in("c3", "cid", "viewer"), who("browser:x")):
        presets.refresh(someone)
        assert "night" in presets.of(someone).styles
    save(presets, ANN)
    with pytest.raises(AlreadyExists):
        presets.share(ANN, "styles", "night")
    with pytest.raises(NotFound):
        presets.share(ANN, "styles", "../../x")


def test_without_accounts_what_is_saved_is_everybody_s(presets: PeoplesPresets, tmp_path: Path) -> None:
    save(presets, who("browser:one"), "Fog", "negative")
    assert "fog" in presets.of(who("browser:two")).negatives
    assert (tmp_path / "presets" / "negative" / "fog.toml").is_file()


def test_a_viewer_saves_none(presets: PeoplesPresets) -> None:
    with pytest.raises(Refused, match="it can look, but not change anything"):
        check_saves(Identity.signed_in("v", "vic", "viewer"))


def test_a_style_of_ones_own_makes_ones_own_pictures_and_nobody_else_s(tmp_path: Path) -> None:
    with Studio(Settings.load(home=tmp_path), backend=Painter()) as studio:
        save(studio.peoples_presets, ANN)
        asked = Recipe(prompt="a house", styles=("night",), width=64, height=64, steps=1)
        job = studio.submit(asked, ANN)
        assert job.recipes[0].prompt == "a house at night"
        with pytest.raises(InvalidRecipe, match="no style"):
            studio.submit(asked, BOB)
        Consent(studio).check([asked], ANN)  # what a page looks at before it asks for pictures
        live = Live(studio).draw(asked, ANN, 1)
        assert live
        assert live.recipes[0].prompt == "a house at night"
        list(live.follow())
        list(job.follow())
