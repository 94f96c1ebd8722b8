"""Every address as everybody: what each role may is what the documentation says, whose table these walks make."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from studio.accounts.store import identity_of
from studio.api.app import make
from studio.gate.doors import DOORS, Door, door
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.ui.painter import Painter

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
PLACE = re.compile(r"(?<=<!-- who may what, made by `make doors` -->\n).*?(?=<!-- end -->)", re.DOTALL)
PASSWORD = "correct horse battery"
SMALL = {"prompt": "something private", "width": 64, "height": 64, "steps": 1}
SESSION = "the-session-of-a-creator"
ROLES = ("stranger", "viewer", "creator", "admin")
BODIES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "json": {"json": {}},
    "upload": {"files": {"nothing": b""}},
    "form": {"data": {"nothing": ""}},
}
# An address of each door that names several, by the beginning of its pattern.
SAMPLES = {
    r"/login/huggingface|": ["/login/huggingface", "/logout"],
    "/(assets|": ["/assets/nothing.js", "/studio/theme/page.css", "/studio/web/1/nothing.js", "/theme.css"],
    r"/(favicon": ["/favicon.ico", "/robots.txt"],
    "/config": ["/config", "/gradio_api/info"],
    "/(healthz": ["/healthz", "/readyz"],
    "/studio/pictures": ["/studio/pictures/abc/images/a.png"],
    "/gradio_api/file=": ["/gradio_api/file=/etc/passwd"],
    "/gradio_api/(heartbeat": ["/gradio_api/queue/status"],
    "/gradio_api/call/[": ["/gradio_api/call/generate/abc"],
    "/gradio_api/(queue/join": ["/gradio_api/queue/join", "/gradio_api/run/generate", "/gradio_api/call/nothing"],
    "/gradio_api/(cancel": ["/gradio_api/cancel"],
    "/gradio_api/component_server": ["/gradio_api/component_server"],
    "/account/huggingface": ["/account/huggingface", "/account/huggingface/callback"],
    "/account/join": ["/account/join/nothing"],
    "/account/(logout": ["/account/tokens/abc/revoke", "/account/take-over"],
    "/account/admin": ["/account/admin/role", "/account/admin/remove"],
    "/v1/models": ["/v1/models", "/v1/models/starter"],
    "/sdapi/v1/(txt2img": ["/sdapi/v1/txt2img", "/sdapi/v1/interrogate", "/controlnet/detect"],
    "/sdapi/v1/(interrupt": ["/sdapi/v1/interrupt", "/sdapi/v1/skip"],
    "/sdapi/v1/(refresh": ["/sdapi/v1/refresh-loras"],
    "/sdapi/v1/[": ["/sdapi/v1/samplers", "/sdapi/v1/cmd-flags", "/controlnet/model_list", "/queue/status"],
    "/api/pictures": ["/api/pictures/abc/images/a.png"],
    "/api/library": ["/api/library", "/api/library/abc", "/api/library/abc/thumbnail"],
    "/api/jobs/[^/]+/events": ["/api/jobs/abc/events"],
    "/api/jobs/[^/]+/images": ["/api/jobs/abc/images/0"],
    "/api/jobs/[^/]+/(cancel": ["/api/jobs/abc/cancel", "/api/jobs/abc/retry"],
    "/api/jobs/[": ["/api/jobs/abc"],
    r"/api/(openapi": ["/api/openapi.json", "/api/recipe.schema.json"],
}


def samples(one: Door) -> list[str]:
    """Addresses of a door."""
    found = next((paths for start, paths in SAMPLES.items() if one.path.startswith(start)), [one.path])
    assert all(door(path) is one for path in found), f"{one.path}: {found}"
    return found


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0, accounts="on")
    with Studio(settings, backend=Painter()) as studio:
        for role in ROLES[1:]:
            studio.accounts.add(role, role, PASSWORD)  # type: ignore[arg-type]
        yield studio


@contextmanager
def asking_as(studio: Studio, address: str) -> Iterator[dict[str, httpx.Client]]:
    """A client of each role; the studio is ready by then."""
    assert isinstance(studio.backend, Painter)
    studio.backend.ready.set()
    studio.wait_until_warm()
    with ExitStack() as opened:
        clients = {"stranger": opened.enter_context(httpx.Client(base_url=address, timeout=60))}
        for role in ROLES[1:]:
            token = studio.accounts.new_token(studio.accounts.get(role), "test")
            headers = {"Authorization": f"Bearer {token}"}
            clients[role] = opened.enter_context(httpx.Client(base_url=address, headers=headers, timeout=60))
        yield clients


@pytest.fixture(scope="module")
def people(studio: Studio) -> Iterator[dict[str, httpx.Client]]:
    with serve(studio) as address, asking_as(studio, address) as clients:
        yield clients


def outcome(client: httpx.Client, method: str, path: str, takes: str) -> str:
    """What somebody finds at an address: in, to be signed in, or refused."""
    body = BODIES[takes] if method == "POST" else {}
    with client.stream(method, path, **body) as answer:
        assert answer.status_code < 500, f"{method} {path}: {answer.status_code}"
        to_login = answer.headers.get("location", "") == "/account/login"
        # The page that says that a password is wrong is let in to.
        is_closed = answer.status_code == 401 and "html" not in answer.headers["content-type"]
        return "sign in" if is_closed or to_login else "no" if answer.status_code == 403 else "yes"


def walked(people: dict[str, httpx.Client]) -> str:
    """The table of who may what, by asking."""
    rows = ["| what | how | stranger | viewer | creator | admin |\n|---|---|---|---|---|---|\n"]
    for one in DOORS:
        for method in sorted(one.methods - {"HEAD"}):
            found = {role: {outcome(people[role], method, path, one.takes) for path in samples(one)} for role in ROLES}
            assert all(len(seen) == 1 for seen in found.values()), f"{method} {one.path}: {found}"
            rows.append(f"| {one.what} | {method} | {' | '.join(seen.pop() for seen in found.values())} |\n")
    return "".join(rows)


def test_the_table_in_the_documentation_is_what_everybody_finds(people: dict[str, httpx.Client]) -> None:
    assert PLACE.findall(PAGE.read_text("utf-8")) == [walked(people)], "out of date: make doors"


def test_a_stranger_comes_in_at_public_doors_alone(people: dict[str, httpx.Client]) -> None:
    ask = partial(outcome, people["stranger"])
    for one in DOORS:
        for path in samples(one):
            for method in one.methods - {"HEAD"}:
                assert (ask(method, path, one.takes) == "yes") is one.public, f"{method} {path}"


class Belongings:
    """What a creator has behind every door whose things are somebody's: by the door, how it is asked for."""

    def __init__(self, studio: Studio, client: httpx.Client) -> None:
        self._client = client
        job = client.post("/api/jobs", json={"recipe": SMALL}).json()["id"]
        list(studio.job(job, identity_of(studio.accounts.get("creator"))).follow())
        url = client.get(f"/api/jobs/{job}").json()["images"][0]["url"]
        token = url.partition("/api/pictures/")[2]
        entry = next(one for one in client.get("/api/library").json()["entries"] if one["job"] == job)
        client.post("/sdapi/v1/options", json={"CLIP_stop_at_last_layers": 2}).raise_for_status()
        self.entry, self.job = entry["id"], job
        self.asked: dict[str, list[tuple[str, str]]] = {
            "/studio/pictures": [("GET", f"/studio/pictures/{token}")],
            "/studio/thumbnails": [("GET", f"/studio/thumbnails/256/{entry['digest']}/{entry['id']}")],
            "/studio/zips": [("GET", f"/{self._zip()}")],
            "/gradio_api/file=": [("GET", f"/gradio_api/file={self._uploaded()}")],
            "/gradio_api/(heartbeat": [
                ("GET", f"/gradio_api/heartbeat/{SESSION}"),
                ("GET", f"/gradio_api/queue/data?session_hash={SESSION}"),
            ],
            "/gradio_api/call/[": [("GET", f"/gradio_api/call/generate/{self._called()}")],
            "/api/pictures": [("GET", f"/api/pictures/{token}")],
            "/api/jobs/[^/]+/events": [("GET", f"/api/jobs/{job}/events")],
            "/api/jobs/[^/]+/images": [("GET", f"/api/jobs/{job}/images/0")],
            "/api/jobs/[^/]+/(cancel": [("POST", f"/api/jobs/{job}/{act}") for act in ("cancel", "retry")],
            "/api/jobs/[": [("GET", f"/api/jobs/{job}"), ("DELETE", f"/api/jobs/{job}")],
            "/api/library": [
                ("GET", f"/api/library/{entry['id']}"),
                ("GET", f"/api/library/{entry['id']}/thumbnail"),
            ],
        }

    def _zip(self) -> str:
        parts = self._client.get("/config").json()["components"]
        library = next(one["id"] for one in parts if "zip" in (one["props"].get("server_fns") or ()))
        asked = {
            "component_id": library,
            "fn_name": "zip",
            "session_hash": SESSION,
            "data": {"ids": [self.entry], "form": "files", "title": ""},
        }
        return str(self._client.post("/gradio_api/component_server", json=asked).json()["address"])

    def _uploaded(self) -> str:
        return str(self._client.post("/gradio_api/upload", files={"files": ("a.txt", b"private")}).json()[0])

    def _called(self) -> str:
        told = self._client.get("/gradio_api/info").json()["named_endpoints"]["/generate"]["parameters"]
        data = ["a boat" if one["parameter_name"] == "prompt" else one.get("parameter_default") for one in told]
        return str(self._client.post("/gradio_api/call/generate", json={"data": data}).json()["event_id"])


