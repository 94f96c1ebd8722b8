"""The contract of a backend: recipes go down, images and events come up."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from studio.events import Event
from studio.recipe import Recipe

# Called with what happened; raises Cancelled where the job was stopped.
Report = Callable[[Event], None]


@dataclass(frozen=True)
class Rendered:
    """Image `index` of a job: RGB pixels, the seconds it took, and what is worth knowing about how it was made."""

    index: int
    image: Image
    seconds: float
    facts: Mapping[str, str]


class Backend(ABC):
    """Renders settled recipes; one job at a time."""

    @abstractmethod
    def generate(self, recipes: Sequence[Recipe], report: Report) -> Iterator[Rendered]:
        """Yield the image of each recipe, as they are done.

        `recipes` are settled, of one job, each with its own seed and `count` 1. `report` is called after each step.
        Raises StudioError with its cure; whatever ends it, the device is free afterwards.
        """

    @abstractmethod
    def warm(self, model: str) -> None:
        """Make ready for `model` ahead of the first job; may be called from another thread."""

    @abstractmethod
    def describe(self) -> str:
        """Device and memory policy in one line for the page, such as "NVIDIA A10, 6.1 of 24 GB used"."""

    @abstractmethod
    def close(self) -> None:
        """Give back the device and all memory."""
