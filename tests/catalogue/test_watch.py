"""What is put into the data folder, changed or taken away there is seen without a restart."""

import os
import shutil
from pathlib import Path

import pytest

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.embeddings import Embeddings
from studio.catalogue.loras import Loras
from studio.catalogue.models import Catalogue
from studio.catalogue.upscalers import Upscalers
from studio.settings import ASSETS, Settings
from tests.headers import write_safetensors

STARTER = ASSETS / "starter"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.mark.parametrize(
    ("catalogue", "folder", "source"),
    [
        (Loras, "loras/mine", STARTER / "loras" / "sketch.safetensors"),
        (Embeddings, "embeddings", next((STARTER / "embeddings").glob("*.safetensors"))),
        (Upscalers, "upscalers", ASSETS / "upscalers" / "starter-4x.safetensors"),
        (ControlNets, "controlnets", STARTER / "controlnets" / "canny"),
        (Catalogue, "models", STARTER),
    ],
)
def test_what_comes_and_goes_is_seen(catalogue, folder: str, source: Path, settings: Settings, tmp_path: Path):
    known = catalogue(settings)
    before = list(known)
    (tmp_path / folder).mkdir(parents=True)
    assert list(known) == before
    place = tmp_path / folder / f"arrived{source.suffix}"
    shutil.copytree(source, place) if source.is_dir() else shutil.copy(source, place)
    assert "arrived" in known
    assert "arrived" in list(known)
    shutil.rmtree(place) if source.is_dir() else place.unlink()
    assert list(known) == before


def test_a_mended_toml_file_is_read_again(settings: Settings, tmp_path: Path):
    toml = tmp_path / "models" / "mine.toml"
    toml.parent.mkdir()
    toml.write_text('family = "sd15"\nrepo = "some/model"\nname = "Before"\nstpes = 3\n')
    known = Catalogue(settings)
    assert "stpes" in str(known.faults["mine"])
    toml.write_text('family = "sd15"\nrepo = "some/model"\nname = "After"\n')
    assert known["mine"].name == "After"
    assert "mine" not in known.faults


def test_a_file_that_was_still_being_copied_is_looked_at_again(settings: Settings, tmp_path: Path):
    whole = write_safetensors(tmp_path / "whole.safetensors", {"emb_params": (2, 768)}).read_bytes()
    path = tmp_path / "embeddings" / "slow.safetensors"
    path.parent.mkdir()
    path.write_bytes(whole[:-9])
    os.utime(path.parent, ns=(1, 1))
    known = Embeddings(settings)
    assert "slow" in known.faults
    path.write_bytes(whole)
    os.utime(path.parent, ns=(1, 1))
    assert known["slow"].vectors == 2
