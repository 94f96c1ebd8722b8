"""Asks a hosted model for images, at OpenAI, Azure or any address that speaks their language."""

import time
import warnings
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from io import BytesIO
from itertools import groupby
from threading import Event
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError
from pydantic import SecretStr

from studio.backends.base import Backend, Rendered, Report, Wanted, always
from studio.backends.openai_faults import malformed, translated
from studio.errors import AnswerCutOff, AnswerNotPicture, AnswerTooLarge, HostedError, InvalidRecipe
from studio.events import Preview
from studio.hosted.keys import scrubbed
from studio.hosted.models import Offer, Usage
from studio.inputs import MOST_PIXELS, Inputs
from studio.outside import MOST_BYTES, bounded, fetch
from studio.recipe import Recipe

if TYPE_CHECKING:
    from openai import OpenAI

FORMATS = ("PNG", "JPEG", "WEBP")
CONNECT_SECONDS = 15
TRIES = 3
# A longer wait than this is the creator's to decide.
MOST_WAIT_SECONDS = 60
WITHOUT_KEY = "none"
# Settings that are taken for new pictures alone, and for edited ones alone.
ONLY_FIRST = ("style", "moderation")
ONLY_EDITS = ("input_fidelity",)


class OpenAIBackend(Backend):
    """One hosted model with one person's key. Equal recipes but for their seeds are asked for in one call.

    `settings` are of the model's own; `key` is sent to its host and nowhere else. `idempotency` names what is made, so
    that a service that knows it does not charge twice. `looks` is how many partial images are asked for, where the
    model has them; each is charged. `pause` waits for so many seconds between two tries and tells whether nobody waits
    for the answer any more. An answer may have at most `most_bytes`.
    """

    def __init__(
        self,
        offer: Offer,
        key: SecretStr | None,
        inputs: Inputs,
        *,
        settings: Mapping[str, str] | None = None,
        idempotency: str = "",
        looks: int = 0,
        pause: Callable[[float], bool] | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.offer = offer
        self.settings = offer.model.chosen(settings or {})
        self._key = key
        self._inputs = inputs
        self._idempotency = idempotency
        self._looks = looks
        self._pause = pause or Event().wait
        self._most_bytes = most_bytes

    def generate(self, recipes: Sequence[Recipe], report: Report, wanted: Wanted = always) -> Iterator[Rendered]:
        """As the contract says; HostedError whose kind says why there is nothing."""
        for _, same in groupby(enumerate(recipes), lambda pair: pair[1].replace(seed=None)):
            numbered = list(same)
            most = self.offer.model.most_images
            for start in range(0, len(numbered), most):
                if numbered[start][0] and not wanted():
                    return
                yield from self._made(numbered[start : start + most], report)

    def warm(self, model: str) -> None:
        """Nothing: it is somebody else's machine."""

    def describe(self) -> str:
        return f"{self.offer.label}, hosted"

    def close(self) -> None:
        """Nothing is held between calls."""

    def shutdown(self) -> date | None:
        """The day on which the service ends the model, where it tells one; HostedError where it cannot be asked."""
        with self._faults(), self._client() as client:
            told = client.models.retrieve(self.offer.sent).shutdown_date
        with suppress(TypeError, ValueError):
            return date.fromisoformat(told or "")
        return None

    def _made(self, numbered: list[tuple[int, Recipe]], report: Report) -> Iterator[Rendered]:
        import openai

        del openai  # so that its second of loading does not count as the service's
        begun = time.monotonic()
        index, recipe = numbered[0]
        answer = self._asked(recipe, len(numbered), lambda jpeg: report(Preview(index, jpeg)))
        pictures = [self._picture(one) for one in _list(answer.get("data"))[: len(numbered)]]
        if len(pictures) < len(numbered):
            raise malformed(f"{len(pictures)} of {len(numbered)} pictures came.")
        facts = self._facts(answer, len(pictures))
        seconds = (time.monotonic() - begun) / len(pictures)
        for (place, own), (picture, revised) in zip(numbered, pictures, strict=True):
            told = {**facts, "revised prompt": revised} if revised else facts
            yield Rendered(place, picture, seconds, told, own)

    def _asked(self, recipe: Recipe, count: int, look: Callable[[bytes], None]) -> Mapping[str, Any]:
        """The answer as plain values; asked again only where nothing can have been charged."""
        for last in (*[False] * (TRIES - 1), True):
            try:
                return self._answer(recipe, count, look)
            except HostedError as error:
                wait = error.wait_seconds
                if last or wait is None or wait > MOST_WAIT_SECONDS or self._pause(wait):
                    raise
        raise AssertionError

    def _answer(self, recipe: Recipe, count: int, look: Callable[[bytes], None]) -> Mapping[str, Any]:
        request = self._request(recipe, count)
        # With several images, partial ones do not say which they belong to.
        streamed = self._looks and "stream" in self.offer.model.abilities and count == 1
        with self._faults(), self._client() as client:
            ask = client.images.edit if "image" in request else client.images.generate
            if not streamed:
                return _plain(ask(**request))
            events = ask(**request, stream=True, partial_images=self._looks)
            return _last(events, lambda partial: look(_small(self._opened(partial))))

    def _request(self, recipe: Recipe, count: int) -> dict[str, Any]:
        headers = {"Idempotency-Key": self._idempotency} if self._idempotency else {}
        unused = ONLY_FIRST if recipe.init_image else ONLY_EDITS
        settings = {name: value for name, value in self.settings.items() if name not in unused}
        request: dict[str, Any] = {"model": self.offer.sent, "prompt": recipe.prompt, **settings}
        request |= {"n": count} if self.offer.model.most_images > 1 else {}
        request |= {"response_format": "b64_json"} if self.offer.model.response_format else {}
        return {**request, **self._pictures(recipe), "extra_headers": headers}

    def _pictures(self, recipe: Recipe) -> dict[str, Any]:
        """The picture to be edited, and where: a service paints where its mask is clear."""
        if recipe.init_image is None:
            return {}
        needed = "mask" if recipe.mask_image else "edit"
        if needed not in self.offer.model.abilities:
            cure = "Leave the picture out, or choose another model."
            raise InvalidRecipe("model", f"{self.offer.model.name} cannot change a picture.", cure)
        files = {"image": ("image.png", self._inputs.path(recipe.init_image).read_bytes(), "image/png")}
        if recipe.mask_image:
            picture = self._inputs.open(recipe.init_image).convert("RGBA")
            mask = self._inputs.open(recipe.mask_image).convert("L").resize(picture.size)
            picture.putalpha(mask.point(lambda white: 255 - white))
            buffer = BytesIO()
            picture.save(buffer, "PNG")
            files["mask"] = ("mask.png", buffer.getvalue(), "image/png")
        return files

    @contextmanager
    def _client(self) -> Iterator["OpenAI"]:
        """A client that follows no redirects, tries once, and takes no more than the limit."""
        import openai

        host = self.offer.host
        deadline = time.monotonic() + host.timeout_seconds
        http = openai.DefaultHttpx2Client(
            follow_redirects=False, event_hooks={"response": [bounded(self._most_bytes, deadline)]}
        )
        shared: dict[str, Any] = {
            "api_key": self._key.get_secret_value() if self._key else WITHOUT_KEY,
            "max_retries": 0,
            "timeout": openai.Timeout(host.timeout_seconds, connect=min(CONNECT_SECONDS, host.timeout_seconds)),
            "http_client": http,
            "default_headers": {"Accept-Encoding": "identity"},
        }
        if host.azure_version:
            client: OpenAI = openai.AzureOpenAI(azure_endpoint=host.base_url, api_version=host.azure_version, **shared)
        else:
            client = openai.OpenAI(base_url=host.base_url, **shared)
        if self.offer.host_name != self.offer.model.service:
            client.organization = client.project = None  # OpenAI's, from the environment
        with client:
            yield client

    def _picture(self, one: Any) -> tuple[Image.Image, str]:
        """A picture of the answer, and the prompt that the service made of ours."""
        told = one if isinstance(one, dict) else {}
        coded, address = told.get("b64_json"), told.get("url")
        if isinstance(coded, str) and coded:
            try:
                data = b64decode(coded, validate=True)
            except (NotBase64, ValueError) as error:
                raise malformed("The picture in it is no base64.") from error
        elif isinstance(address, str) and address:
            data = fetch(address, self.offer.host.base_url, self.offer.host.timeout_seconds, self._most_bytes)
        else:
            raise malformed("There is no picture in it.")
        revised = told.get("revised_prompt")
        return self._opened(data), scrubbed(revised, self._key) if isinstance(revised, str) else ""

    def _opened(self, data: bytes) -> Image.Image:
        """The picture of these bytes, RGB or RGBA, read within the room for other people's pictures.

        HostedError where it is none or too large.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                picture = Image.open(BytesIO(data), formats=FORMATS)
                pixels = picture.width * picture.height
                if pixels > MOST_PIXELS:
                    raise _too_many_pixels()
                with self._inputs.room.of(pixels, patient=True):  # it is paid for
                    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_many_pixels() from error
        except UnidentifiedImageError as error:
            raise AnswerNotPicture("What came is no PNG, JPEG or WebP.", "Try again.", billed=True) from error
        except (OSError, SyntaxError, ValueError, TypeError, LookupError) as error:
            raise AnswerNotPicture("The picture that came is damaged.", "Try again.", billed=True) from error

    def _facts(self, answer: Mapping[str, Any], images: int) -> dict[str, str]:
        """How an image was made and what it did cost."""
        cost = self.offer.cost(self.settings, _usage(answer.get("usage")), images)
        return {
            "hosted by": self.offer.host_name,
            "hosted model": self.offer.sent,
            **self.settings,
            **({} if cost is None else {"cost_usd": f"{cost / images:.6f}"}),
        }

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """The client's errors in the studio's words. Nothing foreign is kept beside them: it may repeat the key."""
        import httpx2
        import openai

        try:
            yield
        except (openai.APIError, httpx2.HTTPError) as error:
            fault = translated(error, self.offer, self._key)
        except ValueError:  # of JSON that is none
            fault = malformed("It is not what was to be expected.")
        else:
            return
        raise fault from None


def _last(events: Any, look: Callable[[bytes], None]) -> Mapping[str, Any]:
    """Show the partial images of a stream, and return what completed it."""
    with events:
        for event in events:
            told = _plain(event)
            kind = str(told.get("type", ""))
            if kind.endswith(".partial_image"):
                with suppress(HostedError, ValueError):
                    look(b64decode(str(told.get("b64_json"))))
            elif kind.endswith(".completed"):
                return {**told, "data": [told]}
    raise AnswerCutOff("The answer broke off before the picture.", "Try again.", billed=True)


def _plain(answer: Any) -> Mapping[str, Any]:
    """The client's value as plain ones; it checks nothing of what a service sends."""
    if hasattr(answer, "model_dump"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values of other types than the service promised
            return dict(answer.model_dump())
    raise malformed("It is no answer about pictures.")


def _too_many_pixels() -> HostedError:
    most = f"{MOST_PIXELS / 1e6:.0f} megapixels are the most."
    return AnswerTooLarge(f"The picture is too large: {most}", "Ask for a smaller one.", billed=True)


def _small(picture: Image.Image) -> bytes:
    picture = picture.convert("RGB")
    picture.thumbnail((512, 512))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _usage(told: Any) -> Usage | None:
    """The tokens that are charged; None where the service told none, or nonsense."""
    if not isinstance(told, dict):
        return None
    details = told.get("input_tokens_details")
    parts = details if isinstance(details, dict) else {}
    given, made = told.get("input_tokens") or 0, told.get("output_tokens")
    images = parts.get("image_tokens") or 0
    texts = parts.get("text_tokens", given)
    counts = [count for count in (texts, images, made) if isinstance(count, int) and count >= 0]
    return Usage(*counts) if len(counts) == 3 else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
