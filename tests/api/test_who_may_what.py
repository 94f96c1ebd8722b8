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

from studio.api.app import make
from studio.gate.doors import DOORS, Door, door
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.ui.painter import Painter

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
PLACE = re.compile(r"(?<=<!-- who may what, made by `make doors` -->\n).*?(?=<!-- end -->)", re.DOTALL)
PASSWORD = "correct horse battery"
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
    "/sdapi/v1/[": ["/sdapi/v1/samplers", "/sdapi/v1/cmd-flags", "/controlnet/model_list"],
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
