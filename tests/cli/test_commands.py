"""The commands themselves, and those that make no picture: `models`, `doctor`, `run`."""

import argparse
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from studio.cli import main
from tests.cli.asking import MODEL, assert_one_line, generate, start


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["paint"], "paint.*generate"),
        (["genrate"], "invalid choice: 'genrate'. Did you mean generate?"),
        (["generate", "a", "red", "house"], "red house. Put the prompt in quotes"),
        (["grid", "a house", "--x", "seed=1"], "Put the prompt in quotes after --prompt"),
        (["generate", "a house", "--modl", "x"], "--modl x.*Did you mean --model?"),
        (["--verbose"], "--verbose"),
        (generate("--out", "x", "--colour", "red"), "--colour"),
        (generate("--out", "x", "--seed"), "--seed"),
    ],
)
def test_a_mistyped_command_is_one_line_too(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert_one_line(says, capsys)


@pytest.mark.parametrize(
    ("argv", "taken"),
    [
        (["export", "pictures", "--without-recipe", "-o", "out", "a.png", "b"], {"images": [Path("a.png"), Path("b")]}),
        (["library", "search", "--json", "boat", "sea"], {"search": ["boat", "sea"], "json": True}),
    ],
)
def test_what_is_named_may_stand_behind_options(
    argv: list[str], taken: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    seen: list[argparse.Namespace] = []
    monkeypatch.setattr("studio.cli._run", lambda args: seen.append(args) or 0)
    assert main(argv) == 0
    assert {name: vars(seen[0])[name] for name in taken} == taken


def test_without_a_command_the_help_is_shown_and_begins_with_what_most_are_here_for(capsys):
    assert main([]) == 0
    commands = capsys.readouterr().out.partition("COMMAND\n")[2]
    assert [line.split()[0] for line in commands.splitlines()[:2]] == ["generate", "run"]


def test_models_tells_what_is_here(capsys: pytest.CaptureFixture[str]):
    assert main(["models", "--json"]) == 0
    models = {model["id"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    assert models[MODEL]["present"]
    assert models[MODEL]["family"] == "sd15"
    assert models[MODEL]["bytes"] > 0
    assert "starter" in models
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split("  ")[0] for line in lines} >= {"Models:", "ControlNets:", "Upscalers:", *models, "clip"}


def test_doctor_finds_a_sound_machine_sound(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "--json", "--model", MODEL]) == 0, capsys.readouterr()
    answer = json.loads(capsys.readouterr().out)
    assert answer["sound"]
    assert answer["versions"]["diffusers"]
    names = {check["name"] for check in answer["checks"]}
    assert {"device", "home", "disk", "model starter", f"model {MODEL}", "metric aesthetic"} <= names
    clip = next(check for check in answer["checks"] if check["name"] == "metric clip_score")
    assert re.search(r"put config.json.* of openai/clip-vit-large-patch14 into .*clip", clip["found"])
    assert clip["missing"], "what is not here is no fault, and not ok either"


def test_doctor_names_the_cure_of_what_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "home").touch()
    assert main(["doctor", "--home", str(tmp_path / "home")]) == 1
    broken = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BROKEN")]
    assert len(broken) == 1
    assert re.search("home .*-> .*--home", broken[0])


def test_run_prints_its_address_serves_the_page_and_ends_when_asked(home: Path):
    process = start(["run", "--port", "0", "--home", str(home)])
    assert process.stdout
    address = process.stdout.readline().split()[-1]
    with urllib.request.urlopen(address) as page:
        assert page.status == 200
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err


def test_a_command_waits_for_the_modules_of_no_other():
    code = "import sys; from studio.cli import parser; parser('run'); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("studio.cli.")}
    assert loaded == {"studio.cli.base", "studio.cli.run"}


def test_run_says_that_a_port_is_taken(capsys: pytest.CaptureFixture[str]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["run", "--port", str(taken.getsockname()[1])]) == 2
    assert_one_line("--port", capsys)
