"""What a job tells while it runs. Events are values; any number of readers follow them from any position.

A job's log is: Downloading*, then one or more times Queued*, Started, (Loading | Step | Preview | Checked | Finished |
ImageFailed | Dropped)*, as a long job lets those of others in between, NotContinued*, then exactly one end: Done,
Stopped or Failed.
Where the device is lost, Halted comes before the end; the job goes on after the studio's next start.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from studio.errors import Fault, InternalError, StudioError
from studio.recipe import Recipe

# The parts of the safety layer, and what one says of a picture.
Check = Literal["prompt", "output", "watermark", "provenance"]
Verdict = Literal["passed", "flagged", "withheld", "failed"]


@dataclass(frozen=True)
class Downloading:
    """Weights called `name` are on their way to this disk.

    `total_bytes` is 0 until the hub has answered, and while other downloads come first; `seconds_left` is None where
    that cannot be said yet.
    """

    name: str
    bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Queued:
    """Waiting; `position` counts the jobs that run before this one."""

    position: int


@dataclass(frozen=True)
class Halted:
    """The job waits for the studio to be started again; `message` says what is wrong with the device."""

    message: str
    hint: str = ""


@dataclass(frozen=True)
class Started:
    """The job has the device."""


@dataclass(frozen=True)
class Loading:
    """The model is on its way to the device; `what` is one plain sentence."""

    what: str


@dataclass(frozen=True)
class Step:
    """One denoising step of the images `images` (indices within the job) is done.

    An image that is made in `tiles` takes its `steps` tile by tile, as many for each; one where it is only enlarged.
    """

    images: tuple[int, ...]
    step: int
    steps: int
    seconds_left: float
    tiles: int = 1


@dataclass(frozen=True)
class Preview:
    """A look at image `image` as it stands; `jpeg` is a small encoded picture."""

    image: int
    jpeg: bytes


@dataclass(frozen=True)
class Checked:
    """A part of the safety layer is done with image `image`, which took so many `seconds`; `note` says why in words.

    What is "flagged" is kept and shown with care, "withheld" is given to nobody, "failed" could not be checked.
    """

    image: int
    check: Check
    verdict: Verdict
    note: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Finished:
    """Image `image` is in the library at `path`; `recipe` makes it again."""

    image: int
    path: Path
    recipe: Recipe
    seconds: float


@dataclass(frozen=True)
class Dropped:
    """Image `image` fell behind in a race and is not made to its end; `jpeg` is what it was heading for, or empty.

    After `step` of `steps`, or as a `draft` of so many, its score among those that were left was `score`, that of the
    best `best`, from 0 to 1.
    """

    image: int
    step: int
    steps: int
    score: float
    best: float
    jpeg: bytes = b""
    draft: bool = False

    @property
    def sentence(self) -> str:
        """Why, in one line."""
        where = f"as a draft of {self.step} steps" if self.draft else f"at step {self.step} of {self.steps}"
        return f"Dropped {where}: scored {self.score:.2f}, the best {self.best:.2f}"


@dataclass(frozen=True)
class Done:
    """Every image that could be made is in the library; `seconds` are those in which the job was at work."""

    seconds: float


@dataclass(frozen=True)
class Stopped:
    """The job was stopped; what had finished is kept."""


@dataclass(frozen=True)
class Failed:
    """The job ended in an error; `field`, `part` and `code` are the error's."""

    message: str
    hint: str = ""
    field: str | None = None
    part: int | None = None
    code: str = InternalError.code

    @classmethod
    def of(cls, error: StudioError) -> Self:
        """What an error says of the job that it ended."""
        return cls(error.message, error.hint, error.field, error.part, error.code)

    @property
    def sentence(self) -> str:
        """What happened and what helps, in one line."""
        return " ".join(f"{self.message} {self.hint}".split())

    def as_fault(self) -> Fault:
        """As an error tells it."""
        return Fault(code=self.code, message=self.message, hint=self.hint, field=self.field, part=self.part)


@dataclass(frozen=True)
class ImageFailed:
    """Image `image` cannot be made, as `fault` says; the others are."""

    image: int
    fault: Failed


@dataclass(frozen=True)
class NotContinued:
    """Image `image` is there, and the next step of its way cannot be done with it, as `fault` says.

    That is known when the job is over, and stands in the log before its end.
    """

    image: int
    fault: Failed


Event = (
    Downloading
    | Queued
    | Halted
    | Started
    | Loading
    | Step
    | Preview
    | Checked
    | Finished
    | ImageFailed
    | Dropped
    | NotContinued
    | Done
    | Stopped
    | Failed
)
END = (Done, Stopped, Failed)
