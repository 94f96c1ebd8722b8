"""The files that a hub received, started as a Space starts them: alone, by `python app.py`, without a network."""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from studio.deploy import DeployRequest, Hub, draw_up, upload
from studio.settings import Settings
from tests.deploy import hub_server
from tests.deploy.conftest import QUICK
from tests.deploy.visitor import picture
from tests.forks import python
from tests.test_requirements import INJECTED

SPACE = "ann/studio"
# What only the uploaded copy has in its style sheet.
OWN_RULE = "\n.uploaded-copy { order: 1 }\n"
# What a Space says of itself. Sign-in is switched on, whether or not what it needs is installed.
ENVIRONMENT = {
    "SYSTEM": "spaces",
    "SPACE_ID": SPACE,
    "SPACE_HOST": "ann-studio.hf.space",
    "SPACE_AUTHOR_NAME": "ann",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret",
    "OAUTH_SCOPES": "openid profile",
    "OPENID_PROVIDER_URL": "http://127.0.0.1:9",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture
def tree(remote: hub_server.Hub, hub: Hub, settings: Settings, tmp_path: Path) -> Path:
    """The uploaded files, as a Space has them."""
    upload(hub, draw_up(DeployRequest(SPACE), settings), lambda _: None, QUICK)
    app = tmp_path / "app"
    for path, content in remote.spaces[SPACE].files.items():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        (app / path).write_bytes(content)
    with (app / "assets" / "theme" / "page.css").open("a") as sheet:
        sheet.write(OWN_RULE)
    return app


@contextmanager
def started(interpreter: list[str], tree: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """The app, until it has said where it is; whatever is in this process's environment is not in its."""
    user = tmp_path / "user"
    user.mkdir()
    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"], "HOME": str(user), "STUDIO_PORT": "0"}
    with subprocess.Popen(
        [*interpreter, "app.py"], cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_the_uploaded_files_are_a_space_that_makes_a_picture(tree: Path, tmp_path: Path) -> None:
    with started([python(anew=True)], tree, tmp_path) as process:
        check_a_picture(address_of(process), tree, tmp_path)


@pytest.mark.network
@pytest.mark.timeout(1800)
def test_the_uploaded_files_run_in_what_a_space_installs(tree: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    interpreter = str(tmp_path / "env" / "bin" / "python")
    # From the index alone: a torch that this machine keeps for itself may suit no torchvision.
    alone = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    alone.pop("PIP_FIND_LINKS", None)
    command = [interpreter, "-m", "pip", "install", "--quiet", "-r", "requirements.txt", *INJECTED]
    subprocess.run(command, cwd=tree, env=alone, check=True)
    with started([interpreter], tree, tmp_path) as process:
        check_a_picture(address_of(process), tree, tmp_path)


def address_of(process: "subprocess.Popen[str]") -> str:
    """Where the page is, once it says so."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"Image Studio is at .*:(\d+)", line):
            return f"http://127.0.0.1:{found[1]}"
    pytest.fail(said)


def check_a_picture(address: str, tree: Path, tmp_path: Path) -> None:
    with urllib.request.urlopen(address) as answer:
        page = answer.read().decode()
    assert OWN_RULE.strip() in page, "it serves another copy of the studio"
    assert str(tree) not in page, "no folder of the machine is told"
    assert "Duplicate this Space" in page
    assert '"tab-deploy"' not in page, "the style sheet alone names it"
    job = picture(address)["job"]
    assert (job["state"], job["fault"]) == ("done", None)
    made = list((tmp_path / "user" / "ImageStudio" / "images").rglob("*.png"))
    assert [path.name for path in made] == [Path(cell["file"]).name for cell in job["cells"]]
