"""A LoRA looked up by the hash of its file, at a server that answers as Civitai does."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.catalogue.loras import LoraFile, Loras
from studio.catalogue.sidecars import Sidecar
from studio.civitai.looking_up import LookUp
from studio.errors import AnswerMalformed, NotFound, Refused, ServiceFailed, ServiceUnreachable, StudioError
from studio.inputs import InputStore
from studio.settings import Settings
from tests.headers import write_safetensors
from tests.small_civitai import Civitai as Site
from tests.small_civitai import small_civitai

TO_K = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
INK = {f"{TO_K}.lora_A.weight": (4, 768), f"{TO_K}.lora_B.weight": (320, 4)}


@pytest.fixture
def site() -> Iterator[Site]:
    with small_civitai() as site:
        yield site


def looked_up(home: Path, site: str) -> LoraFile:
    """The file, after it was looked up there."""
    settings = Settings.load(home=home, civitai=site)
    write_safetensors(settings.folder("loras") / "ink.safetensors", INK)
    loras = Loras(settings)
    file = loras["ink"]
    LookUp(settings, InputStore.of(settings)).look_up(file, loras.digest(file.path))
    return file


def sha256(home: Path) -> str:
    settings = Settings.load(home=home)
    path = write_safetensors(settings.folder("loras") / "ink.safetensors", INK)
    return Loras(settings).digest(path)


def test_the_hash_alone_is_sent_and_words_licence_and_picture_lie_beside_the_file(tmp_path: Path, site: Site) -> None:
    digest = sha256(tmp_path)
    site.publish(digest)
    (tmp_path / "loras" / "ink.civitai.info").write_text('{"another": "tool", "baseModel": "old"}')
    file = looked_up(tmp_path, site.address)
    assert site.asked == [f"/api/v1/model-versions/by-hash/{digest}", "/api/v1/models/7", "/preview.png"]
    assert set(site.sent) == {b""}
    assert file.trigger_words == ("in fine ink", "inked", "wet")
    assert file.sidecar == Sidecar(
        words=file.trigger_words,
        title="Fine ink, v2",
        base="SD 1.5",
        licence="Name its maker; pictures made with it may be sold; no merges.",
        page=f"{site.address}/models/7",
    )
    assert json.loads((tmp_path / "loras" / "ink.civitai.info").read_text())["another"] == "tool"
    assert file.thumbnail
    with Image.open(file.thumbnail) as picture:
        assert (picture.format, picture.size) == ("WEBP", (768, 512))


def test_a_picture_that_is_not_for_everybody_is_not_fetched(tmp_path: Path, site: Site) -> None:
    site.publish(sha256(tmp_path), rated=4)
    file = looked_up(tmp_path, site.address)
    assert file.sidecar.title == "Fine ink, v2"
    assert (file.thumbnail, len(site.asked)) == (None, 2)


@pytest.mark.parametrize(
    ("spoiled", "kind", "words"),
    [
        (None, NotFound, "knows no file with this hash"),
        ((503, b""), ServiceFailed, "answered with 503"),
        ((200, b"<html>"), AnswerMalformed, "something else than a table"),
        ((200, b"[" * 10_000), AnswerMalformed, "something else than a table"),
    ],
)
def test_what_goes_wrong_there_is_said_and_leaves_nothing(
    tmp_path: Path, site: Site, spoiled: tuple[int, bytes] | None, kind: type[StudioError], words: str
) -> None:
    site.spoiled = spoiled
    with pytest.raises(kind, match=words):
        looked_up(tmp_path, site.address)
    assert [path.name for path in (tmp_path / "loras").iterdir()] == ["ink.safetensors"]


def test_nothing_is_asked_where_it_is_switched_off_or_for_what_comes_with_the_studio(
    tmp_path: Path, site: Site
) -> None:
    with pytest.raises(Refused):
        looked_up(tmp_path, "")
    settings = Settings.load(home=tmp_path, civitai=site.address)
    look_up, loras = LookUp(settings, InputStore.of(settings)), Loras(settings)
    with pytest.raises(Refused, match="Only files that were added"):
        look_up.look_up(loras["sketch"], "0" * 64)
    assert site.asked == []


def test_a_site_that_is_not_there_is_said(tmp_path: Path, site: Site) -> None:
    del site
    with pytest.raises(ServiceUnreachable, match="does not answer"):
        looked_up(tmp_path, "http://127.0.0.1:9")


def test_what_a1111_wrote_beside_a_file_is_read_and_what_cannot_be_read_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    (tmp_path / "ink.json").write_text('{"activation text": "inked, wet", "sd version": "SD1"}')
    assert Sidecar.beside(path) == Sidecar(words=("inked", "wet"), base="SD1")
    (tmp_path / "ink.civitai.info").write_text('{"trainedWords": [3, null], "model": 7, "page": "javascript:alert(1)"}')
    assert Sidecar.beside(path) == Sidecar()
    (tmp_path / "ink.civitai.info").write_text("[" * 10_000)
    assert Sidecar.beside(path).words == ("inked", "wet")
