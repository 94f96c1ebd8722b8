"""A page of another origin, in a real browser, can neither use a studio on loopback nor read from it.

The same page does all of it to a studio without the gate, so that it is the gate that keeps it from the rest.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import huggingface_hub.constants
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from studio.gate import identity
from studio.gate.bodies import check_json, replayed, whole
from studio.gate.doors import MOST_JSON
from studio.gate.gate import PAYLOAD, Gate
from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import UPLOADS, Studio
from studio.ui import app, serve
from tests.deploy import hub_server
from tests.hosted.service import KEY, Service, serving
from tests.people import who
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser

# What a page of another site can do by itself: each without a preflight, with one, by a form, and by an element.
TRY = """async ({ studio, asked, read }) => {
    const told = [];
    const note = (way, path, answer) => told.push({ way, path, status: answer.status ?? 0, text: answer.text ?? "" });
    const ask = async (way, path, how) => {
        try {
            const answer = await fetch(studio + path, { credentials: "include", ...how });
            note(way, path, { status: answer.status, text: await answer.text() });
        } catch (error) {
            note(way, path, {});
        }
    };
    for (const { path, said } of asked) {
        const body = JSON.stringify(said);
        for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
            await ask(type, path, { method: "POST", mode: "no-cors", headers: { "Content-Type": type }, body });
        }
        await ask("no type", path, { method: "POST", mode: "no-cors", body: new Blob([body]) });
        await ask("json", path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
        const frame = document.createElement("iframe");
        frame.name = `frame${told.length}`;
        const form = document.createElement("form");
        Object.assign(form, { method: "post", action: studio + path, enctype: "text/plain", target: frame.name });
        const entry = document.createElement("input");
        // A form writes name=value: so it is JSON all the same.
        Object.assign(entry, { name: body.slice(0, -1) + ',"more":"', value: '"}' });
        form.append(entry);
        document.body.append(frame, form);
        const loaded = new Promise((done) => { frame.onload = done; setTimeout(done, 3000); });
        form.submit();
        await loaded;
    }
    const files = new FormData();
    files.append("files", new Blob(["bytes"]), "stranger.png");
    await ask("upload", "gradio_api/upload", { method: "POST", mode: "no-cors", body: files });
    for (const path of read) {
        await ask("read", path, {});
        await ask("read blindly", path, { mode: "no-cors" });
        await new Promise((done) => {
            const image = new Image();
            image.onload = () => { note("seen", path, { status: 200, text: "seen" }); done(); };
            image.onerror = done;
            image.src = studio + path;
        });
    }
    return told;
}"""
READ = """(paths) => Promise.all(paths.map(async (path) => {
    const answer = await fetch(path);
    return [answer.status, await answer.text()];
}))"""


class NoGate(Gate):
    """Says who asks, and lets everything in."""

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        name = identity.cookie_name(scope)
        kind, secret = identity.presented(headers, {name: _cookie(headers, name)}, name)
        known = (kind, identity.owner_by(secret)) if secret else ("nobody", identity.nobody())
        scope[identity.KEY] = identity.Identity(*known, here=True, address="127.0.0.1")
        if scope["method"] == "POST" and not scope["path"].endswith("upload"):
            body = await whole(receive, MOST_JSON)
            scope[PAYLOAD], receive = check_json(body), replayed(body, receive)
            # Gradio reads some bodies by what they are called.
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
            scope["headers"].append((b"content-type", b"application/json"))
        await self._app(scope, receive, send)


def _cookie(headers: Headers, name: str) -> str:
    pairs = (one.strip().partition("=") for one in headers.get("cookie", "").split(";"))
    return next((value for key, _, value in pairs if key == name), "")


@dataclass
class Victim:
    """A studio whose machine has keys, what those would be spent at, and how to ask for it."""

    studio: Studio
    address: str
    service: Service
    elsewhere: Service
    hub: hub_server.Hub
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def touched(self) -> set[str]:
        """What was asked for, brought or spent."""
        folder = self.studio.settings.home / UPLOADS
        happened = {
            "a hosted picture": self.service.asked,
            "a key to any port": self.elsewhere.asked,
            "whose token it is": self.hub.asked("GET"),
            "a Space": self.hub.spaces,
            "a file": folder.exists() and [path for path in folder.rglob("*") if path.is_file()],
            "a picture": self.studio.jobs.unfinished(),
        }
        return {what for what, times in happened.items() if times}

    def read(self, context: BrowserContext) -> list[str]:
        """What there is to read: a picture's address among it, of the owner whose browser this is."""
        secret, port = identity.new_secret(), urlsplit(self.address).port
        kept = {"name": f"image-studio-{port}", "value": secret, "url": self.address, "sameSite": "Lax"}
        context.add_cookies([kept])
        owner = identity.owner_by(secret)
        picture = self.studio.inputs.add(Image.new("RGB", (8, 8), "red"), who=who(owner))
        seen = self.studio.addresses.of(self.studio.inputs.path(picture.id), who(owner))
        assert context.request.get(self.address + seen).status == 200
        return ["", "config", seen, "theme.css", f"gradio_api/file={self.studio.inputs.path(picture.id)}"]


@contextmanager
def victims(home: Path) -> Iterator[Victim]:
    service, elsewhere = Service(), Service()
    with pytest.MonkeyPatch.context() as patch, serving(service), serving(elsewhere), hub_server.running() as hub:
        patch.setenv("OPENAI_BASE_URL", service.address)
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("HF_TOKEN", hub_server.TOKEN)
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        patch.setattr(huggingface_hub.constants, "ENDPOINT", hub.endpoint)
        settings = Settings.load(home=home, port=0, day_budget_usd=2, unknown_prices="allow")
        painter = Painter(inputs=InputStore.of(settings))
        painter.ready.set()
        # What is drawn stays at its first step, so that a job that was asked for is seen.
        painter.held.set()
        with Studio(settings, backend=painter) as studio, serve(studio) as address:
            victim = Victim(studio, address, service, elsewhere, hub)
            victim.asked = _verbs(victim)
            yield victim


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    with victims(tmp_path_factory.mktemp("home")) as victim:
        yield victim


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


