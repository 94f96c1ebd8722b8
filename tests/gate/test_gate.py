"""The gate over an application that tells what reached it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from studio.errors import RequestTimeout
from studio.gate import bodies, identity
from studio.gate.gate import Gate
from studio.settings import Settings
from tests.loops import run

OWN = "http://127.0.0.1:7860"
EVIL = "http://evil.example"
JSON = {"content-type": "application/json"}
JOIN = "/gradio_api/queue/join"
Ask = Callable[..., httpx.Response]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """What came through."""
    request = Request(scope, receive)
    who = identity.of_scope(scope)
    body = await request.body()
    told = {"owner": who.owner, "here": who.here, "known": who.known, "address": who.address, "bytes": len(body)}
    await JSONResponse(told, headers={"Access-Control-Allow-Origin": "*"})(scope, receive, send)


@pytest.fixture
def asked(tmp_path: Path) -> Ask:
    """Sends one request through the gate; `settings` and `client` are of the studio that is asked."""

    def ask(method: str, path: str, *, settings: Any = None, client: str = "127.0.0.1", **given: Any) -> httpx.Response:
        gate = Gate(echo, Settings.load(home=tmp_path, **(settings or {})))

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(gate, client=(client, 5000))
            async with httpx.AsyncClient(transport=transport, base_url=OWN) as browser:
                return await browser.request(method, path, **given)

        return run(send())

    return ask


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "127.3.4.5", "LOCALHOST"])
def test_a_studio_on_loopback_answers_to_this_machine_s_names(asked: Ask, host: str) -> None:
    assert asked("GET", "/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:7860", "192.168.1.5:7860", "0.0.0.0", "", "localhost@evil", "[::1"]
)
def test_a_studio_on_loopback_answers_to_no_other_name(asked: Ask, host: str) -> None:
    answer = asked("GET", "/config", headers={"host": host})
    assert answer.status_code == 421
    assert "STUDIO_HOSTNAMES" in answer.json()["message"] + answer.json()["hint"]


def test_a_proxy_s_name_is_answered_where_a_setting_names_it(asked: Ask) -> None:
    named = {"settings": {"hostnames": "studio.example, other.example"}, "headers": {"host": "studio.example"}}
    assert asked("GET", "/", **named).json()["here"] is False
    assert asked(
        "POST", JOIN, json={}, **named | {"headers": {"host": "studio.example", "origin": "https://studio.example"}}
    )


def test_a_public_studio_answers_to_addresses_but_not_to_foreign_names(asked: Ask) -> None:
    public = {"settings": {"host": "0.0.0.0", "public": True}}
    assert asked("GET", "/", headers={"host": "192.168.1.5:7860"}, **public).json()["here"] is False
    assert asked("GET", "/", headers={"host": "evil.example"}, **public).status_code == 421


FOREIGN = {
    "another site": {"origin": EVIL},
    "another port of this machine": {"origin": "http://127.0.0.1:9999"},
    "a page of no site": {"origin": "null"},
    "what the browser says": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "a neighbour's page": {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(("method", "path"), [("POST", JOIN), ("GET", "/gradio_api/queue/data"), ("GET", "/config")])
def test_another_site_s_page_is_refused(asked: Ask, headers: dict[str, str], method: str, path: str) -> None:
    answer = asked(method, path, headers={**JSON, **headers}, content="{}" if method == "POST" else None)
    assert answer.status_code == 403
    assert "another site" in answer.json()["message"] + answer.json()["hint"]


def test_a_link_on_another_site_opens_the_page_and_nothing_else(asked: Ask) -> None:
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert asked("GET", "/", headers=followed).status_code == 200
    assert asked("GET", "/config", headers=followed).status_code == 403
    form = {**followed, "content-type": "application/x-www-form-urlencoded"}
    assert asked("GET", "/account/login", headers=followed).status_code == 200
    assert asked("POST", "/account/login", headers=form, content="name=a").status_code == 403


def test_the_own_page_and_programs_are_let_in(asked: Ask) -> None:
    own = {**JSON, "origin": OWN, "sec-fetch-site": "same-origin"}
    assert asked("POST", JOIN, headers=own, content='{"a": 1}').json()["bytes"] == 8
    assert asked("POST", JOIN, headers=JSON, content="{}").status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_json_is_taken_as_json_only(asked: Ask, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    for path in (JOIN, "/gradio_api/component_server", "/gradio_api/run/predict", "/gradio_api/cancel"):
        assert asked("POST", path, headers=headers, content="{}").status_code == 415


BAD = {
    "no JSON": "{",
    "not a number": '{"a": NaN}',
    "half a character": '{"a": "\\ud800"}',
    "too deep": "[" * 100 + "]" * 100,
    "far too deep": "[" * 200_000,
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_json_that_is_none_or_only_meant_to_hurt_is_refused(asked: Ask, body: str | bytes) -> None:
    answer = asked("POST", JOIN, headers=JSON, content=body)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["message"] + answer.json()["hint"]


def test_what_no_door_names_is_closed(asked: Ask) -> None:
    for path in ("/gradio_api/vibe-code", "/gradio_api/proxy=https://a.b/", "/monitoring", "/x"):
        assert asked("GET", path).status_code == 404
    assert asked("DELETE", JOIN).status_code == 405
    assert asked("GET", JOIN).status_code == 405


def test_a_body_is_bounded_by_what_it_says_and_by_what_it_is(asked: Ask) -> None:
    small = {"settings": {"max_upload_mb": 1}, "headers": {"content-type": "multipart/form-data; boundary=b"}}
    assert asked("POST", "/gradio_api/upload", content=b"x" * (2**20 + 1), **small).status_code == 413

    async def parts():
        for _ in range(5):
            yield b"x" * 2**18

    assert asked("POST", "/gradio_api/upload", content=parts(), **small).status_code == 413
    assert asked("POST", JOIN, headers=JSON, content=json.dumps("x" * 2**24)).status_code == 413
    assert asked("GET", "/", content=b"x").status_code == 413


def test_all_requests_together_hold_so_much_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies.Held.__init__, "__defaults__", (3 * 2**17,))
    large = json.dumps("x" * 2**17)

    async def all_at_once() -> list[int]:
        arrived = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await arrived.wait()
            await echo(scope, receive, send)

        gate = Gate(slow, Settings.load(home=tmp_path))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=OWN) as client:
            asked = [asyncio.ensure_future(client.post(JOIN, content=large, headers=JSON)) for _ in range(4)]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            arrived.set()
            answers = await asyncio.gather(*asked)
            answers.append(await client.post(JOIN, content=large, headers=JSON))
        return [answer.status_code for answer in answers]

    *crowd, after = run(all_at_once())
    assert sorted(crowd) == [200, 200, 429, 429]
    assert after == 200


@pytest.mark.parametrize(
    ("limit", "method", "path", "given"),
    [
        ("MOST_OPEN", "GET", "/config", {}),
        ("MOST_UPLOADING", "POST", "/gradio_api/upload", {"files": {"files": b"a"}}),
    ],
)
def test_one_person_has_so_many_requests_open_and_another_as_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, method: str, path: str, given: Any
) -> None:
    monkeypatch.setattr(f"studio.gate.gate.{limit}", 2)
    ann, bob = ({"authorization": f"Bearer the-secret-of-{name}-and-of-nobody-else"} for name in ("ann", "bob"))

    async def all_at_once() -> tuple[list[int], int]:
        over = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await over.wait()
            await echo(scope, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(Gate(slow, Settings.load(home=tmp_path)))) as client:

            def ask(who: dict[str, str]) -> asyncio.Future[httpx.Response]:
                return asyncio.ensure_future(client.request(method, f"{OWN}{path}", headers=who, **given))

            asked = [ask(who) for who in [ann] * 3 + [bob] * 2]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            over.set()
            answers = await asyncio.gather(*asked)
            return [one.status_code for one in answers], (await ask(ann)).status_code

    crowd, after = run(all_at_once())
    assert sorted(crowd[:3]) == [200, 200, 429]
    assert crowd[3:] == [200, 200]
    assert after == 200


def test_whoever_comes_through_a_proxy_is_not_at_this_machine(asked: Ask) -> None:
    assert asked("GET", "/").json()["here"] is True
    for name in ("x-forwarded-for", "forwarded", "via", "x-real-ip"):
        assert asked("GET", "/", headers={name: "127.0.0.1"}).json()["here"] is False
    assert asked("GET", "/", client="192.168.1.9").json()["here"] is False


def test_a_proxy_of_ones_own_says_where_a_request_came_from(asked: Ask) -> None:
    proxied = {"headers": {"x-forwarded-for": "6.6.6.6, 8.8.8.8"}}
    assert asked("GET", "/", **proxied).json()["address"] == "8.8.8.8", "one at this machine"
    stranger = {**proxied, "client": "192.168.1.9", "settings": {"host": "0.0.0.0"}}
    assert asked("GET", "/", **stranger).json()["address"] == "192.168.1.9"
    named = {**stranger, "settings": {"host": "0.0.0.0", "proxies": "10.0.0.1, 192.168.0.0/16"}}
    assert asked("GET", "/", **named).json()["address"] == "8.8.8.8"


def test_a_browser_is_known_by_a_secret_of_its_own_of_which_only_the_hash_is_told(asked: Ask) -> None:
    first = asked("GET", "/")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    name, secret = cookie.partition(";")[0].split("=", 1)
    again = asked("GET", "/config", headers={"cookie": f"{name}={secret}"})
    assert again.json()["owner"] == first.json()["owner"] == identity.owner_by(secret)
    assert secret not in again.text
    assert "set-cookie" not in again.headers
    assert asked("GET", "/").json()["owner"] != first.json()["owner"]


def test_over_an_encrypted_line_a_browser_keeps_its_secret_for_such_lines_alone(asked: Ask) -> None:
    named = {"settings": {"hostnames": "studio.example"}}
    head = {"host": "studio.example", "x-forwarded-proto": "https"}
    assert asked("GET", "/", headers=head, **named).headers["set-cookie"].endswith("SameSite=Lax; Secure")
    assert "Secure" not in asked("GET", "/").headers["set-cookie"]


def test_a_program_is_known_by_the_secret_that_it_brings_and_a_short_one_is_none(asked: Ask) -> None:
    mine = {"authorization": "Bearer a-secret-that-one-program-keeps"}
    assert len({asked("GET", "/config", headers=mine).json()["owner"] for _ in range(2)}) == 1
    weak = [asked("GET", "/config", headers={"authorization": "Bearer abc"}).json() for _ in range(2)]
    assert weak[0]["known"] is False
    assert weak[0]["owner"] != weak[1]["owner"]


def test_every_answer_says_what_browsers_are_to_keep_others_from(asked: Ask) -> None:
    for answer in (asked("GET", "/"), asked("GET", "/nothing")):
        assert "frame-ancestors 'self';" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_space_may_stand_in_the_hub_s_page_and_its_cookie_too(asked: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "ann/studio")
    monkeypatch.setenv("SPACE_HOST", "ann-studio.hf.space")
    hub = {"host": "ann-studio.hf.space", "x-forwarded-proto": "https", "x-forwarded-for": "8.8.8.8, 9.9.9.9"}
    answer = asked("GET", "/", headers={**hub, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    assert "https://huggingface.co" in answer.headers["content-security-policy"]
    assert "x-frame-options" not in answer.headers
    assert "SameSite=None; Secure; Partitioned" in answer.headers["set-cookie"]
    assert answer.json()["here"] is False
    assert answer.json()["address"] == "9.9.9.9"
    assert asked("POST", JOIN, json={}, headers={**hub, "origin": EVIL}).status_code == 403
    assert asked("POST", JOIN, json={}, headers={**hub, "origin": "https://ann-studio.hf.space"}).status_code == 200


def test_a_stream_of_news_is_not_cut_because_nobody_sends_anything_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0)

    async def listen() -> Message:
        left = asyncio.Event()

        async def receive() -> Message:
            await left.wait()
            return {"type": "http.disconnect"}

        heard = bodies.counted(bodies.replayed(b"", receive), 0)
        await heard()
        waiting = asyncio.ensure_future(heard())
        await asyncio.sleep(0.05)
        left.set()
        return await waiting

    assert run(listen()) == {"type": "http.disconnect"}


def test_a_body_that_stalls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0)

    async def stalled() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(RequestTimeout, match="in time"):
        run(bodies.counted(stalled, 10)())
