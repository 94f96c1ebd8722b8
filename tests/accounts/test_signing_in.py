"""A studio with accounts over the wire: what is not named public is closed, and everybody's things are their own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import openai
import pytest
from gradio_client import Client

from studio.errors import InvalidSetting
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.ui.painter import Painter

PASSWORD = "correct horse battery"
ROLES = {"ann": "admin", "bob": "creator", "cid": "creator", "vic": "viewer"}
SMALL = {"prompt": "a boat", "width": 64, "height": 64, "steps": 1}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0, accounts="on")
    with Studio(settings, backend=Painter()) as studio:
        for name, role in ROLES.items():
            studio.accounts.add(name, role, PASSWORD)  # type: ignore[arg-type]
        yield studio


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serve(studio) as address:
        yield address.rstrip("/")


@pytest.fixture(scope="module")
def tokens(studio: Studio) -> dict[str, str]:
    return {name: studio.accounts.new_token(studio.accounts.get(name), "test") for name in ROLES}


def program(address: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60)


@contextmanager
def signed_in(address: str, name: str) -> Iterator[httpx.Client]:
    """A browser in which somebody has signed in."""
    with httpx.Client(base_url=address, timeout=60, headers={"Origin": address}) as browser:
        answer = browser.post("/account/login", data={"name": name, "password": PASSWORD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        yield browser


def test_a_stranger_is_shown_where_to_sign_in_and_nothing_else(address: str) -> None:
    answer = httpx.get(address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/login")
    page = httpx.get(f"{address}/account/login")
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    for path in ("/config", "/v1/models", "/api/jobs", "/gradio_api/info", "/api/pictures/a"):
        assert httpx.get(address + path).status_code == 401, path
    refused = httpx.post(f"{address}/v1/images/generations", json={"prompt": "a"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    assert httpx.get(address, headers={"Authorization": "Bearer ist_nothing-of-the-kind-at-all"}).status_code == 303


def test_signing_in_gives_a_cookie_that_no_script_and_no_other_site_has(address: str) -> None:
    with signed_in(address, "bob") as browser:
        answer = browser.post("/account/login", data={"name": "bob", "password": PASSWORD})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert 'href=\\"/account\\"' in browser.get("/config").text
        assert "You are bob" in browser.get("/account").text
        browser.post("/account/logout", data={"sure": "yes"})
        assert browser.get("/config").status_code == 401


def test_a_form_of_another_site_signs_nobody_in(address: str) -> None:
    login = {"name": "bob", "password": PASSWORD}
    foreign = httpx.post(f"{address}/account/login", data=login, headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    wrong = httpx.post(f"{address}/account/login", data={**login, "password": "wrong"}, headers={"Origin": address})
    assert wrong.status_code == 401
    assert "Name or password is wrong" in wrong.text
    assert "set-cookie" not in wrong.headers


def test_the_official_client_signs_in_by_a_token_and_so_does_gradio_s(address: str, tokens: dict[str, str]) -> None:
    with openai.OpenAI(base_url=f"{address}/v1", api_key=tokens["bob"], max_retries=0) as client:
        assert client.images.generate(prompt="a boat", size="64x64").data[0].b64_json
    gradio = Client(address, verbose=False, headers={"Authorization": f"Bearer {tokens['bob']}"})
    assert "/generate" in gradio.view_api(print_info=False, return_format="dict")["named_endpoints"]
    basic = httpx.get(f"{address}/v1/models", auth=("bob", tokens["bob"]))
    assert basic.status_code == 200


def test_what_is_made_belongs_to_the_account_whatever_it_came_in_by(address: str, tokens: dict[str, str]) -> None:
    with program(address, tokens["bob"]) as bob, program(address, tokens["cid"]) as cid:
        job = bob.post("/api/jobs", json={"recipe": SMALL}).json()["id"]
        with bob.stream("GET", f"/api/jobs/{job}/events") as answer:
            answer.read()
        url = bob.get(f"/api/jobs/{job}").json()["images"][0]["url"]
        with signed_in(address, "bob") as browser:
            assert browser.get(url).status_code == 200
        assert cid.get(url).status_code == 404
        assert cid.get(f"/api/jobs/{job}").status_code == 404


def test_a_viewer_looks_and_makes_nothing(address: str, tokens: dict[str, str]) -> None:
    with program(address, tokens["vic"]) as vic:
        assert vic.get("/v1/models").status_code == 200
        assert vic.get("/api/jobs").status_code == 200
        asked = (("/v1/images/generations", {"prompt": "a"}), ("/api/jobs", {"recipe": SMALL}))
        for path, body in asked:
            assert vic.post(path, json=body).status_code == 403, path
        assert vic.post("/gradio_api/upload", files={"files": b"x"}).status_code == 403
    gradio = Client(address, verbose=False, headers={"Authorization": f"Bearer {tokens['vic']}"})
    views = list(gradio.submit(api_name="/generate").outputs() or [gradio.predict(api_name="/generate")])
    assert "viewer" in str(views)


def test_an_admin_sees_the_line_without_what_is_made(address: str, studio: Studio, tokens: dict[str, str]) -> None:
    painter = studio.backend
    assert isinstance(painter, Painter)
    painter.held.set()
    try:
        with program(address, tokens["bob"]) as bob, signed_in(address, "ann") as ann:
            job = bob.post("/api/jobs", json={"recipe": {**SMALL, "prompt": "something private"}}).json()["id"]
            page = ann.get("/account").text
            assert "<td>bob</td>" in page
            assert "something private" not in page
            assert ann.get(f"/api/jobs/{job}").status_code == 404
            bob.post(f"/api/jobs/{job}/cancel")
    finally:
        painter.held.clear()


def test_tokens_and_invitations_are_made_and_taken_back_on_the_page(address: str) -> None:
    with signed_in(address, "ann") as ann:
        shown = ann.post("/account/tokens", data={"label": "a <b>laptop</b>"}).text
        (secret,) = re.findall(r"<code>(ist_[^<]+)</code>", shown)
        assert "<b>laptop" not in shown
        with program(address, secret) as laptop:
            assert laptop.get("/v1/models").status_code == 200
        assert secret not in ann.get("/account").text
        shown = ann.post("/account/admin/invite", data={"role": "viewer"}).text
        (link,) = re.findall(r"<code>(http[^<]+)</code>", shown)
        for revoke in re.findall(r'action="(/account/tokens/\w+/revoke)"', ann.get("/account").text):
            assert ann.post(revoke, data={"sure": "yes"}).status_code == 303
    assert "invited" in httpx.get(link).text
    joined = httpx.post(link, data={"name": "new", "password": PASSWORD})
    assert joined.status_code == 303
    assert httpx.post(link, data={"name": "more", "password": PASSWORD}).status_code == 404


def test_only_an_admin_looks_after_accounts(address: str, tokens: dict[str, str]) -> None:
    with signed_in(address, "bob") as bob:
        assert bob.post("/account/admin/role", data={"name": "bob", "role": "admin"}).status_code == 403
        assert "Invite somebody" not in bob.get("/account").text
        assert bob.post("/account/password", data={"old": "wrong", "password": PASSWORD}).status_code == 401
    with signed_in(address, "ann") as ann:
        assert ann.post("/account/admin/role", data={"name": "new", "role": "creator"}).status_code in (303, 404)
        assert ann.post("/account/admin/role", data={"name": "cid", "role": "king"}).status_code == 422
        assert ann.post("/account/admin/remove", data={"name": "ann"}).status_code == 422


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": "0.0.0.0"}, "--public --accounts off"),
        ({"host": "0.0.0.0", "public": True}, "studio accounts add"),
        ({"host": "0.0.0.0", "accounts": "off"}, "--public"),
        ({"accounts": "on"}, "no account yet"),
    ],
)
def test_a_studio_for_others_is_refused_where_nobody_can_sign_in(tmp_path: Path, given: dict, words: str) -> None:
    settings = Settings.load(home=tmp_path, port=0, **given)
    with Studio(settings, backend=Painter()) as studio, pytest.raises(InvalidSetting, match=words), serve(studio):
        pass


def test_on_a_machine_of_ones_own_there_are_no_accounts(tmp_path: Path) -> None:
    with Studio(Settings.load(home=tmp_path, port=0), backend=Painter()) as studio, serve(studio) as address:
        studio.accounts.add("ann", "admin", PASSWORD)
        assert httpx.get(address).status_code == 200
        assert httpx.get(f"{address}account/login").status_code == 404
