"""`studio verify` as a command: what it fetches from a hub on loopback, what it reports, and its exit codes."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from studio.cli import main
from studio.verify import bare, ours
from tests import tiny
from tests.downloads.conftest import files_of
from tests.forks import python
from tests.small_hub import Manners, small_hub, turn_to

SIZE = ("--width", str(tiny.SIDE), "--height", str(tiny.SIDE), "--steps", "2", "--device", "cpu")


@pytest.fixture
def manners() -> Manners:
    return Manners()


@pytest.fixture
def home(
    manners: Manners, tmp_path: Path, tiny_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home whose models and ControlNet are on a hub, for this process and those that it starts."""
    flagging = shutil.copytree(tiny_model("sd15"), tmp_path / "flagging")
    tiny.checker(flagging)
    broken = shutil.copytree(tiny_model("sd15"), tmp_path / "broken")
    config = json.loads((broken / "unet" / "config.json").read_text())
    (broken / "unet" / "config.json").write_text(json.dumps({**config, "layers_per_block": 2}))
    network = tiny.controlnet(tiny_model("sd15"), tmp_path / "network")
    models = {"whole": tiny_model("sd15"), "flagging": flagging, "broken": broken, "gated": tiny_model("sd15")}
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    (home / "controlnets").mkdir()
    for name in models:
        (home / "models" / f"{name}.toml").write_text(f'family = "sd15"\nrepo = "some/{name}"\n')
    (home / "controlnets" / "edges.toml").write_text('family = "sd15"\nkinds = ["canny"]\nrepo = "some/edges"\n')
    repos = {f"some/{name}": files_of(folder) for name, folder in models.items()} | {"some/edges": files_of(network)}
    with small_hub(repos, manners) as address:
        turn_to(address, tmp_path / "hub", monkeypatch)
        for name, value in {
            "HF_ENDPOINT": address,
            "HF_HUB_CACHE": str(tmp_path / "hub"),
            "HF_HUB_OFFLINE": "0",
            "STUDIO_HOME": str(home),
        }.items():
            monkeypatch.setenv(name, value)
        yield home


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides run here; that each has a process of its own is shown where one task is made by both."""

    def side(command: Sequence[str], **_: object) -> "subprocess.CompletedProcess[str]":
        *_, asked = command
        (ours if "studio.verify.ours" in command else bare).main(asked)
        return subprocess.CompletedProcess(list(command), 0)

    monkeypatch.setattr(subprocess, "run", side)


@pytest.fixture
def in_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each side runs in a process of its own that has the large libraries already."""
    begin = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **more: begin([python(anew=True), *command[1:]], **more))


def verified(out: Path, capfd: pytest.CaptureFixture[str], *asked: str) -> tuple[int, dict[str, object], str]:
    """The exit code, what is told, and all of the report's text."""
    code = main(["verify", *asked, *SIZE, "--out", str(out), "--json"])
    told = json.loads(capfd.readouterr().out)
    return code, told, "".join((out / name).read_text() for name in ("report.json", "report.html"))


@pytest.mark.usefixtures("in_forks")
def test_a_preset_is_fetched_and_made_in_a_process_of_each_side(
    home: Path, manners: Manners, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    code, told, text = verified(tmp_path / "out", capfd, "whole", "--task", "text2img")
    assert code == 0
    ((time, memory),) = [(one["time_ratio"], one["memory_ratio"]) for one in told["cases"]]
    assert time > 0
    assert memory > 0
    assert "unet/diffusion_pytorch_model.safetensors" in {file for file, _ in manners.heard}
    assert len(manners.heard) == len(set(manners.heard)), "each file came once"
    for secret in (str(tmp_path), str(Path.home()), "127.0.0.1"):
        assert secret not in text


@pytest.mark.usefixtures("in_this_process")
def test_every_task_is_made_by_both_sides_alike(
    home: Path, manners: Manners, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    Image.effect_noise((40, 40), 90).save(tmp_path / "mine.png")
    asked = ("whole", "--controlnet", "edges", "--map", str(tmp_path / "mine.png"))
    code, told, text = verified(tmp_path / "out", capfd, *asked)
    assert code == 0
    tasks = {one["task"]: one["verdict"] for one in told["cases"]}
    assert tasks == dict.fromkeys(("text2img", "img2img", "inpaint", "control"), "identical")
    assert "diffusion_pytorch_model.safetensors" in {file for file, _ in manners.heard}, "the ControlNet came"
    for secret in (str(tmp_path), str(Path.home()), "127.0.0.1"):
        assert secret not in text


@pytest.mark.usefixtures("in_this_process")
def test_the_exit_code_is_3_where_pictures_differ(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    # What its checker flags, which is everything, the studio withholds here; bare diffusers knows of no such rule.
    monkeypatch.setenv("STUDIO_OUTPUT_CHECK", "strict")
    out = tmp_path / "out"
    code, told, _ = verified(out, capfd, "flagging", "--task", "text2img")
    assert code == 3
    assert [one["verdict"] for one in told["cases"]] == ["different"]
    assert told["cases"][0]["mean_levels"] > 1
    pictures = {f"none-text2img-{side}.png" for side in ("studio", "diffusers", "difference")}
    assert {path.name for path in out.iterdir()} == {"report.json", "report.html", *pictures}


@pytest.mark.usefixtures("in_this_process")
def test_the_exit_code_is_1_where_nothing_could_be_compared(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    code, told, text = verified(tmp_path / "out", capfd, "broken", "--task", "text2img")
    assert code == 1
    assert [one["verdict"] for one in told["cases"]] == ["not compared"]
    assert "unet cannot be loaded" in told["cases"][0]["reason"]
    assert str(tmp_path) not in text


@pytest.mark.usefixtures("in_this_process")
def test_a_model_that_the_hub_does_not_give_is_said_with_the_hubs_reason(
    home: Path, manners: Manners, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    manners.refusals["some/gated"] = (403, {"X-Error-Code": "GatedRepo"})
    assert main(["verify", "gated", "--task", "text2img", *SIZE, "--out", str(tmp_path / "out")]) == 2
    said = capfd.readouterr().err.splitlines()[-1]
    assert "gated could not be fetched" in said
    assert "some/gated" in said


def test_a_controlnet_that_bare_diffusers_does_not_take_alike_is_refused(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    asked = ["verify", "whole", "--out", str(tmp_path), *SIZE]
    assert main([*asked, "--controlnet", "sd15-image"]) == 2
    assert main([*asked, "--task", "control"]) == 2
    assert "name one by --controlnet" in capfd.readouterr().err