@pytest.mark.parametrize("other", ["viewer", "admin"])
def test_another_finds_nothing_of_somebody_s_behind_any_door(
    studio: Studio, people: dict[str, httpx.Client], other: str
) -> None:
    ann, bob = people["creator"], people[other]
    things = Belongings(studio, ann)
    for method, path in (one for several in things.asked.values() for one in several):
        with bob.stream(method, path) as answer:
            assert answer.status_code in (403, 404), f"{method} {path}: {answer.status_code}"
    # What is one's own without being named.
    for path in ("/api/jobs", "/api/library", "/sdapi/v1/progress", "/gradio_api/queue/status"):
        told = bob.get(path).text
        assert things.job not in told, path
        assert things.entry not in told, path
    assert bob.get("/sdapi/v1/options").json()["CLIP_stop_at_last_layers"] == 1
    for path in ("/sdapi/v1/interrupt", "/sdapi/v1/skip"):
        assert bob.post(path).status_code == 200
    assert ann.get(f"/api/jobs/{things.job}").json()["state"] == "done", "nobody removed it"
    covered = [*things.asked, "/api/jobs", "/sdapi/v1/progress", "/sdapi/v1/(interrupt", "/sdapi/v1/options"]
    assert all(any(one.path.startswith(start) for start in covered) for one in DOORS if one.owned)


def test_every_route_has_its_door_with_its_methods(studio: Studio) -> None:
    for route in make(studio).routes:
        if not isinstance(route, APIRoute):
            continue
        path = re.sub(r"{number}", "0", re.sub(r"{[a-z]+(:path)?}", "abc", route.path)).replace("{number}", "0")
        found = door(path)
        assert found, f"{route.path} has no door"
        assert set(route.methods or ()) <= found.methods, f"{route.path}: {route.methods}"


if __name__ == "__main__":
    import tempfile

    settings = Settings.load(home=Path(tempfile.mkdtemp()), port=0, accounts="on")
    with Studio(settings, backend=Painter()) as made:
        for name in ROLES[1:]:
            made.accounts.add(name, name, PASSWORD)  # type: ignore[arg-type]
        with serve(made) as where, asking_as(made, where) as clients:
            PAGE.write_text(PLACE.sub(lambda _: walked(clients), PAGE.read_text("utf-8")), "utf-8")
