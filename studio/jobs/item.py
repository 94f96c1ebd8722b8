"""One item of a job: a resolved recipe for one image."""

from dataclasses import dataclass
from typing import Literal

from studio.events import Dropped, Failed
from studio.recipe import ResolvedRecipe

State = Literal["waiting", "running", "done", "stopped", "failed", "dropped"]
OPEN: tuple[State, ...] = ("waiting", "running")
# The lane of this machine's device.
DEVICE = "device"


@dataclass(eq=False)
class QueueItem:
    """Item `number` of its job. `lane` is who makes it; `attempts` counts how often that was begun.

    `fault` says why it failed, `fell` where it fell behind in a race, `not_continued` why what was to follow it
    cannot be done. `alone`: it is made by itself, since an attempt beside others came to no good end. `keeping`: it is
    made and being stored, and not stopped any more.
    """

    number: int
    recipe: ResolvedRecipe
    lane: str = DEVICE
    state: State = "waiting"
    attempts: int = 0
    fault: Failed | None = None
    fell: Dropped | None = None
    not_continued: Failed | None = None
    alone: bool = False
    keeping: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it still has to be rendered."""
        return self.state in OPEN
