"""The contract of a backend: recipes go down, images and events come up."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL.Image import Image

from studio.errors import InvalidRecipe, UnsupportedModel
from studio.events import Event
from studio.hub import Say, silent
from studio.inputs import Input
from studio.metrics import METRICS
from studio.metrics.base import Sample, Score
from studio.openpose import Person
from studio.racing import Race
from studio.recipe import ControlUnit, Recipe, ResolvedRecipe

# Called with what happened; raises Cancelled where the job was stopped.
Report = Callable[[Event], None]
# Called between batches: False stops after the images that are made.
Wanted = Callable[[], bool]


def always() -> bool:
    """Make everything in one call."""
    return True


def never() -> bool:
    """It is wanted to its end."""
    return False


@dataclass(frozen=True)
class Turn:
    """Whose images these are, and how they stand among others where several are made at a time.

    Of an `owner`'s own, those of `rank` 0 come first; what is in the `background` comes when nothing else waits.
    `over` says whether nobody wants them any more: what waits for its step is told so at once. With `each_step`, what
    each step predicts is wanted, too. With a `race`, those that fall behind are dropped, which `report` is told.
    """

    owner: str = ""
    rank: int = 0
    background: bool = False
    over: Callable[[], bool] = never
    each_step: bool = False
    race: Race | None = None


# Of whoever asks a backend without a queue.
NOBODYS = Turn()


@dataclass(frozen=True)
class Rendered:
    """Image `index` of a job: RGB pixels, the seconds it took, and what is worth knowing about how it was made.

    `facts` are texts, and values of JSON where a text would not do. `recipe` is stored with the image; None where it is
    the requested one. `frames` are the pictures that each step predicted, where they were wanted.
    """

    index: int
    image: Image
    seconds: float
    facts: Mapping[str, Any]
    recipe: Recipe | None = None
    frames: Sequence[Image] = ()


@dataclass(frozen=True)
class Held:
    """Something that stays loaded: what it is, its bytes on the device and beside it in RAM, and how it got there."""

    kind: str
    name: str
    device_bytes: int
    ram_bytes: int = 0
    in_use: bool = False
    how: str = ""


@dataclass(frozen=True)
class MemoryUse:
    """Bytes of the device and, where that has memory of its own, of the computer; and what is loaded.

    Of `device_bytes`, others than the studio may hold some, too.
    """

    device: str
    device_bytes: int
    device_free: int
    held: tuple[Held, ...] = ()
    ram_bytes: int | None = None
    ram_free: int | None = None


class Backend(ABC):
    """Renders recipes with nothing left open: at most `most` of a job in one call, and so many calls `side_by_side`."""

    most: int | None = None
    side_by_side: int = 1
    # Whether it races what it is told to.
    races: bool = False

    @property
    def devices(self) -> Sequence["Backend"]:
        """The backends of its devices, each of which makes pictures by itself."""
        return (self,)

    def alone(self, recipe: ResolvedRecipe) -> bool:
        """Whether a call is made for this recipe by itself, as it shares steps with other calls, or has to be alone."""
        del recipe
        return False

    @abstractmethod
    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        """Yield the image of each recipe, as they are done.

        `recipes` are of one job, whose `turn` it is, each with its own seed. `report` is called after each step.
        Where `wanted` returns False between two batches, the rest is left for another call.
        Raises StudioError with its cure; whatever ends it, the device is free afterwards.
        """

    @abstractmethod
    def warm(self, model: str) -> None:
        """Load `model` ahead of the first job; may be called from another thread."""

    def control_map(self, unit: ControlUnit, model: str, say: Say = silent) -> Input:
        """The stored map that a picture by `model` would follow for this unit; InvalidRecipe, ModelError.

        `say` is called while weights are downloaded.
        """
        del model, say
        raise InvalidRecipe(
            "controls", f"Maps of the kind “{unit.kind}” cannot be made here.", "Give a ready-made map."
        )

    def people(self, unit: ControlUnit, model: str, say: Say = silent) -> list[Person]:
        """The people that a pose unit finds in its picture, in the picture's pixels; arguments and errors likewise."""
        del unit, model, say
        raise InvalidRecipe("controls", "People cannot be found in pictures here.", "Place a pose by hand.")

    def measure(self, metric: str, samples: Sequence[Sample], *, starter: bool) -> list[Score]:
        """What a metric that runs a network says of each picture; `starter`: all of them are the starter's.

        Raises ModelError where weights are missing, DeviceError where memory does not suffice.
        """
        del samples, starter
        raise UnsupportedModel(f"{METRICS[metric].label} cannot be measured here.", "Rank by the other metrics.")

    def classify(self, image: Image) -> Mapping[str, float]:
        """How sure the classifier of the output check is of each of its classes; StudioError where it cannot look."""
        del image
        raise UnsupportedModel("This studio has no classifier to look at pictures with.", "Set output_check to off.")

    def unload(self, model: str) -> bool:
        """Unload a model's weights; False where they are in use right now."""
        del model
        return True

    def memory_use(self) -> MemoryUse | None:
        """Where memory went; None where that is not known."""
        return None

    def free_memory(self) -> int:
        """Unload everything; returns the bytes that it took. InUse where something is being made."""
        return 0

    @abstractmethod
    def describe(self) -> str:
        """Device and memory policy in one line for the page, such as "NVIDIA A10, 6.1 of 24 GB used"."""

    @abstractmethod
    def close(self) -> None:
        """Give back the device and all memory."""