@contextmanager
def site(folder: Path) -> Iterator[int]:
    """The port of another site on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    (folder / "index.html").write_text("<!doctype html><title>Another site</title><body></body>", "utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_another_site_s_page_can_neither_use_nor_read_the_studio(
    context: BrowserContext, victim: Victim, tmp_path: Path, name: str
) -> None:
    told = visited(context, victim, tmp_path, name)
    # A status or a word that the page can see would be an answer: it sees none.
    assert [one for one in told if one["status"] or one["text"]] == []
    assert victim.touched == set()


# That the test above can fail.
@pytest.mark.soak
def test_without_the_gate_another_site_s_page_does_each_of_these_things(
    context: BrowserContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "Gate", NoGate)
    with victims(tmp_path / "home") as victim:
        told = visited(context, victim, tmp_path, "127.0.0.1")
        follow(victim, until=lambda end: end is not None)
        everything = {"a hosted picture", "a key to any port", "whose token it is", "a Space", "a file", "a picture"}
        while victim.touched != everything:  # hosted calls come from threads of their own; the test's limit ends it
            time.sleep(0.05)
        assert {one["path"].partition("/")[0] for one in told if one["way"] == "seen"} == {"studio"}


def visited(context: BrowserContext, victim: Victim, folder: Path, name: str) -> list[dict[str, Any]]:
    """What a page of another site, on this machine under this name, saw of all that it tried."""
    page = context.new_page()
    # The studio's own cookie is in this browser, and a machine's ports share their cookies.
    tried = {"studio": victim.address, "asked": list(victim.asked.values()), "read": victim.read(context)}
    with site(folder) as port:
        page.goto(f"http://{name}:{port}/")
        told: list[dict[str, Any]] = page.evaluate(TRY, tried)
    assert len(told) >= 4 * len(victim.asked) + 2 * len(tried["read"])
    return told


def follow(victim: Victim, until: Callable[[Any], bool]) -> None:
    """Wait for this of the deployment that runs."""
    one = victim.asked["a Space"]
    asked = {**one["said"], "fn_name": "follow", "data": {"from": 0}, "session_hash": "third"}
    while not until(httpx.post(victim.address + one["path"], json=asked, timeout=60).json()["end"]):
        time.sleep(0.05)


def test_a_name_pointed_at_this_machine_reads_nothing(context: BrowserContext, victim: Victim) -> None:
    page = context.new_page()
    opened = page.goto(victim.address.replace("127.0.0.1", "evil.example"))
    assert opened
    assert opened.status == 421
    answers = page.evaluate(
        READ, ["/", "/config", "/gradio_api/info", "/studio/pictures/a/b", "/gradio_api/file=/etc/hosts"]
    )
    assert {status for status, _ in answers} == {421}
    assert all("does not answer to this name" in text and "Image Studio" not in text for _, text in answers)


def test_a_program_on_this_machine_that_asks_for_the_same_is_answered(victim: Victim) -> None:
    """What the other site's page tried is what the studio does, so that it was the gate that refused it."""
    with httpx.Client(base_url=victim.address, timeout=60) as program:
        program.get("/")
        for name, one in victim.asked.items():
            answer = program.post(one["path"], json=one["said"])
            assert answer.status_code == 200, (name, answer.text)
            assert "fault" not in answer.json(), (name, answer.text)
    follow(victim, until=lambda end: end is not None)
    assert "ann/studio" in victim.hub.spaces


def _verbs(victim: Victim) -> dict[str, dict[str, Any]]:
    """All that could do harm, as the studio's own page asks for it."""
    config = httpx.get(victim.address + "config").json()
    elements = {one["props"].get("elem_id"): one["id"] for one in config["components"]}

    def element(of: str, act: str, data: Any) -> dict[str, Any]:
        said = {"component_id": elements[of], "fn_name": act, "data": data, "session_hash": "second"}
        return {"path": "gradio_api/component_server", "said": said}

    def compared(model: str) -> dict[str, Any]:
        return element("versus", "begin", {"prompts": "a red house", "columns": [{"name": model}]})

    order = {
        "token": "", "space": "ann/studio", "hardware": "zero-a10g", "visibility": "public", "keeps": False,
        "models": [], "loras": [], "secrets": [], "variables": [],
    }  # fmt: skip
    listener = next(one for one in config["dependencies"] if one["api_name"] == "generate")
    held = {one["id"]: one["props"].get("value") for one in config["components"]}
    held[elements["field-prompt"]] = "a boat"
    joined = {"data": [held[one] for one in listener["inputs"]], "fn_index": listener["id"], "session_hash": "second"}
    return {
        "a hosted picture": compared("openai:gpt-image-2"),
        "a key to any port": compared(f"{victim.elsewhere.address}:some-model"),
        "whose token it is": element("deploy", "account", {"token": ""}),
        "what would be sent": element("deploy", "plan", order),
        "a Space": element("deploy", "begin", order),
        "a key put in place": element("versus", "key", {"host": "openai", "key": "sk-of-a-stranger-0123456789"}),
        "a picture": {"path": "gradio_api/queue/join", "said": {**joined, "event_data": {}, "trigger_id": None}},
        "a picture for a program": {"path": "gradio_api/call/generate", "said": {"data": joined["data"]}},
    }
