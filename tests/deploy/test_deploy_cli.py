"""`studio deploy`: what it prints, what its exit code says, and that nobody sees the token."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import huggingface_hub.constants
import pytest

from studio.cli import main
from tests.deploy import hub_server

SPACE = "ann/studio"


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))


@pytest.fixture
def at_the_hub(remote: hub_server.Hub, monkeypatch: pytest.MonkeyPatch) -> hub_server.Hub:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", remote.endpoint)
    return remote


def test_a_dry_run_needs_neither_network_nor_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", SPACE, "--hardware", "cpu-basic", "--models", "sdxl-turbo", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hardware"] == "cpu-basic"
    assert told["readme"].startswith("---\ntitle: Image Studio\n")
    sizes = {file["path"]: file["bytes"] for file in told["files"]}
    assert sizes["README.md"] == len(told["readme"].encode())
    assert sum(sizes.values()) < 100_000_000


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["ann"], "OWNER/NAME"),
        ([SPACE, "--models", "nothing"], "There is no model"),
        ([SPACE, "--lora", "nothing"], "There is no LoRA"),
        ([SPACE, "--secret", "NOT_THERE"], "NOT_THERE is not in the environment"),
        ([SPACE, "--variable", "STUDIO_IMAGES=4"], "STUDIO_IMAGES is not a setting"),
        ([SPACE], "No Hugging Face token. Create one with write access at "),
    ],
)
def test_what_can_be_mended_is_one_line_and_exit_two(
    wanted: list[str], words: str, at_the_hub: hub_server.Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", *wanted]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1
    assert not told.out
    assert not at_the_hub.requests


def test_a_deployment_prints_its_address_and_nothing_of_the_token(
    at_the_hub: hub_server.Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
    at_the_hub.builds, at_the_hub.log = ("RUNNING",), (f"HF_TOKEN={hub_server.TOKEN}\n",)
    assert main(["deploy", SPACE, "--protected", "--json"]) == 0
    told = capfd.readouterr()
    done = json.loads(told.out)
    assert done["url"] == f"{at_the_hub.endpoint}/spaces/{SPACE}"
    assert set(done["sent"]) == at_the_hub.spaces[SPACE].files.keys() - {".gitattributes"}
    assert at_the_hub.spaces[SPACE].visibility == "protected"
    assert "HF_TOKEN=…" in told.err
    assert hub_server.TOKEN not in told.out + told.err


def processes() -> str:
    """The command lines of all that runs."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may have ended
            lines.append(path.read_bytes().decode(errors="replace"))
    return "\n".join(lines)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_can_be_stopped_and_no_list_of_processes_has_the_token(remote: hub_server.Hub) -> None:
    remote.builds = ("BUILDING",) * 10_000
    environment = {
        **os.environ,
        "HF_TOKEN": hub_server.TOKEN,
        "HF_ENDPOINT": remote.endpoint,
        "HF_HUB_DISABLE_XET": "1",
    }
    del environment["HF_HUB_OFFLINE"]
    run = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    run += "from studio.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "deploy", SPACE]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any("is being built" in line for line in process.stderr)
        listed = processes()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert SPACE in listed
    assert hub_server.TOKEN not in listed + out + err
