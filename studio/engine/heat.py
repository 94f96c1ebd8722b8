"""Pictures that are raced: all are looked at after so many steps, and those that are behind are made no further."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from studio.backends.base import Report
from studio.engine.preview import QUALITY, SIDE
from studio.errors import Cancelled
from studio.events import Dropped
from studio.metrics.base import Sample
from studio.racing import Round
from studio.recipe import Recipe

# Scores pictures against one another, from 0 to 1 each.
Score = Callable[[Sequence[Sample]], Sequence[float]]
# Leaves a picture until this is done, while others go on.
Wait = Callable[["Future[set[int]]"], object]


class Behind(Cancelled):
    """The picture has fallen behind, and ends here."""


@dataclass(frozen=True)
class Arrival:
    """Where a picture is: what it is heading for after `step` of `steps`, or as a `draft` of so many."""

    sample: Sample
    step: int
    steps: int
    draft: bool = False


class Heat:
    """The pictures of one race, by their numbers in the call; all of it happens on the thread of their steps.

    `report` is told of those that are dropped; these are in `dropped` then.
    """

    def __init__(
        self, rounds: Sequence[Round], images: Sequence[int], score: Score, report: Report, wait: Wait
    ) -> None:
        self.dropped: set[int] = set()
        self.is_over = False
        self._rounds = list(rounds)
        self._running = set(images)
        self._score = score
        self._report = report
        self._wait = wait
        self._arrived: dict[int, Arrival] = {}
        # Which go on from here.
        self._best: Future[set[int]] = Future()

    def is_due(self, share: float) -> bool:
        """Whether pictures are looked at after this share of their steps; behind the last there is nothing to spare."""
        return bool(self._rounds) and 0 < self._rounds[0].share <= share + 1e-6 < 1

    @property
    def drafts(self) -> bool:
        """Whether they are drafts now."""
        return bool(self._rounds) and not self._rounds[0].share

    def arrive(self, image: int, arrival: Arrival) -> None:
        """Wait until all are here; raises Behind where the image does not go on, Cancelled where none does."""
        best = self._best
        self._arrived[image] = arrival
        self._decide()
        self._wait(best)
        if image not in best.result():
            raise Behind

    def leave(self, image: int) -> None:
        """It has come to an end: nobody waits for it any more."""
        self._running.discard(image)
        self._arrived.pop(image, None)
        self._decide()

    def end(self) -> None:
        """None goes on."""
        self.is_over = True
        self._running.clear()
        if not self._best.done():
            self._best.set_exception(Cancelled())

    def _decide(self) -> None:
        if self.is_over or not self._arrived or self._running - self._arrived.keys():
            return
        best, self._best = self._best, Future()
        arrived, self._arrived = self._arrived, {}
        try:
            best.set_result(self._chosen(arrived, self._rounds.pop(0).keep))
        except BaseException as error:  # noqa: BLE001 - each of them ends with it
            best.set_exception(error)

    def _chosen(self, arrived: Mapping[int, Arrival], keep: int) -> set[int]:
        """The best of these images; it is told of the others that they are dropped."""
        if len(arrived) <= keep:
            return set(arrived)
        found = self._score([one.sample for one in arrived.values()])
        scores = dict(zip(arrived, found, strict=True))
        first, *_ = order = sorted(arrived, key=lambda image: -scores[image])
        for image in order[keep:]:
            one = arrived[image]
            self._running.discard(image)
            self.dropped.add(image)
            look = _jpeg(one.sample.image)
            self._report(Dropped(image, one.step, one.steps, scores[image], scores[first], look, one.draft))
        return set(order[:keep])


@dataclass(frozen=True)
class Runner:
    """One picture of a heat, to whoever denoises it: a `Racer`."""

    heat: Heat
    image: int
    recipe: Recipe

    def is_due(self, share: float) -> bool:
        """Whether it is looked at after this share (0 to 1) of its steps."""
        return self.heat.is_due(share)

    def arrive(self, predicted: Image.Image, step: int, steps: int) -> None:
        """What it is heading for; Behind where it ends here."""
        self.heat.arrive(self.image, Arrival(Sample(predicted, self.recipe), step, steps))


def _jpeg(picture: Image.Image) -> bytes:
    """A small copy, which is kept of what is dropped."""
    copy, target = picture.copy(), BytesIO()
    copy.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    copy.save(target, "JPEG", quality=QUALITY)
    return target.getvalue()
