"""Files downloaded by an address of Civitai, from a server that answers as it does: told first, held to their hash."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from studio.catalogue.lora_imports import LoraImports
from studio.catalogue.loras import Loras
from studio.civitai.arriving import Arrivals, Arrived
from studio.civitai.offers import Offer, Place, offer, place_of
from studio.civitai.site import Site
from studio.cli import main
from studio.errors import (
    AlreadyExists,
    Cancelled,
    DownloadFailed,
    KeyRefused,
    NotFound,
    StudioError,
    UnsafeModel,
    UnsupportedModel,
)
from studio.inputs import InputStore
from studio.settings import Settings
from tests.headers import write_safetensors
from tests.small_civitai import Civitai, small_civitai

TO_K = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
INK = {f"{TO_K}.lora_A.weight": (4, 768), f"{TO_K}.lora_B.weight": (320, 4)}
KEY = SecretStr("a-key-of-mine")


@pytest.fixture
def site() -> Iterator[Civitai]:
    with small_civitai() as site:
        yield site


@pytest.fixture
def ink(tmp_path: Path) -> bytes:
    return write_safetensors(tmp_path / "elsewhere" / "ink.safetensors", INK).read_bytes()


def offered(site: Civitai, home: Path, what: str = "", key: SecretStr | None = None) -> Offer:
    there = Site(Settings(home=home, civitai=site.address))
    place = place_of(what or f"{site.address}/models/7/fine-ink", there)
    assert place
    return offer(place, there, key)


def bring(site: Civitai, home: Path, key: SecretStr | None = None, say: Any = lambda _: None) -> Arrived:
    settings = Settings(home=home, civitai=site.address)
    arrivals = Arrivals(settings, Site(settings), LoraImports(Loras(settings)), InputStore.of(settings))
    return arrivals.bring(offered(site, home, key=key), key, say)


def landed(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.glob("*/**/*") if path.is_file())


@pytest.mark.parametrize(
    ("what", "place"),
    [
        ("https://civitai.com/models/7/fine-ink", Place(7, None)),
        ("civitai.com/models/7", Place(7, None)),
        ("https://civitai.com/models/7/fine-ink?modelVersionId=11#reviews", Place(7, 11)),
        ("https://www.civitai.green/models/7", Place(7, None)),
        ("https://civitai.com/api/download/models/11?type=Model&format=SafeTensor", Place(None, 11)),
        ("urn:air:sd1:lora:civitai:7@11", Place(7, 11)),
        ("civitai:7@11", Place(7, 11)),
        ("owner/name", None),
        ("https://huggingface.co/o/n/resolve/main/ink.safetensors", None),
        ("https://elsewhere.example/models/7", None),
        ("https://civitai.com.elsewhere.example/models/7", None),
        ("https://civitai.com/images/7", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_an_address_or_an_air_of_the_site_is_told_from_anything_else(what: str, place: Place | None) -> None:
    assert place_of(what, Site(Settings(civitai="https://civitai.com"))) == place
    assert place_of(what, Site(Settings(civitai=""))) is None


@pytest.mark.parametrize("what", ["/models/7/fine-ink", "/models/7?modelVersionId=11", "/api/download/models/11"])
def test_a_file_is_told_before_anything_of_it_is_downloaded(
    tmp_path: Path, site: Civitai, ink: bytes, what: str
) -> None:
    site.give("ink.safetensors", ink)
    found = offered(site, tmp_path / "home", site.address + what)
    assert (found.file, found.sidecar.title, found.sidecar.base) == ("ink.safetensors", "Fine ink, v2", "SD 1.5")
    assert found.sidecar.licence == "Name its maker; pictures made with it may be sold; no merges."
    assert abs(found.bytes - len(ink)) < 1024
    assert not [path for path in site.asked if "download" in path or "/files" in path]
    assert landed(tmp_path / "home") == []


def test_it_lands_with_words_and_picture_and_the_key_is_told_to_the_site_alone(
    tmp_path: Path, site: Civitai, ink: bytes
) -> None:
    site.give("ink.safetensors", ink)
    site.key = KEY.get_secret_value()
    home = tmp_path / "home"
    with pytest.raises(KeyRefused, match="only to those who have an API key") as caught:
        bring(site, home)
    assert "CIVITAI_API_KEY" in caught.value.hint
    assert landed(home) == []
    said: list[str] = []
    assert bring(site, home, KEY, said.append) == Arrived("ink", "a LoRA", "loras")
    assert landed(home) == ["loras/ink.civitai.info", "loras/ink.safetensors", "loras/ink.webp"]
    assert (home / "loras" / "ink.safetensors").read_bytes() == ink
    assert Loras(Settings(home=home))["ink"].trigger_words == ("in fine ink", "inked", "wet")
    assert said[0].startswith("Downloading ink.safetensors: ")
    told = dict(zip(site.asked, site.keys, strict=True))
    assert told["/api/download/models/11?type=Model"] == f"Bearer {site.key}"
    assert told["/files/ink.safetensors"] == ""
    with pytest.raises(AlreadyExists, match="A LoRA named 'ink' already exists"):
        bring(site, home, KEY)


def test_what_is_no_lora_lies_in_the_folder_for_its_kind(tmp_path: Path, site: Civitai) -> None:
    content = write_safetensors(tmp_path / "soft.safetensors", {"emb_params": (2, 768)}).read_bytes()
    site.give("soft.safetensors", content)
    site.kind = "TextualInversion"
    assert bring(site, tmp_path / "home") == Arrived("soft", "an embedding", "embeddings")
    assert "embeddings/soft.safetensors" in landed(tmp_path / "home")
    with pytest.raises(AlreadyExists, match=r"There is soft\.safetensors in embeddings already"):
        bring(site, tmp_path / "home")


def test_a_download_that_broke_off_goes_on_there_and_one_that_is_ended_leaves_nothing(
    tmp_path: Path, site: Civitai, ink: bytes
) -> None:
    site.give("ink.safetensors", ink)
    home = tmp_path / "home"
    site.breaks = len(ink) // 2
    with pytest.raises(DownloadFailed, match="was interrupted"):
        bring(site, home)
    assert sum(path.stat().st_size for path in home.rglob("ink.safetensors")) == len(ink) // 2
    assert "ink" not in Loras(Settings(home=home))

    def end(words: str) -> None:
        raise Cancelled(words)

    with pytest.raises(Cancelled):
        bring(site, home, say=end)
    assert landed(home) == []
    site.breaks = len(ink) // 2
    with pytest.raises(DownloadFailed):
        bring(site, home)
    assert bring(site, home).name == "ink"
    assert (home / "loras" / "ink.safetensors").read_bytes() == ink


@pytest.mark.parametrize(
    ("name", "content", "sha256", "kind", "words"),
    [
        ("ink.safetensors", None, "0" * 64, DownloadFailed, "its hash is different"),
        ("ink.pt", b"a pickle", "", UnsafeModel, "only as a pickle"),
        ("ink.zip", b"packed", "", UnsafeModel, "only as a pickle"),
        ("ink.safetensors", b"short", "", StudioError, "is damaged"),
        ("ink.safetensors", None, "none", UnsupportedModel, "has no hash of ink.safetensors yet"),
    ],
)
def test_what_is_not_what_was_published_or_no_weights_never_lands(
    tmp_path: Path,
    site: Civitai,
    ink: bytes,
    name: str,
    content: bytes | None,
    sha256: str,
    kind: type[StudioError],
    words: str,
) -> None:
    site.give(name, content or ink, sha256)
    with pytest.raises(kind, match=words):
        bring(site, tmp_path / "home")
    assert landed(tmp_path / "home") == []


def test_a_version_that_is_not_there_is_said(tmp_path: Path, site: Civitai, ink: bytes) -> None:
    site.give("ink.safetensors", ink)
    with pytest.raises(NotFound, match="no such version"):
        offered(site, tmp_path, "civitai:7@12")
    with pytest.raises(NotFound, match="has no such model"):
        offered(site, tmp_path, "civitai:8")


def test_the_command_brings_one_by_its_air(
    tmp_path: Path,
    site: Civitai,
    ink: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site.give("ink.safetensors", ink)
    site.key = KEY.get_secret_value()
    monkeypatch.setenv("STUDIO_CIVITAI", site.address)
    monkeypatch.setenv("CIVITAI_API_KEY", site.key)
    assert main(["loras", "--json", "--home", str(tmp_path / "home"), "add", "urn:air:sd1:lora:civitai:7@11"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == {"name": "ink", "sort": "a LoRA", "folder": "loras"}
