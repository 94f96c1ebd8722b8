"""Hugging Face's router, which hands a call on to whoever hosts a model of the hub and charges the one account."""

import json
import os
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import ModelRetired
from studio.hosted import faults
from studio.hosted.client import Client
from studio.hosted.providers.base import Answer, Call, Made, Provider

# The model setting that names who is to answer, of those below.
BY = "provider"
TASK, LIVE = "text-to-image", "live"
HUB, MAPPING = "https://huggingface.co", "inferenceProviderMapping"
Body = dict[str, Any]


@dataclass(frozen=True)
class Partner:
    """Who hosts a model: below which path of the router, what is sent there, and where in the answer the picture is."""

    path: Callable[[str], str]
    body: Callable[[str, str, Mapping[str, Any]], Body]
    picture: Callable[[bytes, Client], bytes]


class HuggingFace(Provider):
    """Hugging Face's inference providers, paid by the account of whoever signed in, or by a token."""

    label = "Hugging Face"
    base_url = "https://router.huggingface.co"
    # Another one than HF_TOKEN, so that a token that is there to fetch weights is not spent.
    key_env = "HF_INFERENCE_TOKEN"
    settings = ("size", BY)
    takes = frozenset({"negative_prompt", "steps", "guidance_scale", "seed"})
    abilities = ()
    signs_in = True

    def address(self) -> str:
        return os.environ.get("HF_INFERENCE_ENDPOINT") or self.base_url

    def ask(self, call: Call) -> Answer:
        name, model = _partner(call)
        partner = PARTNERS[name]
        headers = {"Authorization": f"Bearer {call.key.get_secret_value()}"} if call.key else {}
        body = partner.body(model, call.recipe.prompt, _parameters(call))
        with Client(call, headers) as client:
            answer = client.read("POST", partner.path(model), json=body)
            return Answer([Made(partner.picture(answer, client))], facts={"served by": name})


def _parameters(call: Call) -> dict[str, Any]:
    """What the recipe has beside its prompt, under the names of the hub's own client."""
    recipe, takes = call.recipe, call.endpoint.model.takes
    names = {"steps": "num_inference_steps", "negative_prompt": "negative_prompt"}
    names |= {"guidance_scale": "guidance_scale", "seed": "seed"}
    given = {sent: getattr(recipe, name) for name, sent in names.items() if name in takes}
    width, _, height = call.settings.get("size", "").partition("x")
    sides = {"width": int(width), "height": int(height)} if width.isdecimal() and height.isdecimal() else {}
    return {**{name: value for name, value in given.items() if value not in (None, "")}, **sides}


def _partner(call: Call) -> tuple[str, str]:
    """Who is asked, and what the model is called there: the one that is wanted, else the first that can be asked."""
    wanted = call.settings.get(BY)
    found = _hosts(call)
    known = {name: model for name, model in found.items() if name in PARTNERS and wanted in (None, "", name)}
    if not known:
        whom = wanted or "anybody whom the studio can ask"
        others = f"It is hosted by {', '.join(found)}." if found else "Choose another model."
        raise ModelRetired(f"{call.endpoint.sent} is not hosted by {whom}.", others)
    return next(iter(known.items()))


def _hosts(call: Call) -> dict[str, str]:
    """Who makes pictures by this model of the hub now, and what it is called there; the hub is not told the key."""
    hub = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    with Client(call, {}) as client:
        facts = client.ask("GET", f"{hub}/api/models/{call.endpoint.sent}", params={"expand": MAPPING})
    hosts = facts.get(MAPPING) if isinstance(facts, dict) else None
    if isinstance(hosts, dict):
        hosts = [{"provider": name, **facts} for name, facts in hosts.items() if isinstance(facts, dict)]
    found = [one for one in hosts or () if isinstance(one, dict)]
    return {
        str(one.get("provider")): str(one.get("providerId"))
        for one in found
        if (one.get("task"), one.get("status")) == (TASK, LIVE)
    }


def _hub_body(model: str, prompt: str, given: Mapping[str, Any]) -> Body:
    del model
    return {"inputs": prompt, "parameters": dict(given)}


def _fal_body(model: str, prompt: str, given: Mapping[str, Any]) -> Body:
    del model
    rest = {name: value for name, value in given.items() if name not in ("width", "height")}
    size = {"image_size": {side: given[side] for side in ("width", "height")}} if "width" in given else {}
    return {"prompt": prompt, **rest, **size}


def _together_body(model: str, prompt: str, given: Mapping[str, Any]) -> Body:
    rest = {"steps" if name == "num_inference_steps" else name: value for name, value in given.items()}
    return {"model": model, "prompt": prompt, "response_format": "base64", **rest}


def _nscale_body(model: str, prompt: str, given: Mapping[str, Any]) -> Body:
    size = {"size": f"{given['width']}x{given['height']}"} if "width" in given else {}
    rest = {name: value for name, value in given.items() if name in ("negative_prompt", "seed")}
    return {"model": model, "prompt": prompt, "response_format": "b64_json", **rest, **size}


def _bare(answer: bytes, client: Client) -> bytes:
    del client
    return answer


def _coded(answer: bytes, client: Client) -> bytes:
    del client
    try:
        return b64decode(json.loads(answer)["data"][0]["b64_json"], validate=True)
    except (ValueError, LookupError, TypeError) as error:
        raise faults.malformed("There is no picture in it.") from error


def _linked(answer: bytes, client: Client) -> bytes:
    try:
        address = str(json.loads(answer)["images"][0]["url"])
    except (ValueError, LookupError, TypeError) as error:
        raise faults.malformed("There is no picture in it.") from error
    return client.fetch(address)


PARTNERS: Mapping[str, Partner] = {
    "hf-inference": Partner("hf-inference/models/{}".format, _hub_body, _bare),
    "fal-ai": Partner("fal-ai/{}".format, _fal_body, _linked),
    "together": Partner(lambda _: "together/v1/images/generations", _together_body, _coded),
    "nscale": Partner(lambda _: "nscale/v1/images/generations", _nscale_body, _coded),
}
PROVIDER = HuggingFace()
