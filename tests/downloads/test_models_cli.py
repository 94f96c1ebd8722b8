"""`studio models`: what there is, downloaded and removed from the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.cli import main
from tests.downloads.conftest import MODEL, REPO, painting
from tests.small_hub import Manners


@pytest.fixture
def models(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command, and gives its exit code and what it printed and said."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["models", "--home", str(home), *words])
        return code, *capsys.readouterr()

    return run


def test_weights_come_are_listed_and_go(models: Callable[..., tuple[int, str, str]]):
    code, out, _ = models("fetch", MODEL, "clip")
    assert code == 0
    assert out.startswith("Fetched Far: ")
    _, out, _ = models("--json")
    told = {one["id"]: one for key in ("models", "others") for one in json.loads(out)[key]}
    assert told[MODEL]["present"]
    assert told["clip"]["kind"] == "metric"
    assert not told["midas"]["present"]
    code, out, said = models("remove", MODEL)
    assert (code, out) == (2, "")
    assert "say --yes" in said
    code, out, _ = models("--json", "remove", MODEL, "--yes")
    assert (code, json.loads(out)["removed"][0]["present"]) == (0, False)


def test_what_cannot_be_had_or_removed_says_why(models: Callable[..., tuple[int, str, str]], manners: Manners):
    manners.refusals[REPO] = (401, {"X-Error-Code": "GatedRepo"})
    code, _, said = models("fetch", MODEL)
    assert code == 2
    assert said.startswith("studio models: Far cannot be downloaded: some/tiny asks for its licence")
    assert "Did you mean sdxl-base" in models("fetch", "sdxl-bse")[2]
    assert "comes with the studio" in models("remove", "starter", "--yes")[2]


def test_nothing_is_removed_under_a_studio_that_runs(models: Callable[..., tuple[int, str, str]], home: Path):
    models("fetch", MODEL)
    with painting(home):
        assert "Another studio is running on this data folder" in models("remove", MODEL, "--yes")[2]
    assert models("remove", MODEL, "--yes")[0] == 0
