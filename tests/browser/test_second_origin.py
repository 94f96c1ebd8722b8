"""A page of another origin, in a real browser, can neither use a studio on loopback nor read from it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import huggingface_hub.constants
import pytest
from playwright.sync_api import Browser, BrowserContext

from studio.inputs import Inputs
from studio.settings import Settings
from studio.studio import UPLOADS, Studio
from studio.ui import serve
from tests.browser.conftest import ARGUMENTS, executable
from tests.deploy import hub_server
from tests.hosted.service import KEY, Service, serving
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
    def is_untouched(self) -> bool:
        """Whether nothing was asked for, brought or spent."""
        folder = self.studio.settings.home / UPLOADS
        brought = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
        spent = self.service.asked or self.elsewhere.asked or self.hub.requests
        return not (spent or brought or self.studio.jobs.unfinished())


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    home = tmp_path_factory.mktemp("home")
    service, elsewhere = Service(), Service()
    with pytest.MonkeyPatch.context() as patch, serving(service), serving(elsewhere), hub_server.running() as hub:
        patch.setenv("OPENAI_BASE_URL", service.address)
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("HF_TOKEN", hub_server.TOKEN)
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        patch.setattr(huggingface_hub.constants, "ENDPOINT", hub.endpoint)
        settings = Settings.load(home=home, port=0, day_budget_usd=2, unknown_prices="allow")
        painter = Painter(inputs=Inputs.of(settings))
        painter.ready.set()
        # What is drawn stays at its first step, so that a job that was asked for is seen.
        painter.held.set()
        with Studio(settings, backend=painter) as studio, serve(studio) as address:
            victim = Victim(studio, address, service, elsewhere, hub)
            victim.asked = _verbs(victim)
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
    page = context.new_page()
    # The studio's own cookie is in this browser, and a machine's ports share their cookies.
    context.request.get(victim.address)
    assert context.cookies(victim.address)
    own = victim.studio.settings.home / "thumbnails"
    own.mkdir(exist_ok=True)
    tried = {
        "studio": victim.address,
        "asked": list(victim.asked.values()),
        "read": ["", "config", "studio/pictures/abc/outputs/x.png", "theme.css", f"gradio_api/file={own}"],
    }
    with site(tmp_path) as port:
        page.goto(f"http://{name}:{port}/")
        told = page.evaluate(TRY, tried)
    assert len(told) >= 4 * len(victim.asked) + 2 * len(tried["read"])
    # A status or a word that the page can see would be an answer: it sees none.
    assert [one for one in told if one["status"] or one["text"]] == []
    assert victim.is_untouched


def test_a_name_pointed_at_this_machine_reads_nothing(browser: Browser, victim: Victim) -> None:
    chromium = browser.browser_type
    mapped = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    other = chromium.launch(executable_path=executable(chromium), args=[*ARGUMENTS, mapped])
    try:
        page = other.new_page()
        opened = page.goto(victim.address.replace("127.0.0.1", "evil.example"))
        assert opened
        assert opened.status == 421
        answers = page.evaluate(
            READ, ["/", "/config", "/gradio_api/info", "/studio/pictures/a/b", "/gradio_api/file=/etc/hosts"]
        )
    finally:
        other.close()
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
    assert victim.hub.requests


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
        "token": "", "space": "ann/studio", "hardware": "cpu-basic", "private": False, "keeps": False, "models": [],
        "loras": [], "secrets": [], "variables": [],
    }  # fmt: skip
    listener = next(one for one in config["dependencies"] if one["api_name"] == "generate")
    held = {one["id"]: one["props"].get("value") for one in config["components"]}
    joined = {"data": [held[one] for one in listener["inputs"]], "fn_index": listener["id"], "session_hash": "second"}
    return {
        "a hosted picture": compared("openai:gpt-image-2"),
        "a key to any port": compared(f"{victim.elsewhere.address}:some-model"),
        "whose token it is": element("deploy", "account", {"token": ""}),
        "a Space": element("deploy", "plan", order),
        "a key put in place": element("versus", "key", {"host": "openai", "key": "sk-of-a-stranger-0123456789"}),
        "a picture": {"path": "gradio_api/queue/join", "said": {**joined, "event_data": {}, "trigger_id": None}},
        "a picture for a program": {"path": "gradio_api/call/generate", "said": {"data": joined["data"]}},
    }
