"""What one person may take, and what whoever runs the studio is told."""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.errors import Busy, DeviceLost, InvalidRecipe, QuotaExceeded
from studio.gate.answers import refusal
from studio.gate.identity import COMMAND_LINE, owner_by
from studio.jobs import admission
from studio.jobs.admission import Rates
from studio.logs import FACTS, JsonLines, job_id
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.api.asking import asking, gated
from tests.people import who
from tests.ui.painter import Painter

ANN, BOB = "a-secret-that-ann-s-program-keeps", "a-secret-that-bob-s-program-keeps"
GOOD, WRONG, PRIVATE = "correct horse battery", "wrong-horse-battery", "something quite private"
SMALL = {"prompt": "a boat", "width": 64, "height": 64, "steps": 2}


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Any]:
    """Makes studios with these settings."""
    made: list[Studio] = []

    def make(**settings: Any) -> Studio:
        studio = Studio(Settings.load(home=tmp_path / str(len(made)), **settings), backend=Painter())
        made.append(studio)
        return studio

    yield make
    for studio in made:
        studio.backend.held.clear()  # type: ignore[attr-defined]
        studio.close()


def test_who_begins_too_much_in_a_minute_is_told_when_to_come_again(limited: Any) -> None:
    studio = limited(jobs_per_minute=2)
    ask = asking(gated(studio))
    for _ in range(2):
        assert ask("POST", "/api/jobs", key=ANN, json={"recipe": SMALL}).status_code == 201
    refused = ask("POST", "/api/jobs", key=ANN, json={"recipe": SMALL})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert "2 jobs in the last minute" in refused.json()["message"]
    openai = ask("POST", "/v1/images/generations", key=ANN, json={"prompt": "a boat"})
    assert (openai.json()["error"]["type"], openai.headers["x-should-retry"]) == ("rate_limit_error", "true")
    assert ask("POST", "/api/jobs", key=BOB, json={"recipe": SMALL}).status_code == 201
    assert studio.submit(Recipe(**SMALL), COMMAND_LINE)


def test_all_together_begin_so_much_in_a_minute(limited: Any) -> None:
    studio = limited(jobs_per_minute_all=2)
    for name in "ab":
        studio.submit(Recipe(**SMALL), who(owner_by(name)))
    with pytest.raises(Busy, match="Everybody together"):
        studio.submit(Recipe(**SMALL), who(owner_by("c")))


def test_maps_imports_and_exports_of_programs_count_though_they_are_no_jobs(limited: Any) -> None:
    studio = limited(work_per_minute=1)
    ask = asking(gated(studio))
    made = ask("POST", "/api/jobs", key=ANN, json={"recipe": SMALL}).json()["id"]
    list(studio.jobs.get(made, who(owner_by(ANN))).follow())
    buffer = BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, "PNG")
    file, coded = {"file": ("a.png", buffer.getvalue())}, b64encode(buffer.getvalue()).decode()
    assert ask("POST", "/api/inputs", key=ANN, files=file).status_code == 201
    asked: dict[str, dict[str, Any]] = {
        "/api/inputs": {"files": file},
        "/sdapi/v1/png-info": {"json": {"image": coded}},
        "/sdapi/v1/extra-single-image": {"json": {"image": coded}},
        "/sdapi/v1/img2img": {"json": {"init_images": [coded], "prompt": "a boat"}},
        "/controlnet/detect": {"json": {"controlnet_module": "canny", "controlnet_input_images": [coded]}},
        "/v1/images/edits": {"files": {"image": file["file"]}, "data": {"prompt": "a boat"}},
    }
    for path, given in asked.items():
        refused = ask("POST", path, key=ANN, **given)
        assert (refused.status_code, "1 map, import or export in the last minute" in refused.text) == (429, True), path
        assert 0 < int(refused.headers["retry-after"]) <= 60
    picture = f"/api/jobs/{made}/images/0"
    assert ask("GET", picture, key=ANN, params={"format": "webp"}).status_code == 429, "it would be written again"
    assert ask("GET", picture, key=ANN).status_code == 200
    assert ask("POST", "/api/inputs", key=BOB, files=file).status_code == 201
    for _ in range(2):
        studio.pace.check(COMMAND_LINE)


def test_a_minute_later_there_is_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = Rates()
    rates.check({"a": 1})
    with pytest.raises(Busy):
        rates.check({"a": 1})
    monkeypatch.setattr(admission, "MINUTE_SECONDS", 0.0)
    rates.check({"a": 1})


def test_one_person_has_so_many_jobs_in_line(limited: Any) -> None:
    studio = limited(max_waiting_each=2)
    studio.backend.held.set()
    first = studio.submit(Recipe(**SMALL), who("ann"))
    while first.state != "running":
        pass
    for _ in range(2):
        studio.submit(Recipe(**SMALL), who("ann"))
    with pytest.raises(Busy, match="2 of your jobs"):
        studio.submit(Recipe(**SMALL), who("ann"))
    studio.submit(Recipe(**SMALL), who("bob"))


