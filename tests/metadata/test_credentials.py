"""What pictures say of where they come from is read from their files, and never guessed."""

import json
from base64 import b64decode
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.cli import main
from studio.gate.identity import COMMAND_LINE
from studio.metadata import credentials as module
from studio.metadata import xmp
from studio.metadata.credentials import credentials
from studio.metadata.provenance import IPTC, PROPERTY
from studio.metadata.writing import Writing, writing_of
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.picture_work import _acts
from tests.drawer import Drawer, resolved
from tests.metadata.test_writing import FORMATS, Format, issued, written

__all__ = ["issued"]


@pytest.fixture
def signing(tmp_path: Path, issued: tuple[Path, Path]) -> Settings:
    return Settings(home=tmp_path, provenance="strict", certificate=issued[0], certificate_key=issued[1])


@pytest.mark.parametrize("form", FORMATS)
def test_a_signature_is_checked_and_what_it_covers_is_told(tmp_path: Path, signing: Settings, form: Format):
    path = written(tmp_path, resolved("x"), writing_of(signing, format=form, recipe=False))
    assert credentials(path) == [
        "Its file says that a trained algorithm made it.",
        "It has Content Credentials (C2PA), signed by Us: the signature holds, and nothing here says who that is.",
        "They were written by Image Studio.",
        "They say that a trained algorithm made it.",
    ]


def test_jobs_the_page_and_the_command_line_sign_with_ones_own_certificate(
    tmp_path: Path, signing: Settings, issued: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    with Studio(signing, backend=Drawer()) as studio:
        job = studio.submit(Recipe(prompt="a house", model="starter", width=64, height=64, steps=2), COMMAND_LINE)
        list(job.follow())
        made = job.results[0].path
        asked = {"job": job.id, "image": 0, "format": "webp", "recipe": False}
        saved = dict(_acts(studio))["save"](asked, COMMAND_LINE)
        assert studio.index.at(made, COMMAND_LINE), "the library knows a signed picture"
    (tmp_path / saved["name"]).write_bytes(b64decode(saved["data"]))
    for name, value in {"PROVENANCE": "strict", "CERTIFICATE": issued[0], "CERTIFICATE_KEY": issued[1]}.items():
        monkeypatch.setenv(f"STUDIO_{name}", str(value))
    out = tmp_path / "out"
    assert main(["export", "pictures", str(made), "-o", str(out), "--home", str(tmp_path), "--format", "jpeg"]) == 0
    for path in (made, tmp_path / saved["name"], *out.iterdir()):
        assert any("the signature holds" in words for words in credentials(path)), path


def test_a_picture_that_was_changed_behind_its_signature_is_told(tmp_path: Path, signing: Settings):
    path = written(tmp_path, resolved("x"), writing_of(signing))
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT") + 100
    data[at] ^= 0xFF
    path.write_bytes(data)
    assert any("does not hold" in words for words in credentials(path))


def test_a_mark_without_a_signature_is_told_as_what_it_is(tmp_path: Path):
    path = written(tmp_path, resolved("x"), Writing("jpeg", marked=True))
    assert credentials(path) == ["Its file says that a trained algorithm made it."]


@pytest.mark.parametrize(
    ("source", "words"),
    [("digitalCapture", "a camera took it"), ("humanEdits", "a person edited it"), ("somethingNew", "“somethingNew”")],
)
def test_what_others_say_is_told_in_words(tmp_path: Path, source: str, words: str):
    texts = PngInfo()
    texts.add_itxt(xmp.PNG_KEYWORD, xmp.packet({PROPERTY: f"{IPTC}{source}"}))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=texts)
    (said,) = credentials(tmp_path / "a.png")
    assert words in said


def test_a_picture_that_says_nothing_of_its_origin_is_not_guessed_at(tmp_path: Path):
    path = written(tmp_path, resolved("x"), Writing())
    (tmp_path / "a.txt").write_text("trainedAlgorithmicMedia")
    assert credentials(path) == credentials(tmp_path / "a.txt") == credentials(tmp_path / "gone.png") == []


def test_without_the_library_a_manifest_is_named_and_nothing_said_of_it(
    tmp_path: Path, signing: Settings, monkeypatch: pytest.MonkeyPatch
):
    path = written(tmp_path, resolved("x"), writing_of(signing, recipe=False))
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    (_, said) = credentials(path)
    assert "cannot be read here" in said


def test_the_command_shows_tool_settings_hashes_and_origin(
    tmp_path: Path, signing: Settings, capsys: pytest.CaptureFixture[str]
):
    facts = {"weights": [{"kind": "lora", "name": "gone", "sha256": "ab" * 32, "file": "gone.safetensors"}]}
    recipe = resolved("a house").replace(loras=[{"name": "gone"}])
    path = written(tmp_path, recipe, writing_of(signing), facts)
    assert main(["show", str(path), "--json", "--home", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tool"].startswith("Image Studio")
    assert (told["settings"]["prompt"], told["settings"]["loras"][0]["name"]) == ("a house", "gone")
    assert told["hashes"] == {"LoRA gone": "ab" * 32}
    assert any("gone" in words for words in told["left"])
    assert len(told["origin"]) == 4
    assert main(["show", str(path), "--home", str(tmp_path)]) == 0
    assert "Made by Image Studio" in capsys.readouterr().out
    Image.new("RGB", (8, 8)).save(tmp_path / "bare.png")
    assert main(["show", str(tmp_path / "bare.png"), "--home", str(tmp_path)]) == 2
