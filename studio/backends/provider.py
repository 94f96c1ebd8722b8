"""Asks a hosted model for pictures in the language of its provider, and reads what comes, which is never trusted."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from io import BytesIO
from itertools import groupby
from threading import Event

from PIL import Image, UnidentifiedImageError
from pydantic import SecretStr

from studio.backends.base import NOBODYS, Backend, Rendered, Report, Turn, Wanted, always
from studio.errors import AnswerNotPicture, AnswerTooLarge, HostedError, InvalidRecipe
from studio.events import Preview
from studio.hosted.faults import malformed
from studio.hosted.models import HostedEndpoint
from studio.hosted.providers.base import Answer, Call
from studio.inputs import MOST_PIXELS, InputStore
from studio.recipe import ResolvedRecipe
from studio.safe_fetch import MOST_BYTES

FORMATS = ("PNG", "JPEG", "WEBP")
TRIES = 3
# A longer wait than this is the creator's to decide.
MOST_WAIT_SECONDS = 60
LOOK_SIDE = 512


class ProviderBackend(Backend):
    """One hosted model with one person's key. Equal recipes but for their seeds are asked for in one call.

    `settings` are of the model's own; `key` is sent to its host and nowhere else. `idempotency` names what is made, so
    that a service that knows it does not charge twice. `looks` is how many partial images are asked for, where the
    model has them; each is charged. `pause` waits for so many seconds between two tries and tells whether nobody waits
    for the answer any more. An answer may have at most `most_bytes`.
    """

    def __init__(
        self,
        endpoint: HostedEndpoint,
        key: SecretStr | None,
        inputs: InputStore,
        *,
        settings: Mapping[str, str] | None = None,
        idempotency: str = "",
        looks: int = 0,
        pause: Callable[[float], bool] | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.endpoint = endpoint
        self.settings = endpoint.model.chosen(settings or {})
        self._key = key
        self._inputs = inputs
        self._idempotency = idempotency
        self._looks = looks
        self._pause = pause or Event().wait
        self._most_bytes = most_bytes

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        """As the contract says; HostedError whose class says why there is nothing."""
        del turn
        for _, same in groupby(enumerate(recipes), lambda pair: self._request_of(pair[1])):
            numbered = list(same)
            most = self.endpoint.model.most_images
            for start in range(0, len(numbered), most):
                if numbered[start][0] and not wanted():
                    return
                yield from self._made(numbered[start : start + most], report)

    def warm(self, model: str) -> None:
        """Nothing: it is somebody else's machine."""

    def describe(self) -> str:
        return f"{self.endpoint.label}, hosted"

    def close(self) -> None:
        """Nothing is held between calls."""

    def _request_of(self, recipe: ResolvedRecipe) -> ResolvedRecipe:
        """The recipe as the service is told it: without the seed, where it knows none."""
        return recipe if "seed" in self.endpoint.model.takes else recipe.changed(seed=0)

    def _made(self, numbered: list[tuple[int, ResolvedRecipe]], report: Report) -> Iterator[Rendered]:
        if self.endpoint.provider.library:
            import_module(self.endpoint.provider.library)
        begun = time.monotonic()
        index, recipe = numbered[0]
        answer = self._answered(self._call(recipe, len(numbered), lambda jpeg: report(Preview(index, jpeg))))
        if len(answer.pictures) != len(numbered):
            raise malformed(f"{len(answer.pictures)} of {len(numbered)} pictures arrived.")
        pictures = [self._opened(one.picture) for one in answer.pictures]
        facts = self._facts(answer, len(pictures))
        seconds = (time.monotonic() - begun) / len(pictures)
        for (place, own), picture, one in zip(numbered, pictures, answer.pictures, strict=True):
            all_facts = {**facts, "revised prompt": one.revised} if one.revised else facts
            yield Rendered(place, picture, seconds, all_facts, own)

    def _call(self, recipe: ResolvedRecipe, count: int, show: Callable[[bytes], None]) -> Call:
        def look(picture: bytes) -> None:
            with suppress(HostedError):
                show(_small(self._opened(picture)))

        if recipe.init_image and ("mask" if recipe.mask.image else "edit") not in self.endpoint.model.abilities:
            cure = "Leave the picture out, or choose another model."
            raise InvalidRecipe("model", f"{self.endpoint.model.name} cannot change a picture.", cure)
        given, mask = (self._stored(one) for one in (recipe.init_image, recipe.mask.image))
        return Call(
            self.endpoint,
            self._key,
            recipe,
            self.settings,
            count,
            given,
            mask,
            self._idempotency,
            self._looks,
            look,
            self._most_bytes,
        )

    def _stored(self, picture: str | None) -> bytes | None:
        return self._inputs.path(picture).read_bytes() if picture else None

    def _answered(self, call: Call) -> Answer:
        """The answer; asked again only where nothing can have been charged."""
        for last in (*[False] * (TRIES - 1), True):
            try:
                return self.endpoint.provider.ask(call)
            except HostedError as error:
                wait = error.wait_seconds
                if last or wait is None or wait > MOST_WAIT_SECONDS or self._pause(wait):
                    raise
        raise AssertionError

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
            raise AnswerNotPicture("What arrived is not a PNG, JPEG or WebP.", "Try again.", billed=True) from error
        except (OSError, SyntaxError, ValueError, TypeError, LookupError) as error:
            raise AnswerNotPicture("The picture that arrived is damaged.", "Try again.", billed=True) from error

    def _facts(self, answer: Answer, images: int) -> dict[str, str]:
        """How an image was made and what it did cost."""
        cost = self.endpoint.cost(self.settings, answer.usage, images)
        return {
            "hosted by": self.endpoint.host_name,
            "hosted model": self.endpoint.sent,
            **self.settings,
            **answer.facts,
            **({} if cost is None else {"cost_usd": f"{cost / images:.6f}"}),
        }


def _too_many_pixels() -> HostedError:
    most = f"the limit is {MOST_PIXELS / 1e6:.0f} megapixels."
    return AnswerTooLarge(f"The picture is too large: {most}", "Ask for a smaller one.", billed=True)


def _small(picture: Image.Image) -> bytes:
    picture = picture.convert("RGB")
    picture.thumbnail((LOOK_SIDE, LOOK_SIDE))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
