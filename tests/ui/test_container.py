"""The container's recipe: what it copies, whom it runs as, and its health check against a studio that is served."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from studio.cli import parser
from studio.settings import ASSETS, PRESETS, Settings
from studio.studio import Studio
from studio.ui import serve
from tests.ui.painter import Painter

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["studio"]


def words(instruction: str) -> list[str]:
    """What the last of these instructions says as JSON."""
    found: list[str] = json.loads(re.findall(rf"^{instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    return found


def test_what_the_container_copies_is_there_and_let_through() -> None:
    copied = {source for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE) for source in line.split()[:-1]}
    assert {ASSETS.name, PRESETS.name, "studio"} <= copied, "what the studio reads beside itself"
    let_through = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists()
            assert f"!{source}" in let_through
    assert let_through[0] == "*"


def test_the_container_runs_without_rights_what_the_command_line_knows() -> None:
    user, program = DOCKERFILE.index("\nUSER 1000"), DOCKERFILE.index("\nENTRYPOINT")
    assert user < program
    assert "useradd --create-home --uid 1000 studio" in DOCKERFILE
    assert words("ENTRYPOINT") == ["studio"]
    assert parser().parse_args(words("CMD")).command == "run"


def test_what_container_and_compose_file_set_are_settings() -> None:
    named = {*re.findall(r"STUDIO_[A-Z_]+(?==)", DOCKERFILE), *COMPOSE["environment"]}
    assert named <= {f"STUDIO_{name.upper()}" for name in Settings.model_fields}
    given = {name.removeprefix("STUDIO_").lower(): value for name, value in COMPOSE["environment"].items()}
    assert Settings.load(**given).hostnames == ("studio.example.org",)
    assert COMPOSE["ports"] == ["127.0.0.1:7860:7860"], "for this machine alone"


def test_the_health_check_finds_a_studio_that_is_served_and_none_that_is_not(tmp_path: Path) -> None:
    _, option, code = json.loads(re.findall(r"CMD (\[\"python.*\])", DOCKERFILE)[0])

    def checked(address: str) -> int:
        there = code.replace("http://127.0.0.1:7860/", address)
        return subprocess.run([sys.executable, option, there], capture_output=True, check=False).returncode

    with Studio(Settings.load(home=tmp_path, port=0), backend=Painter()) as studio, serve(studio) as address:
        assert checked(address) == 0
    assert checked(address) != 0
