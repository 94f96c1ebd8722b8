"""The contract of a control: from a picture to the map that a ControlNet follows, at the same size."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.catalogue.preprocessors import Weights
from studio.errors import InvalidRecipe
from studio.settings import Settings
from studio.suggestions import near

T = TypeVar("T")
Value = float | int | str
# Longer pictures are squeezed: the networks were never trained on such, and would fill the memory.
MOST_ASPECT = 4


class Load(Protocol):
    """Loads a network onto the device by `loader`, cached under `key` while memory allows.

    `what` names it in error messages.
    """

    def __call__(self, key: str, what: str, loader: Callable[[], T]) -> T: ...


def load_anew(key: str, what: str, loader: Callable[[], T]) -> T:
    """Load without a cache."""
    del key, what
    return loader()


@dataclass(frozen=True)
class EstimatorContext:
    """What an estimator of maps, or a metric, runs in.

    `load` keeps networks within a budget, `device` is where they run. `starter` says that the picture is for the
    embedded model, whose own estimators know its world and no other.
    """

    settings: Settings
    starter: bool = False
    device: str = "cpu"
    load: Load = load_anew

    def estimator(self, wanted: str, known: Mapping[str, Weights]) -> str:
        """What "auto" means here: the starter's own for its world, else the first of `known` that is on this disk.

        Where none is, it is the first.
        """
        if wanted != "auto":
            return wanted
        if self.starter:
            return "starter"
        here = (name for name, weights in known.items() if weights.present(self.settings))
        return next(here, next(iter(known)))


@dataclass(frozen=True)
class Option:
    """A control's own setting: a whole number, a number or one of `choices`, as its default is.

    `words` are what the choices are called where that is not simply their value.
    """

    name: str
    label: str
    help: str
    default: Value
    minimum: float = 0
    maximum: float = 1
    step: float = 1
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def check(self, value: Any) -> Value | None:
        """The value itself; None where it is not valid."""
        if self.choices:
            return str(value) if value in self.choices else None
        whole = isinstance(self.default, int)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and self.minimum <= value <= self.maximum and (not whole or value == int(value))):
            return None
        return int(value) if whole else float(value)

    @property
    def allowed(self) -> str:
        """The valid values, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{kind} from {self.minimum:g} to {self.maximum:g}"


def estimator_words(known: Mapping[str, Weights]) -> tuple[str, ...]:
    """What the choices of an estimator are called: that of the page's own accord, the starter's, and the known ones."""
    return ("Automatic", "The starter's own", *(weights.name for weights in known.values()))


class Control(ABC):
    """One control; the name of its file is the kind that recipes ask for.

    `needs` are the weights of its estimators that do not come with the studio. `nothing` is the message for a map that
    is all black, which controls nothing; None where a black map is valid.
    """

    label: str
    help: str
    options: tuple[Option, ...] = ()
    needs: tuple[Weights, ...] = ()
    nothing: str | None = None

    def check(self, options: Mapping[str, Any]) -> dict[str, Value]:
        """Every option with its value; InvalidRecipe on `controls` for one that is unknown or not valid."""
        known = {option.name: option for option in self.options}
        stray = next((name for name in options if name not in known), None)
        if stray is not None:
            fault = f"{self.label} has no option {stray!r}."
            raise InvalidRecipe("controls", fault, near(stray, known, "It has none."))
        filled = {}
        for name, option in known.items():
            value = option.check(options.get(name, option.default))
            if value is None:
                fault = f"{self.label}: {option.label} cannot be {options[name]!r}."
                raise InvalidRecipe("controls", fault, f"It is {option.allowed}.")
            filled[name] = value
        return filled

    def wants(self, options: Mapping[str, Any], context: EstimatorContext) -> Weights | None:
        """The weights that a map by these options is made with here; None where it takes none but our own."""
        del options, context
        return None

    def map(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        """The map of an RGB picture, RGB and of the same size.

        Raises InvalidRecipe where an option is not valid or nothing is found, ModelError where weights are missing or
        refused.
        """
        made = self.draw(image, self.check(options), context)
        if self.nothing and not made.getbbox():
            raise InvalidRecipe("controls", self.nothing, "Choose another picture or other settings, or draw the map.")
        return made

    @abstractmethod
    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        """The map, by options that are checked and complete."""


def as_picture(levels: NDArray[Any]) -> Image.Image:
    """An RGB picture of levels (height, width), 0 to 255."""
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8)).convert("RGB")


def as_seen(image: Image.Image, side: int, multiple: int = 1) -> Image.Image:
    """The picture as a network sees it: its shorter side `side` pixels long, both sides multiples of `multiple`."""
    shortest = min(image.size)
    sides = (side * min(MOST_ASPECT, length / shortest) for length in image.size)
    width, height = (max(multiple, round(length / multiple) * multiple) for length in sides)
    return image.resize((width, height), Image.Resampling.BICUBIC)