def test_whatever_is_too_much_says_when_to_come_again() -> None:
    too_much = [Busy("So many wait."), Busy("So many wait.", wait_seconds=0.2), QuotaExceeded("It is used up.")]
    for error, seconds in zip(too_much, ("10", "1", "10"), strict=True):
        for dialect in (None, "openai", "a1111"):
            answer = refusal(error, dialect)  # type: ignore[arg-type]
            assert (answer.status_code, answer.headers["retry-after"]) == (429, seconds)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"width": 128, "height": 128}, "width"),
        ({"hires_scale": 2}, "hires_scale"),
        ({"steps": 20}, "steps"),
        ({"hires_scale": 1, "hires_steps": 20}, "hires_steps"),
    ],
)
def test_a_picture_is_as_large_and_takes_as_many_steps_as_it_may(limited: Any, given: Any, field: str) -> None:
    studio = limited(max_megapixels=0.01, max_steps=10)
    assert studio.resolve(Recipe(**SMALL))
    with pytest.raises(InvalidRecipe, match=r"limit|may take") as caught:
        studio.resolve(Recipe.make(**SMALL | given))
    assert caught.value.field == field


def test_an_operator_is_told_whether_it_lives_and_takes_jobs(limited: Any) -> None:
    studio = limited()
    ask = asking(gated(studio))
    assert ask("GET", "/healthz").text == "ok"
    assert ask("GET", "/readyz").json() == {"ready": True, "reason": ""}
    studio.jobs._halted = DeviceLost("The device is gone.")
    lost = ask("GET", "/readyz")
    assert (lost.status_code, lost.json()["ready"]) == (503, False)
    assert ask("GET", "/healthz").status_code == 200


def test_figures_are_for_whoever_runs_the_studio(limited: Any) -> None:
    studio = limited()
    ask = asking(gated(studio))
    done, failed = (studio.submit(Recipe(**SMALL | {"prompt": words}), who("ann")) for words in ("a", "without paint"))
    for job in (done, failed):
        list(job.follow())
    figures = ask("GET", "/metrics").text
    assert 'studio_jobs_total{kind="images",state="done"} 1.0' in figures
    assert 'studio_jobs_total{kind="images",state="failed"} 1.0' in figures
    assert 'studio_image_seconds_count{kind="images"} 1.0' in figures
    assert 'studio_jobs_open{state="waiting"} 0.0' in figures
    through_a_proxy = {"x-forwarded-for": "1.2.3.4"}
    assert ask("GET", "/metrics", headers=through_a_proxy).status_code == 403
    assert ask("GET", "/readyz", headers=through_a_proxy).status_code == 200


def test_a_line_of_the_log_tells_its_job_and_no_secret(limited: Any, caplog: pytest.LogCaptureFixture) -> None:
    studio = limited()
    ask = asking(gated(studio))
    with caplog.at_level(logging.INFO):
        ask("GET", "/account/join/a-secret-invitation")
        job = studio.submit(Recipe(**SMALL), who("ann"))
        list(job.follow())
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert any(line.get("job") == job.id and line.get("state") == "done" for line in lines)
    asked = next(line for line in lines if line.get("path", "").startswith("/account/join"))
    assert (asked["path"], asked["status"]) == ("/account/join/*", 404)
    assert "a boat" not in json.dumps(lines)
    token = job_id.set("abc")
    try:
        record = logging.makeLogRecord({"msg": "one\ntwo", FACTS: {"ms": 3}})
        line = JsonLines().format(record)
    finally:
        job_id.reset(token)
    assert "\n" not in line
    assert json.loads(line) | {"job": "abc", "ms": 3} == json.loads(line)


def test_no_secret_and_no_prompt_is_in_the_log_whatever_is_asked(
    limited: Any, caplog: pytest.LogCaptureFixture
) -> None:
    studio = limited(accounts="on")
    accounts, ask = studio.accounts, asking(gated(studio))
    token, invitation = accounts.new_token(accounts.add("ann", "admin", GOOD), "test"), accounts.invite("creator")
    with caplog.at_level(logging.DEBUG):
        session = ask("POST", "/account/login", data={"name": "ann", "password": GOOD}).headers["set-cookie"]
        ask("POST", "/account/login", data={"name": "ann", "password": WRONG})
        ask("POST", f"/account/join/{invitation}", data={"name": "bob", "password": WRONG})
        made = ask("POST", "/account/tokens", key=token, data={"label": "another"}).text
        ask("POST", "/api/jobs", key=token, json={"recipe": {**SMALL, "prompt": PRIVATE}})
        ask("POST", "/v1/images/generations", key=token, json={"prompt": PRIVATE, "size": PRIVATE})
        ask("GET", "/api/library", key=token, params={"query": PRIVATE})
        for job in studio.jobs.unfinished():
            list(job.follow())
    cookie, another = session.partition("=")[2].partition(";")[0], re.findall(r"<code>([\w-]{24,})</code>", made)
    secrets = [GOOD, WRONG, token, invitation, cookie, PRIVATE, *another]
    assert len(secrets) == 7
    # The client that asks here writes a log of its own.
    lines = [JsonLines().format(one) for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert any("/account/login" in line for line in lines)
    assert not [secret for secret in secrets if any(secret in line for line in lines)]
