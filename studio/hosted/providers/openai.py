"""OpenAI's language, which Azure and many others speak too: asked with the `openai` package."""

import json
import os
import time
import warnings
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any

from PIL import Image
from pydantic import Field, SecretStr, model_validator

from studio.errors import AnswerCutOff, HostedError, ServiceFailed
from studio.hosted import faults
from studio.hosted.client import CONNECT_SECONDS
from studio.hosted.keys import scrubbed
from studio.hosted.prices import Dollars, Price, dearest, sides
from studio.hosted.providers.base import Answer, Call, Made, Provider
from studio.safe_fetch import MOST_BYTES, bounded, fetch

if TYPE_CHECKING:
    from openai import OpenAI as Client

    from studio.hosted.models import HostedEndpoint

WITHOUT_KEY = "none"
# Settings that are taken for new pictures alone, and for edited ones alone.
ONLY_FIRST = ("style", "moderation")
ONLY_EDITS = ("input_fidelity",)
# A partial image counts as so many tokens of output.
PARTIAL_TOKENS = 100
# What the service adds to a prompt: seen are 6 tokens for a new picture and up to 80 for each picture that is given.
ADDED_TOKENS = 100


@dataclass(frozen=True)
class Usage:
    """The tokens that a service counted."""

    text_in: int = 0
    image_in: int = 0
    image_out: int = 0


