"""Jobs over HTTP: begun, followed, stopped and fetched by programs."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from studio.gate.identity import owner_by
from studio.recipe import Recipe
from studio.studio import Studio
from tests.people import who
from tests.ui.painter import Painter

KEY, OTHER = "a-secret-that-a-program-of-jobs-keeps", "a-secret-that-another-program-keeps"
ME = who(owner_by(KEY))
SMALL = {"prompt": "a boat", "width": 64, "height": 64, "steps": 2}


def client_of(address: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60)


@pytest.fixture(scope="module")
def mine(address: str) -> Iterator[httpx.Client]:
    with client_of(address, KEY) as client:
        yield client


@pytest.fixture(scope="module")
def other(address: str) -> Iterator[httpx.Client]:
    with client_of(address, OTHER) as client:
        yield client


def begun(client: httpx.Client, **wanted: Any) -> dict[str, Any]:
    answer = client.post("/api/jobs", json=wanted)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def followed(client: httpx.Client, job: str, position: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
    """The events of a job to its end: the position behind each, its name, what it says."""
    found = []
    with client.stream("GET", f"/api/jobs/{job}/events", params={"position": position}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
                fields = {}
    return found


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    followed(client, job)
    return dict(client.get(f"/api/jobs/{job}").json())


def test_a_recipe_becomes_a_job_whose_pictures_can_be_fetched(mine: httpx.Client, studio: Studio) -> None:
    job = begun(mine, recipe={**SMALL, "count": 2, "seed": 3})
    assert job["state"] in ("waiting", "running", "done")
    found = ended(mine, job["id"])
    assert (found["state"], [one["recipe"]["seed"] for one in found["images"]]) == ("done", [3, 4])
    stored = studio.job(job["id"], ME).results[0].path.read_bytes()
    assert mine.get(found["images"][0]["url"]).content == stored
    assert mine.get(f"/api/jobs/{job['id']}/images/0").content == stored
    jpeg = mine.get(f"/api/jobs/{job['id']}/images/1", params={"format": "jpeg", "quality": 50})
    assert Image.open(BytesIO(jpeg.content)).format == "JPEG"
    assert jpeg.headers["content-type"] == "image/jpeg"
    assert mine.get("/api/jobs").json()["jobs"][0]["id"] == job["id"]


def test_events_go_on_from_where_a_reader_was(mine: httpx.Client) -> None:
    job = begun(mine, recipe={**SMALL, "count": 3})["id"]
    whole = followed(mine, job)
    assert [name for _, name, _ in whole][-1] == "done"
    places = [place for place, _, _ in whole]
    assert places == sorted(set(places))
    finished = [(place, facts) for place, name, facts in whole if name == "finished"]
    place = finished[1][0]
    rest = followed(mine, job, place)
    assert [facts["image"] for _, name, facts in rest if name == "finished"] == [finished[2][1]["image"]]
    assert followed(mine, job, places[-1]) == []
    again = followed(mine, job, 10_000)
    assert [name for _, name, _ in again].count("finished") == 3, "a log of before a restart was longer"


@pytest.mark.parametrize(
    ("kind", "wanted", "pictures"),
    [
        ("images", {"recipes": [SMALL, {**SMALL, "prompt": "a house"}]}, 2),
        ("grid", {"grid": {"recipe": SMALL, "axes": ["steps=1,2", "guidance_scale=3,5"]}}, 4),
        ("candidates", {"candidates": {"recipe": SMALL, "count": 3}}, 3),
        ("comparison", {"comparison": {"prompts": ["a boat"], "models": ["starter", "starter?steps=3"]}}, 2),
    ],
)
def test_whatever_is_planned_of_a_recipe_is_one_job(
    mine: httpx.Client, kind: str, wanted: dict[str, Any], pictures: int
) -> None:
    found = ended(mine, begun(mine, **wanted)["id"])
    assert (found["kind"], found["state"]) == (kind, "done")
    assert sum(one["url"] is not None for one in found["images"]) == pictures


def test_the_same_name_is_the_same_job(mine: httpx.Client, other: httpx.Client) -> None:
    named = {"json": {"recipe": SMALL}, "headers": {"Idempotency-Key": "once"}}
    first, second = (mine.post("/api/jobs", **named).json()["id"] for _ in range(2))
    assert first == second
    assert other.post("/api/jobs", **named).json()["id"] != first
    wrong = {"json": {"recipe": {"prompt": ""}}, "headers": {"Idempotency-Key": "twice"}}
    assert mine.post("/api/jobs", **wrong).status_code == 422
    assert mine.post("/api/jobs", **wrong | {"json": {"recipe": SMALL}}).status_code == 201


def test_a_job_is_cancelled_and_made_again(mine: httpx.Client, painter: Painter) -> None:
    painter.held.set()
    job = begun(mine, recipe=SMALL)["id"]
    mine.post(f"/api/jobs/{job}/cancel")
    assert ended(mine, job)["state"] == "stopped"
    painter.held.clear()
    assert mine.post(f"/api/jobs/{job}/retry").status_code == 200
    assert ended(mine, job)["state"] == "done"
    assert mine.delete(f"/api/jobs/{job}").status_code == 204
    assert mine.get(f"/api/jobs/{job}").status_code == 404


def test_nobody_sees_stops_or_fetches_a_job_of_another(mine: httpx.Client, other: httpx.Client) -> None:
    job = begun(mine, recipe=SMALL)["id"]
    url = ended(mine, job)["images"][0]["url"]
    for method, path in (
        ("GET", f"/api/jobs/{job}"),
        ("DELETE", f"/api/jobs/{job}"),
        ("GET", f"/api/jobs/{job}/events"),
        ("GET", f"/api/jobs/{job}/images/0"),
        ("POST", f"/api/jobs/{job}/cancel"),
        ("POST", f"/api/jobs/{job}/retry"),
        ("GET", url),
    ):
        assert other.request(method, path).status_code == 404, path
    assert job not in [one["id"] for one in other.get("/api/jobs").json()["jobs"]]
    assert mine.get(f"/api/jobs/{job}").json()["state"] == "done"


def test_a_picture_that_was_brought_is_what_a_recipe_starts_from(mine: httpx.Client, other: httpx.Client) -> None:
    buffer = BytesIO()
    Image.new("RGBA", (64, 64), (9, 9, 9, 255)).save(buffer, "PNG")
    brought = mine.post("/api/inputs", files={"file": ("a.png", buffer.getvalue(), "image/png")})
    assert brought.status_code == 201
    recipe = {"prompt": "a boat", "init_image": brought.json()["id"], "strength": 0.5}
    assert ended(mine, begun(mine, recipe=recipe)["id"])["state"] == "done"
    column = f"starter?init_image={recipe['init_image']}"
    for wanted in ({"recipe": recipe}, {"comparison": {"prompts": ["a"], "models": [column]}}):
        refused = other.post("/api/jobs", json=wanted)
        assert (refused.status_code, refused.json()["field"]) == (422, "init_image")


WRONG = {
    "nothing": ({}, None),
    "two things": ({"recipe": SMALL, "recipes": [SMALL]}, None),
    "no recipe": ({"recipes": []}, "recipes"),
    "an unknown setting": ({"recipe": {"prompt": "a", "stepps": 3}}, "stepps"),
    "a setting that cannot be": ({"recipe": {"prompt": "a", "steps": 0}}, "steps"),
    "no axis": ({"grid": {"recipe": SMALL, "axes": ["steps"]}}, "steps"),
    "another word": ({"recipe": SMALL, "hurry": True}, "hurry"),
}


@pytest.mark.parametrize(("wanted", "field"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_with_its_field(mine: httpx.Client, wanted: Any, field: str | None) -> None:
    answer = mine.post("/api/jobs", json=wanted)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert answer.json()["message"]


def test_a_failed_job_says_why(mine: httpx.Client) -> None:
    found = ended(mine, begun(mine, recipe={**SMALL, "prompt": "without paint"})["id"])
    assert (found["state"], found["fault"]["code"]) == ("failed", "out_of_memory")


def test_the_schema_of_recipes_is_published(mine: httpx.Client) -> None:
    assert mine.get("/api/recipe.schema.json").json() == Recipe.model_json_schema()
