"""The safety layer around whatever makes pictures: each finished one is looked at, withheld or marked, before it is
stored. What each part found goes into the job's events and into the picture's file.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, get_args

from PIL import Image

from studio.errors import PromptRefused, StudioError
from studio.events import Check, Checked, Verdict
from studio.recipe import Recipe
from studio.safety import watermark
from studio.safety.card import blurred_jpeg, card
from studio.safety.prompts import PromptFilter
from studio.settings import Settings, Strictness

# How sure the classifier is of each of its classes, from 0 to 1; StudioError where it cannot look.
Classify = Callable[[Image.Image], Mapping[str, float]]

# What the file of a picture says by these names: what came of it on the whole and why, its watermark, and what the
# model's own checker said where it has one.
SAFETY, NOTE, WATERMARK, OWN_CHECK = "safety", "safety note", "watermark", "output check"
ORDER: tuple[Verdict, ...] = ("passed", "failed", "flagged", "withheld")
# The classes that are not fit for all; the one called sexy is a swimsuit, too.
UNSAFE = ("porn", "hentai")
OWN = "The model's own checker flagged it."
TOO_SMALL = f"It is too small for the watermark, which needs {min(watermark.BANDS)} pixels at each side."
LOST = "The watermark cannot be read in it."
ELSE = "Another seed or other words may pass."
OTHER_WORDS = "Rephrase it, or ask the studio's operator."
# Of a recipe, what says how its last bits come about: a picture that is made again has the watermark of the first.
HOW = ("numerics", "buckets")


@dataclass(frozen=True, eq=False)
class SafeImage:
    """A picture as it may be stored, what is to be written beside its recipe, and what each part said of it."""

    image: Image.Image
    facts: Mapping[str, str] = field(default_factory=dict)
    verdicts: tuple[Checked, ...] = ()

    @property
    def is_withheld(self) -> bool:
        """Whether a card stands for it."""
        return any(one.verdict == "withheld" for one in self.verdicts)


@dataclass(frozen=True, eq=False)
class _Made:
    """A picture that was made: of what recipe, how, as image `number` of a job, stored as `picture`."""

    recipe: Recipe
    facts: Mapping[str, Any]
    number: int
    picture: str


@dataclass(frozen=True, eq=False)
class _Found:
    """What a part says of a picture, and what it made of it."""

    verdict: Verdict
    note: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    image: Image.Image | None = None


class Safety:
    """What a studio of these settings does with each picture; `classify` runs the classifier of the output check."""

    def __init__(self, settings: Settings, prompts: PromptFilter, classify: Classify) -> None:
        self._settings = settings
        self._prompts = prompts
        self._classify = classify
        parts: dict[Check, tuple[Strictness, Callable[[Image.Image, _Made], _Found]]] = {
            "prompt": (settings.prompt_filter, self._read),
            "output": (settings.output_check, self._look),
            "watermark": (settings.watermark, self._mark),
            "provenance": (settings.provenance, self._declare),
        }
        self._parts = {check: part for check, part in parts.items() if part[0] != "off"}

    @property
    def hides_previews(self) -> bool:
        """Whether nothing at all is shown before it is checked."""
        return self._settings.output_check == "strict"

    def look(self, jpeg: bytes, recipe: Recipe) -> bytes:
        """A look at a picture that is still being made, as it may be shown: no more of it than a flagged one shows.

        Whole where nothing could come to be flagged, blurred where it could, empty where it could be withheld.
        """
        strictness = self.strictness(recipe)
        if strictness == "off":
            return jpeg
        return blurred_jpeg(jpeg) if strictness == "on" else b""

    def strictness(self, recipe: Recipe) -> Strictness:
        """That of the strictest part that may still take offence at the picture of this recipe."""
        return max(self._settings.output_check, self._noted(recipe.prompt), key=get_args(Strictness).index)

    def check_prompts(self, recipes: Iterable[Recipe]) -> None:
        """PromptRefused where the prompt filter is strict and takes offence at a prompt of these."""
        if self._settings.prompt_filter == "strict":
            for prompt in dict.fromkeys(recipe.prompt for recipe in recipes):
                if reason := self._prompts.reason(prompt):
                    raise PromptRefused(
                        "prompt", f"This studio does not make pictures of this prompt: {reason}", OTHER_WORDS
                    )

    def finish(
        self, image: Image.Image, recipe: Recipe, facts: Mapping[str, Any], *, number: int, picture: str
    ) -> SafeImage:
        """Image `number` of a job as it may be stored under the id `picture`; `facts` are on how it was made.

        What cannot be checked is withheld where that is strict, else it says so.
        """
        made, safe = _Made(recipe, facts, number, picture), SafeImage(image)
        for check in self._parts:
            if not safe.is_withheld:
                safe = self._after(check, safe, made)
        return safe

    def _noted(self, prompt: str) -> Strictness:
        """How strict the prompt filter is where it takes offence at a prompt, or cannot be asked; else off."""
        if self._settings.prompt_filter == "off":
            return "off"
        try:
            return self._settings.prompt_filter if self._prompts.reason(prompt) else "off"
        except StudioError:
            return self._settings.prompt_filter

    def _after(self, check: Check, safe: SafeImage, made: _Made) -> SafeImage:
        """The picture after one more part."""
        strictness, part = self._parts[check]
        begun = time.perf_counter()
        found = part(safe.image, made)
        seconds = round(time.perf_counter() - begun, 4)
        withheld = strictness == "strict" and found.verdict != "passed"
        verdict: Verdict = "withheld" if withheld else found.verdict
        facts = {**safe.facts, **found.facts}
        # A picture without a watermark is no worse for it, unless it is withheld.
        if check in ("prompt", "output") or withheld:
            worse = ORDER.index(verdict) > ORDER.index(safe.facts.get(SAFETY, "passed"))
            facts |= {SAFETY: verdict, NOTE: found.note} if worse else {SAFETY: safe.facts.get(SAFETY, verdict)}
        image = card(safe.image.size, f"Withheld. {found.note} {ELSE}") if withheld else found.image or safe.image
        return SafeImage(image, facts, (*safe.verdicts, Checked(made.number, check, verdict, found.note, seconds)))

    def _read(self, image: Image.Image, made: _Made) -> _Found:
        """What the prompt filter says of the words."""
        del image
        reason = self._prompts.reason(made.recipe.prompt)
        return _Found("flagged", f"The prompt filter noted: {reason}") if reason else _Found("passed")

    def _look(self, image: Image.Image, made: _Made) -> _Found:
        """What the model's own checker and the classifier say of the picture: one of them is enough."""
        if made.facts.get(OWN_CHECK, "passed") != "passed":
            return _Found("flagged", OWN)
        try:
            shares = self._classify(image)
        except StudioError as error:
            return _Found("failed", f"It could not be checked. {error.sentence}")
        unsafe = sum(shares[name] for name in UNSAFE)
        if unsafe < self._settings.output_threshold:
            return _Found("passed")
        return _Found("flagged", f"The output check flagged it: not fit for all by {unsafe:.0%}.")

    def _mark(self, image: Image.Image, made: _Made) -> _Found:
        """The picture with its watermark, which is read again at once where that is strict."""
        if not watermark.fits(image.size):
            return _Found("failed", TOO_SMALL)
        id_ = watermark_of(made.recipe, made.picture)
        marked = watermark.put(image, id_)
        if self._settings.watermark == "strict":
            found = watermark.find(marked)
            if found is None or found.id != id_:
                return _Found("failed", LOST)
        return _Found("passed", f"Watermark {id_}.", {WATERMARK: id_}, marked)

    def _declare(self, image: Image.Image, made: _Made) -> _Found:
        """What its file will say of where it comes from."""
        del image, made
        signed = self._settings.provenance == "strict"
        return _Found("passed", f"Its file says that an algorithm made it{', signed' if signed else ''}.")


def verdict_of(facts: Mapping[str, Any]) -> Verdict | None:
    """What came of the picture whose file tells this; None where nobody looked."""
    return next((verdict for verdict in ORDER if verdict == facts.get(SAFETY)), None)


def is_withheld(facts: Mapping[str, Any]) -> bool:
    """Whether a card stands for the picture whose file tells this."""
    return facts.get(SAFETY) == "withheld"


def is_blurred(facts: Mapping[str, Any]) -> bool:
    """Whether the picture whose file tells this is shown blurred until it is opened."""
    return facts.get(SAFETY) in ("flagged", "failed")


def watermark_of(recipe: Recipe, picture: str) -> str:
    """The id in the watermark of a recipe's picture: the same each time it is made, unless it has no seed.

    `picture` is the id that it is stored under.
    """
    values = json.loads(recipe.without_maps().to_json())
    key = {name: value for name, value in values.items() if name not in HOW}
    unique = "" if recipe.seed is not None else picture
    return sha256(json.dumps([key, unique], sort_keys=True).encode()).hexdigest()[: watermark.ID_DIGITS]
