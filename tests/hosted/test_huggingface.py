"""Models of the hub by Hugging Face's router: whoever signed in pays, and nothing of it is written."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from studio.errors import InvalidRecipe, KeyRefused
from studio.events import Failed
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.hosted.service import drawn

TOKEN = "hf_oauth_0123456789abcdefghijklmnop"
ANN = Identity("account", "account:ann", hub_token=SecretStr(TOKEN))
BOB = Identity("account", "account:bob")
ASKED = Recipe(prompt="a (red:1.2) house", model="huggingface:flux-1-dev", steps=9, guidance_scale=4, seed=7)
SENT = "black-forest-labs/FLUX.1-dev"
SAID = {"num_inference_steps": 9, "guidance_scale": 4, "seed": 7}
SIDES = {"width": 1024, "height": 1024}
# What each that hosts a model is asked, and where.
ASKINGS = {
    "hf-inference": ("/hf-inference/models/there", {"inputs": "a red house", "parameters": {**SAID, **SIDES}}),
    "fal-ai": ("/fal-ai/there", {"prompt": "a red house", **SAID, "image_size": SIDES}),
    "together": (
        "/together/v1/images/generations",
        {
            "model": "there",
            "prompt": "a red house",
            "response_format": "base64",
            "steps": 9,
            "guidance_scale": 4,
            "seed": 7,
            **SIDES,
        },
    ),
    "nscale": (
        "/nscale/v1/images/generations",
        {"model": "there", "prompt": "a red house", "response_format": "b64_json", "seed": 7, "size": "1024x1024"},
    ),
}


class Hub(ThreadingHTTPServer):
    """The hub, which says who hosts a model, and the router."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hosted_by: list[str] = ["replicate", "hf-inference"]
        self.asked: list[tuple[str, str, Any]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path.partition("?")[0], self.headers.get("authorization", ""), None))
        if self.path.startswith("/made"):
            return self.answer(200, drawn("house", (64, 64)), "image/png")
        facts = {"status": "live", "providerId": "there", "task": "text-to-image"}
        return self.tell(200, {"id": SENT, "inferenceProviderMapping": dict.fromkeys(self.server.hosted_by, facts)})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers.get("authorization", "")
        self.server.asked.append((self.path, key, body))
        if key != f"Bearer {TOKEN}":
            return self.tell(401, {"error": f"Invalid token {key}"})
        if self.path.startswith("/hf-inference"):
            return self.answer(200, drawn("house", (64, 64)), "image/png")
        if self.path.startswith("/fal-ai"):
            return self.tell(200, {"images": [{"url": f"{self.server.address}/made.png"}]})
        return self.tell(200, {"data": [{"b64_json": b64encode(drawn("house", (64, 64))).decode()}]})

    def tell(self, status: int, body: Any) -> None:
        self.answer(status, json.dumps(body).encode(), "application/json")

    def answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_INFERENCE_ENDPOINT", server.address)
    monkeypatch.delenv("HF_INFERENCE_TOKEN", raising=False)
    # A Space, where nobody is at this machine.
    monkeypatch.setenv("SPACE_ID", "ann/studio")
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def studio(tmp_path: Path, hub: Hub) -> Iterator[Studio]:
    (tmp_path / "settings.toml").write_text(f'[hosts.other]\nbase_url = "{hub.address}/x"\nprovider = "huggingface"\n')
    with Studio(Settings.load(home=tmp_path), backend=Drawer()) as studio:
        yield studio


def ended(job: Job) -> object:
    return list(job.follow())[-1]


@pytest.mark.parametrize("partner", ASKINGS)
def test_whoever_signed_in_pays_with_their_account_whoever_hosts_the_model(
    studio: Studio, hub: Hub, partner: str
) -> None:
    hub.hosted_by = ["replicate", partner]
    job = studio.submit(ASKED, ANN)
    assert not isinstance(end := ended(job), Failed), end
    (made,) = job.results
    assert Image.open(made.path).tobytes() == Image.open(BytesIO(drawn("house", (64, 64)))).tobytes()
    assert own.read_facts(made.path)["served by"] == partner
    path, body = ASKINGS[partner]
    lookup, asked, *fetched = hub.asked
    # The token goes to the router, and to nobody else.
    assert asked == (path, f"Bearer {TOKEN}", body)
    assert [(where, key) for where, key, _ in (lookup, *fetched)] == [
        (f"/api/models/{SENT}", ""),
        *([("/made.png", "")] if partner == "fal-ai" else []),
    ]


def test_what_a_visitor_signed_in_with_is_never_written_and_spent_for_nobody_else(studio: Studio, hub: Hub) -> None:
    ended(studio.submit(ASKED, ANN))
    with pytest.raises(KeyRefused, match="Sign in, to pay with your own Hugging Face credits"):
        studio.submit(ASKED, BOB)
    # Neither by a host that merely speaks the same language.
    ended(studio.submit(ASKED.replace(model=f"other:{SENT}"), ANN))
    assert hub.asked[-1][:2] == ("/x/hf-inference/models/there", "")
    assert TOKEN not in repr(ANN)
    written = [path for path in studio.settings.home.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]


def test_a_token_that_is_not_taken_any_more_asks_to_sign_in_again(studio: Studio) -> None:
    ending = ended(studio.submit(ASKED, Identity("account", "account:ann", hub_token=SecretStr("hf_oauth_old"))))
    assert isinstance(ending, Failed)
    assert (ending.code, ending.hint.startswith("Sign in again")) == (KeyRefused("", "").code, True)
    assert "hf_oauth_old" not in str(ending)


@pytest.mark.parametrize(("model", "said"), [(SENT, "is not hosted by anybody"), (f"{SENT}?provider=zai", "by zai")])
def test_a_model_that_nobody_hosts_is_told_and_costs_nothing(studio: Studio, hub: Hub, model: str, said: str) -> None:
    hub.hosted_by = ["replicate"]
    ending = ended(studio.submit(ASKED.replace(model=f"huggingface:{model}"), ANN))
    assert isinstance(ending, Failed)
    assert said in ending.message
    assert "replicate" in ending.hint


def test_its_models_change_no_pictures(studio: Studio) -> None:
    picture = studio.inputs.add(Image.new("RGB", (64, 64)), who=ANN).id
    for model in ("flux-1-dev", "somebody/new"):
        with pytest.raises(InvalidRecipe, match="cannot change a picture"):
            studio.submit(Recipe(prompt="a", model=f"huggingface:{model}", init_image=picture), ANN)
