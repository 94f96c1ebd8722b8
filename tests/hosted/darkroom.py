"""A service that is not like OpenAI: pictures are ordered, waited for and fetched, each for a price by its size."""

import json
import threading
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.hosted.service import drawn

KEY = "dr-0123456789abcdefghijklmnop"
# What a provider is: this file and a model's, nothing else.
PROVIDER = '''
"""The language of Darkroom: an order is placed, looked at until it is ready, and its picture fetched."""

from base64 import b64encode
from typing import Annotated

from pydantic import Field

from studio.hosted.client import Client
from studio.hosted.prices import Price, sides
from studio.hosted.providers.base import Answer, Call, Made, Provider


class ByMegapixel(Price):
    megapixel: Annotated[float, Field(gt=0)]

    def estimate(self, settings, prompt, pictures, partials):
        width, height = sides(settings["size"])
        return self.megapixel * width * height / 1e6

    def cost(self, settings, usage, images):
        return usage


class Darkroom(Provider):
    label = "Darkroom"
    base_url = "{address}"
    key_env = "DARKROOM_KEY"
    settings = ("size", "paper")
    takes = frozenset({{"negative_prompt", "seed", "guidance_scale"}})
    price = ByMegapixel

    def ask(self, call: Call) -> Answer:
        width, height = sides(call.settings["size"])
        order = {{
            "film": call.endpoint.sent,
            "shows": call.recipe.prompt,
            "avoids": call.recipe.negative_prompt,
            "grain": call.recipe.seed,
            "contrast": call.recipe.guidance_scale,
            "paper": call.settings["paper"],
            "sides": [width, height],
            "from": b64encode(call.picture).decode() if call.picture else None,
        }}
        headers = {{"x-key": call.key.get_secret_value(), "x-once": call.name}}
        with Client(call, headers) as client:
            number = client.ask("POST", "orders", json=order)["number"]
            ready = client.until(lambda: client.ask("GET", f"orders/{{number}}").get("ready"))
            return Answer([Made(client.fetch(ready["at"]))], ready["dollars"], {{"darkroom order": number}})


PROVIDER = Darkroom()
'''
MODEL = """
name = "Velvet 50"
service = "darkroom"
abilities = ["edit"]
takes = ["negative_prompt", "seed", "guidance_scale"]
defaults = { guidance_scale = 3.5 }

[settings]
size = ["512x512", "512x768"]
paper = ["matt", "gloss"]

[price]
date = 2026-11-28
megapixel = 0.1
"""


@dataclass
class Darkroom:
    """What was ordered, by its number; `fault` is answered instead: a status and what it tells."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: Counter[str] = field(default_factory=Counter)
    once: dict[str, str] = field(default_factory=dict)
    fault: tuple[int, Any] | None = None
    address: str = ""


@contextmanager
def serving(darkroom: Darkroom) -> Iterator[str]:
    """The address of the service on loopback."""

    class Own(Handler):
        pass

    Own.darkroom = darkroom
    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        darkroom.address = f"http://127.0.0.1:{server.server_port}/v2"
        try:
            yield darkroom.address
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    darkroom: Darkroom

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["x-key"] != KEY:
            self.tell(401, {"detail": f"No such key: {self.headers['x-key']}"})
        elif self.darkroom.fault:
            self.tell(*self.darkroom.fault)
        else:
            number = self.darkroom.once.setdefault(self.headers["x-once"], f"n{len(self.darkroom.once)}")
            self.darkroom.orders[number] = order
            self.tell(202, {"number": number})

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        order = self.darkroom.orders.get(name.removesuffix(".png"))
        if order is None:
            self.tell(404, {"detail": "No such order."})
        elif name.endswith(".png"):
            self.plain(200, b64decode(order["from"]) if order["from"] else drawn(order["shows"], tuple(order["sides"])))
        else:
            self.darkroom.looks[name] += 1
            width, height = order["sides"]
            ready = {"at": f"{self.darkroom.address}/{name}.png", "dollars": 0.09 * width * height / 1e6}
            self.tell(200, {"ready": ready if self.darkroom.looks[name] > 1 else None})

    def tell(self, status: int, body: Any) -> None:
        self.plain(status, json.dumps(body).encode(), "application/json")

    def plain(self, status: int, body: bytes, kind: str = "image/png") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
