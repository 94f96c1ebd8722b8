"""Nothing of gigabytes is downloaded before somebody said yes to it, whoever asks and however."""

import io
import sys
from pathlib import Path

import pytest

from studio import hub as the_hub
from studio.catalogue.lora_imports import LoraImports
from studio.catalogue.loras import Loras
from studio.cli import main
from studio.errors import DownloadNotAgreed
from studio.events import Done
from studio.gate.identity import COMMAND_LINE, PROGRAM
from studio.inputs import InputStore
from studio.recipe import Recipe
from studio.settings import Settings
from tests.api.asking import asking, gated
from tests.downloads.conftest import MODEL, painting
from tests.people import who
from tests.small_hub import Manners
from tests.ui.painter import Painter

FAR = Recipe(prompt="a boat", model=MODEL)


def said_to_take(home: Path, size_bytes: int | None) -> None:
    """The model's own file says how large its download is, or does not."""
    told = "" if size_bytes is None else f"download_bytes = {size_bytes}\n"
    text = f'name = "Far"\nfamily = "sd15"\nrepo = "some/tiny"\n{told}'
    (home / "models" / f"{MODEL}.toml").write_text(text)


@pytest.mark.parametrize("asks", [COMMAND_LINE, PROGRAM, who("ann")], ids=["a command", "a program", "a page"])
def test_gigabytes_are_refused_with_their_size_until_somebody_agreed(home: Path, manners: Manners, asks):
    said_to_take(home, 4_000_000_000)
    with painting(home) as studio:
        with pytest.raises(DownloadNotAgreed, match=r"Far is not on this machine: 4\.0 GB to download"):
            studio.submit(FAR, asks)
        assert (studio.downloads.all(), manners.heard) == ([], [])
        studio.weights.download(f"model/{MODEL}", asks)  # what the Models tab and the picker do at a click
        assert isinstance(list(studio.submit(FAR, asks).follow())[-1], Done)


def test_whoever_runs_the_studio_can_agree_once_for_all(home: Path):
    said_to_take(home, 4_000_000_000)
    with painting(home, agree_downloads=True) as studio:
        assert isinstance(list(studio.submit(FAR, PROGRAM).follow())[-1], Done)


def test_where_nobody_says_how_large_it_is_the_hub_is_asked(
    home: Path, manners: Manners, monkeypatch: pytest.MonkeyPatch
):
    said_to_take(home, None)
    monkeypatch.setattr(the_hub, "LARGE", 100_000)
    with painting(home) as studio:
        with pytest.raises(DownloadNotAgreed, match=r"\d+ (kB|MB) to download"):
            studio.submit(FAR, COMMAND_LINE)
        assert manners.heard == []
        monkeypatch.setattr(the_hub, "LARGE", studio.items[f"model/{MODEL}"].needed_bytes() + 1)
        assert isinstance(list(studio.submit(FAR, COMMAND_LINE).follow())[-1], Done)


def test_a_program_is_told_by_status_409_and_in_words(home: Path):
    said_to_take(home, 4_000_000_000)
    with painting(home) as studio:
        ask = asking(gated(studio))
        refused = ask("POST", "/api/jobs", json={"recipe": {"prompt": "a boat", "model": MODEL}})
        assert (refused.status_code, refused.json()["code"]) == (409, "download_not_agreed")
        assert "STUDIO_AGREE_DOWNLOADS" in refused.json()["hint"]
        for path, given in {
            "/v1/images/generations": {"prompt": "a boat", "model": MODEL},
            "/sdapi/v1/txt2img": {"prompt": "a boat", "override_settings": {"sd_model_checkpoint": MODEL}},
        }.items():
            assert ask("POST", path, json=given).status_code == 409, path
        assert studio.downloads.all() == []


def test_a_studio_that_starts_loads_nothing_of_gigabytes_by_itself(home: Path, manners: Manners):
    said_to_take(home, 4_000_000_000)
    with painting(home, model=MODEL) as studio:
        studio.warm()
        studio.wait_until_warm()
        assert (studio.downloads.all(), manners.heard) == ([], [])


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), (None, 2), ("--yes", 0)])
def test_a_command_asks_at_a_terminal_and_takes_yes_as_an_option(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str | None,
    code: int,
):
    said_to_take(home, 4_000_000_000)
    monkeypatch.setattr("studio.studio.backend_of", lambda settings, *_: Painter(inputs=InputStore.of(settings)))
    typed = io.StringIO(answer or "")
    typed.isatty = lambda: answer in ("y\n", "n\n")  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", typed)
    more = ["--yes"] if answer == "--yes" else []
    asked = ["generate", "a boat", "--model", MODEL, "--home", str(home), "--out", str(tmp_path / "out"), *more]
    assert main(asked) == code
    said = capsys.readouterr().err
    assert ("4.0 GB to download" in said) is (answer != "--yes")
    assert bool(list((tmp_path / "out").rglob("*.png"))) is (code == 0)


def test_a_lora_of_gigabytes_wants_a_yes_as_well(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(the_hub, "LARGE", 1000)
    imports = LoraImports(Loras(Settings(home=home)))
    with pytest.raises(DownloadNotAgreed, match=r"mine\.safetensors is not on this machine: \d+ kB to download"):
        imports.add("some/upscaler")
    assert main(["loras", "--home", str(home), "add", "some/upscaler"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert main(["loras", "--home", str(home), "add", "--yes", "some/upscaler"]) == 2
    assert "is not a LoRA" in capsys.readouterr().err, "it came, and was looked at"