class TokenPrice(Price):
    """What a model cost on a day, in US dollars: for a million tokens, or for an image by quality and size.

    The rest is for an estimate beforehand, which may be too high and never too low. An image takes `tokens`, by quality
    and size, or what `token_axis` gives, by quality (see `_axis_tokens`). A picture that is given to be edited takes at
    most `picture_tokens`, by input fidelity or for "any". Where a service published none of these, they are those of a
    model before it, and the estimate is `margin` times as high.
    """

    text_in: Dollars | None = None
    image_in: Dollars | None = None
    image_out: Dollars | None = None
    tokens: Mapping[str, Mapping[str, Annotated[int, Field(ge=0)]]] = {}
    token_axis: Mapping[str, Annotated[int, Field(ge=1)]] = {}
    picture_tokens: Mapping[str, Annotated[int, Field(ge=0)]] = {}
    margin: Annotated[float, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _can_be_known(self) -> "TokenPrice":
        rates = (self.text_in, self.image_in, self.image_out)
        if not self.images and None in rates:
            raise ValueError("give `images`, or all of text_in, image_in and image_out")
        return self

    def estimate(self, settings: Mapping[str, str], prompt: str, pictures: int, partials: int) -> float | None:
        if (flat := dearest(self.images, settings)) is not None:
            return flat
        tokens = _axis_tokens(self.token_axis, settings) or dearest(self.tokens, settings)
        if tokens is None or (pictures and not self.picture_tokens):
            return None
        # A token of the services is at least one byte of the text.
        words = len(prompt.encode()) + ADDED_TOKENS * (1 + pictures)
        given = pictures * _picture_tokens(self.picture_tokens, settings)
        return self._of_usage(Usage(words, given, ceil(tokens) + partials * PARTIAL_TOKENS)) * self.margin

    def cost(self, settings: Mapping[str, str], usage: object, images: int) -> float | None:
        if isinstance(usage, Usage) and self.image_out is not None:
            return self._of_usage(usage)
        return super().cost(settings, usage, images)

    def _of_usage(self, usage: Usage) -> float:
        rates = (self.text_in, self.image_in, self.image_out)
        counts = (usage.text_in, usage.image_in, usage.image_out)
        return sum((rate or 0) * count for rate, count in zip(rates, counts, strict=True)) / 1e6


class OpenAI(Provider):
    """OpenAI, Azure, and any address that speaks their language."""

    label = "OpenAI"
    base_url = "https://api.openai.com/v1"
    key_env = "OPENAI_API_KEY"
    settings = ("size", "quality", "style", "background", "moderation", "input_fidelity", "complexity")
    price = TokenPrice
    library = "openai"

    def address(self) -> str:
        return os.environ.get("OPENAI_BASE_URL") or self.base_url

    def ask(self, call: Call) -> Answer:
        request = _request(call)
        # With several images, partial ones do not say which they belong to.
        streamed = call.looks and "stream" in call.endpoint.model.abilities and call.count == 1
        with _faults(call.endpoint, call.key), _client(call.endpoint, call.key, call.most_bytes) as client:
            ask = client.images.edit if "image" in request else client.images.generate
            if streamed:
                answer = _last(ask(**request, stream=True, partial_images=call.looks), call.look)
            else:
                answer = _plain(ask(**request))
        pictures = [_picture(one, call) for one in _list(answer.get("data"))[: call.count]]
        return Answer(pictures, _usage(answer.get("usage")))

    def ends(self, endpoint: "HostedEndpoint", key: SecretStr) -> date | None:
        with _faults(endpoint, key), _client(endpoint, key, MOST_BYTES) as client:
            shutdown_date = client.models.retrieve(endpoint.sent).shutdown_date
        with suppress(TypeError, ValueError):
            return date.fromisoformat(shutdown_date or "")
        return None


def _request(call: Call) -> dict[str, Any]:
    model = call.endpoint.model
    unused = ONLY_FIRST if call.picture else ONLY_EDITS
    settings = {name: value for name, value in call.settings.items() if name not in unused}
    request: dict[str, Any] = {"model": call.endpoint.sent, "prompt": call.recipe.prompt, **settings, **model.fixed}
    request |= {"n": call.count} if model.most_images > 1 else {}
    headers = {"Idempotency-Key": call.name} if call.name else {}
    return {**request, **_files(call), "extra_headers": headers}


def _files(call: Call) -> dict[str, Any]:
    """The picture to be edited, and where: a service paints where its mask is clear."""
    if call.picture is None:
        return {}
    files = {"image": ("image.png", call.picture, "image/png")}
    if call.mask:
        picture = Image.open(BytesIO(call.picture)).convert("RGBA")
        mask = Image.open(BytesIO(call.mask)).convert("L").resize(picture.size)
        picture.putalpha(mask.point(lambda white: 255 - white))
        buffer = BytesIO()
        picture.save(buffer, "PNG")
        files["mask"] = ("mask.png", buffer.getvalue(), "image/png")
    return files


@contextmanager
def _client(endpoint: "HostedEndpoint", key: SecretStr | None, most_bytes: int) -> Iterator["Client"]:
    """A client that follows no redirects, tries once, and takes no more than the limit."""
    import openai

    host = endpoint.host
    deadline = time.monotonic() + host.timeout_seconds
    http = openai.DefaultHttpx2Client(follow_redirects=False, event_hooks={"response": [bounded(most_bytes, deadline)]})
    shared: dict[str, Any] = {
        "api_key": key.get_secret_value() if key else WITHOUT_KEY,
        "max_retries": 0,
        "timeout": openai.Timeout(host.timeout_seconds, connect=min(CONNECT_SECONDS, host.timeout_seconds)),
        "http_client": http,
        "default_headers": {"Accept-Encoding": "identity"},
    }
    if host.azure_version:
        client: Client = openai.AzureOpenAI(azure_endpoint=host.base_url, api_version=host.azure_version, **shared)
    else:
        client = openai.OpenAI(base_url=host.base_url, **shared)
    if endpoint.host_name != endpoint.model.service:
        client.organization = client.project = None  # OpenAI's, from the environment
    with client:
        yield client


@contextmanager
def _faults(endpoint: "HostedEndpoint", key: SecretStr | None) -> Iterator[None]:
    """The client's errors in the studio's words. Nothing foreign is kept beside them: it may repeat the key."""
    import httpx2
    import openai

    try:
        yield
    except (openai.APIError, httpx2.HTTPError) as error:
        fault = _translated(error, endpoint, key)
    except ValueError:  # of JSON that is none
        fault = faults.malformed("It is not what was expected.")
    else:
        return
    raise fault from None


def _translated(error: Any, endpoint: "HostedEndpoint", key: SecretStr | None) -> HostedError:
    """An error of the client's, or of its transport, without the key and without anything that may hold it."""
    import openai

    reason, code = _reason(error, key), _code(error)
    if isinstance(error, openai.APIStatusError):
        after = error.response.headers.get("retry-after")
        return faults.refused(error.status_code, reason, endpoint, key, code=code, after=after)
    if fault := faults.broken(error, endpoint):
        return fault
    if isinstance(error, openai.APITimeoutError):
        return faults.too_late(endpoint)
    if isinstance(error, openai.APIConnectionError):
        return faults.cut_off()
    if faults.is_refusal(code):
        return faults.moderated(reason)
    return ServiceFailed(f"The service broke off: {reason}", faults.PAID, billed=True)


def _code(error: Any) -> str:
    parts = [getattr(error, name, None) for name in ("code", "type", "body")]
    return json.dumps(parts, default=str)


def _reason(error: Any, key: SecretStr | None) -> str:
    """The service's own sentence, without the key."""
    body = getattr(error, "body", None)
    return scrubbed(faults.shortened(body.get("message") if isinstance(body, dict) else None), key)


def _last(events: Any, look: Callable[[bytes], None]) -> Mapping[str, Any]:
    """Show the partial images of a stream, and return what completed it."""
    with events:
        for event in events:
            payload = _plain(event)
            kind = str(payload.get("type", ""))
            if kind.endswith(".partial_image"):
                with suppress(ValueError):
                    look(b64decode(str(payload.get("b64_json"))))
            elif kind.endswith(".completed"):
                return {**payload, "data": [payload]}
    raise AnswerCutOff("The answer was cut off before the picture.", "Try again.", billed=True)


def _plain(answer: Any) -> Mapping[str, Any]:
    """The client's value as plain ones; it checks nothing of what a service sends."""
    if hasattr(answer, "model_dump"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values of other types than the service promised
            return dict(answer.model_dump())
    raise faults.malformed("It says nothing about pictures.")


def _picture(one: Any, call: Call) -> Made:
    """A picture of the answer, and the prompt that the service made of ours."""
    entry = one if isinstance(one, dict) else {}
    coded, address = entry.get("b64_json"), entry.get("url")
    if isinstance(coded, str) and coded:
        try:
            data = b64decode(coded, validate=True)
        except (NotBase64, ValueError) as error:
            raise faults.malformed("The picture in it is not valid base64.") from error
    elif isinstance(address, str) and address:
        data = fetch(address, call.endpoint.host.base_url, call.endpoint.host.timeout_seconds, call.most_bytes)
    else:
        raise faults.malformed("There is no picture in it.")
    revised = entry.get("revised_prompt")
    return Made(data, scrubbed(revised, call.key) if isinstance(revised, str) else "")


def _usage(usage: Any) -> Usage | None:
    """The tokens that are charged; None where the service told none, or nonsense."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("input_tokens_details")
    parts = details if isinstance(details, dict) else {}
    given, made = usage.get("input_tokens") or 0, usage.get("output_tokens")
    images = parts.get("image_tokens") or 0
    texts = parts.get("text_tokens", given)
    counts = [count for count in (texts, images, made) if isinstance(count, int) and count >= 0]
    return Usage(*counts) if len(counts) == 3 else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _axis_tokens(axes: Mapping[str, int], settings: Mapping[str, str]) -> int | None:
    """The tokens of an image in which an axis of its longer side has so many; None where its size is not known.

    OpenAI's own calculator counts so; https://community.openai.com/t/1382699 has it in words, and all of the published
    prices per image agree to the token.
    """
    size = sides(settings.get("size", ""))
    if not (axes and size):
        return None
    short, long = sorted(size)
    quality = settings.get("quality", "")
    axis = axes[quality] if quality in axes else max(axes.values())
    narrow = (2 * axis * short + long) // (2 * long)
    return ceil(axis * narrow * (2_000_000 + short * long) / 4_000_000)


def _picture_tokens(known: Mapping[str, int], settings: Mapping[str, str]) -> int:
    return known.get(settings.get("input_fidelity", ""), max(known.values(), default=0))


PROVIDER = OpenAI()
