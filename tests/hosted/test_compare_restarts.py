"""Comparisons that a program makes, is killed at, interrupted in, or leaves to the next one."""

import json
import signal
import subprocess
import threading
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from studio.cli import main
from studio.compare.making import Compare
from studio.settings import Settings
from studio.storage.locks import alone
from studio.studio import Studio
from tests.drawer import Drawer
from tests.forks import python
from tests.hosted.service import KEY, Service, drawn
from tests.hosted.test_compare import ME, PROMPTS, states, until
from tests.people import who

# A shell may start its background jobs with SIGINT ignored.
PROGRAM = """
import signal, sys
from studio.cli import main
from studio import studio
from tests.drawer import Drawer
signal.signal(signal.SIGINT, signal.default_int_handler)
drawer = Drawer(gated=True)
drawer.allow({draws})
studio.backend_of = lambda *_: drawer
sys.exit(main())
"""


def command(home: Path, *options: str, draws: int = 1) -> list[str]:
    """The command, on a machine that draws so many pictures of one step."""
    given = ["compare", "--out", str(home / "out"), "--home", str(home), "--json", *options]
    return [python(), "-c", PROGRAM.format(draws=draws), *given]


def test_a_killed_comparison_goes_on_without_paying_again(tmp_path: Path, surroundings: None, service: Service):
    """Three models and twenty prompts, killed while answers are on their way and a picture is being drawn."""
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"prompt {number}\n" for number in range(20)))
    given = ("--prompts", str(prompts), "--models", "starter?steps=1,openai:gpt-image-2,openai:dall-e-3")
    service.behaviours["dall-e-3"] = "slow"
    asks = command(tmp_path, *given, draws=8)
    process = subprocess.Popen(asks, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    for line in process.stderr:
        if line.startswith("28 of 60"):
            break
    process.kill()
    process.communicate()
    before = service.paid
    service.behaviours.clear()
    service.gate.set()
    answer = subprocess.run(command(tmp_path, *given, draws=12), capture_output=True, text=True, check=True)
    told = json.loads(answer.stdout)
    assert [cell["error"] for cell in told["cells"]] == [None] * 60
    assert all(Path(cell["path"]).is_file() for cell in told["cells"])
    assert len(list(tmp_path.glob("out/*/*.png"))) == 60, "nothing was drawn once more"
    twice = {one for one, count in service.paid.items() if count > 1}
    assert twice == {one for one in before if one[0] == "dall-e-3"}, "only what nobody had an answer to"
    assert len({one.headers["idempotency-key"] for one in service.asked}) == 40, "and that by its old key"
    assert told["total_usd"] == pytest.approx(20 * (0.03006 + 0.04))
    assert KEY not in answer.stdout + answer.stderr


def test_a_comparison_that_outlives_its_studio_goes_on_by_itself_and_is_not_made_twice(
    tmp_path: Path, surroundings: None
):
    settings = Settings.load(home=tmp_path / "home")
    with Studio(settings, backend=(drawer := Drawer(gated=True))) as studio:
        compare = Compare(studio)
        name = compare.create(who(ME), PROMPTS, [compare.column("starter?steps=1", who(ME))])
        compare.start(name, who(ME))
        drawer.allow()
        first = until(compare, name, lambda now: now.cells[0].state == "done").cells[0]
        closing = threading.Thread(target=studio.close)
        closing.start()
        while not studio.jobs.closing:
            closing.join(0.01)
        drawer.allow(9)
    with Studio(settings, backend=Drawer()) as studio:
        (job,) = studio.jobs_of(who(ME))
        list(job.follow())
        whole = Compare(studio).get(name, who(ME))
        assert states(whole) == ["done", "done"]
        assert (whole.cells[0].path, whole.cells[0].job) == (first.path, job.id)
        assert len(list(studio.library.folder.rglob("*.png"))) == 2
        while not all("sharpness" in cell.metrics for cell in whole.cells):
            whole = Compare(studio).get(name, who(ME))


def test_an_interrupt_waits_for_what_is_paid_for_and_asks_for_nothing_more(
    tmp_path: Path, surroundings: None, service: Service
):
    service.behaviours["dall-e-3"] = "slow"
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"prompt {number}\n" for number in range(6)))
    asks = command(tmp_path, "--prompts", str(prompts), "--models", "openai:dall-e-3")
    process = subprocess.Popen(asks, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        service.began.acquire()
    process.send_signal(signal.SIGINT)
    assert process.stderr
    for line in process.stderr:
        if "Waiting for 3" in line:
            break
    service.gate.set()
    out, _ = process.communicate()
    assert process.returncode == 130
    paths = [cell["path"] for cell in json.loads(out)["cells"]]
    assert len([path for path in paths if path]) == 3
    assert len(service.asked) == 3


def test_the_command_says_what_it_promises(
    tmp_path: Path, surroundings: None, service: Service, capsys: pytest.CaptureFixture[str]
):
    service.behaviours["bad"] = "broken"
    out = str(tmp_path / "out")
    base = ["compare", "a red house", "--home", str(tmp_path), "--out", out, "--json"]
    assert main([*base, "--models", "nobody:m"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert not Path(out).exists()
    assert main([*base, "--models", f"openai:dall-e-3,{service.address}:bad", "--seed", "3"]) == 0
    told = json.loads(capsys.readouterr().out)
    good, bad = told["cells"]
    assert set(good) == {"model", "prompt", "path", "seconds", "cost_usd", "error"}
    assert (good["model"], good["prompt"], good["cost_usd"]) == ("openai:dall-e-3", "a red house", 0.04)
    with Image.open(good["path"]) as picture:
        assert picture.tobytes() == Image.open(BytesIO(drawn("dall-e-3 a red house"))).tobytes()
    assert (bad["path"], bad["cost_usd"], bad["error"]["kind"]) == (None, None, "service_failed")
    assert told["total_usd"] == 0.04
    assert main([*base, "--models", "openai:dall-e-3", "--seed", "4"]) == 2
    assert "has the seed 3" in capsys.readouterr().err
    with alone(tmp_path / "out" / "comparison.lock", "it"):
        assert main([*base, "--models", "openai:dall-e-3"]) == 2
    assert "Another program" in capsys.readouterr().err
