"""Two files whose names differ in the form of their accents alone: told at listing, and none of them is used."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.embeddings import Embeddings
from studio.catalogue.loras import Loras
from studio.catalogue.models import Catalogue
from studio.catalogue.upscalers import Upscalers
from studio.catalogue.vaes import Vaes
from studio.errors import AmbiguousModel, InvalidPreset, StudioError
from studio.hosted.models import Hosted
from studio.presets.reading import Presets, named
from studio.prompts.wildcards import Wildcards, matching
from studio.settings import Settings
from tests.headers import write_safetensors

FORMS = tuple(unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
NAME = FORMS[0]
Faults = Callable[[Settings], object]


def _fault_of_style(home: Settings) -> object:
    presets = Presets(home.home / "presets")
    assert named(NAME, presets.styles) is None
    return presets.fault_of(NAME)


def _fault_of_hosted(home: Settings) -> object:
    with pytest.raises(InvalidPreset) as told:
        Hosted(home)[f"openai:{NAME}"]
    return told.value


def _fault_of_upscaler(home: Settings) -> object:
    with pytest.raises(AmbiguousModel) as told:
        Upscalers(home)[NAME]
    return told.value


@pytest.mark.parametrize(
    ("folder", "ending", "fault"),
    [
        ("models", ".safetensors", lambda home: Catalogue(home).faults[NAME]),
        ("models", ".toml", lambda home: Catalogue(home).faults[NAME]),
        ("controlnets", ".safetensors", lambda home: ControlNets(home).faults[NAME]),
        ("vaes", ".safetensors", lambda home: Vaes(home).faults[NAME]),
        ("loras", ".safetensors", lambda home: Loras(home).faults[NAME]),
        ("embeddings", ".safetensors", lambda home: Embeddings(home).faults[NAME]),
        ("upscalers", ".safetensors", _fault_of_upscaler),
        ("presets/styles", ".toml", _fault_of_style),
        ("presets/hosted", ".toml", _fault_of_hosted),
    ],
)
def test_names_that_differ_in_the_form_of_their_accents_are_told(
    tmp_path: Path, folder: str, ending: str, fault: Faults
) -> None:
    place = tmp_path / folder
    place.mkdir(parents=True)
    for form in FORMS:
        path = place / f"{form}{ending}"
        if ending == ".toml":
            path.write_text('name = "Café"\nprompt = "a"\n')
        else:
            write_safetensors(path, {"a": (1,)})
    if len(list(place.iterdir())) < len(FORMS):
        pytest.skip("this disk keeps one form of accents alone")
    told = fault(Settings(home=tmp_path, device="cpu"))
    assert isinstance(told, StudioError)
    assert NAME in told.message
    assert "ename" in told.hint


def test_a_file_and_its_toml_in_other_forms_of_accents_are_one(tmp_path: Path) -> None:
    home = tmp_path / "models"
    home.mkdir()
    write_safetensors(home / f"{FORMS[1]}.safetensors", {"a": (1,)})
    (home / f"{FORMS[0]}.toml").write_text('family = "sd15"\nname = "Coffee"\n')
    assert Catalogue(Settings(home=tmp_path, device="cpu"))[NAME].name == "Coffee"


def test_lists_in_two_forms_of_accents_are_both_listed(tmp_path: Path) -> None:
    for form in FORMS:
        (tmp_path / f"{form}.txt").write_text("a\n")
    assert len(matching(NAME, Wildcards(tmp_path).files())) == len(FORMS)
