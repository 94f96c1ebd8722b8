"""An engine that ends while it makes pictures: each is tried again alone, and one that ends it always is given up."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

from studio.backends.base import NOBODYS, Rendered, Report, Turn, Wanted, always
from studio.errors import EngineEnded
from studio.events import Done, Failed, ImageFailed, Step, Stopped
from studio.jobs.outcomes import ATTEMPTS
from studio.recipe import ResolvedRecipe
from tests.drawer import Drawer, picture, resolved
from tests.jobs.place import Place, end_of, wait_for
from tests.people import who

ENDED = EngineEnded("The engine broke down (SIGSEGV).", "Try again.")


def test_a_picture_that_ends_the_engine_again_and_again_is_given_up_and_the_others_are_made(place: Place) -> None:
    drawer = Drawer(faults={"deadly": ENDED})
    with closing(place.queue(drawer)) as queue:
        job = queue.submit([resolved("deadly"), resolved("a"), resolved("b")], who("ann"), kind="grid")
        assert isinstance(end_of(job), Done)
        other = queue.submit([resolved("c")], who("ann"))
        assert isinstance(end_of(other), Done)
    (fault,) = [event for event in job.events if isinstance(event, ImageFailed)]
    assert (fault.image, f"ended {ATTEMPTS} times" in fault.fault.message) == (0, True)
    assert drawer.drawn == ["a/1", "b/1", "c/1"]


def test_what_was_tried_in_vain_counts_over_a_restart(place: Place) -> None:
    once = EndsTwice(rest=threading.Event())
    with closing(place.queue(once)) as queue:
        job = queue.submit([resolved("deadly")], who("ann"), kind="grid")
        assert once.resting.wait(60)
        queue.pause(job.id, who("ann"))
        closer = threading.Thread(target=queue.close)
        closer.start()
        once.rest.set()
        closer.join()
    with closing(place.queue(Drawer(faults={"deadly": ENDED}))) as queue:
        again = queue.get(job.id, who("ann"))
        queue.pause(job.id, who("ann"), paused=False)
        assert isinstance(end_of(again), Failed)
        assert again.items[0].attempts == ATTEMPTS


class EndsTwice(Drawer):
    """Has ended twice, and is at it a third time until it may go on."""

    def __init__(self, rest: threading.Event) -> None:
        super().__init__()
        self.calls, self.rest, self.resting = 0, rest, threading.Event()

    def _draw(self, index: int, recipe: ResolvedRecipe, report: Report) -> Rendered:
        self.calls += 1
        if self.calls < ATTEMPTS:
            raise ENDED
        self.resting.set()
        self.rest.wait()
        report(Step((index,), 1, 2, 0.0))
        return super()._draw(index, recipe, report)


def test_a_job_that_was_stopped_is_not_tried_again(place: Place) -> None:
    drawer = Drawer(gated=True, faults={"deadly": ENDED})
    with closing(place.queue(drawer)) as queue:
        drawer.faults = {}
        job = queue.submit([resolved("deadly")], who("ann"))
        drawer.allow(1)
        wait_for(job, Step)
        job.stopping.set()
        drawer.faults = {"deadly": ENDED}
        drawer.allow(100)
        assert end_of(job) == Stopped()


class Shared(Drawer):
    """Two calls at a time; the first two end with the engine, and later so does what is deadly with all beside it."""

    side_by_side = 2

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.barrier = threading.Lock(), threading.Barrier(2)
        self.inside: list[str] = []
        self.beside: list[int] = []

    def alone(self, recipe: ResolvedRecipe) -> bool:
        del recipe
        return True

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        del report, wanted, turn
        (recipe,) = recipes
        with self.lock:
            self.inside.append(recipe.prompt)
            self.beside.append(len(self.inside))
            is_first = len(self.beside) <= 2
        try:
            if is_first:
                self.barrier.wait()
            if is_first or "deadly" in self.inside:
                raise ENDED
            yield Rendered(0, picture(recipe), 0.25, {})
        finally:
            with self.lock:
                self.inside.remove(recipe.prompt)


def test_what_was_beside_it_is_tried_again_with_nothing_beside_it(place: Place) -> None:
    backend = Shared()
    with closing(place.queue(backend)) as queue:
        jobs = [queue.submit([resolved(prompt)], who(prompt)) for prompt in ("deadly", "ann")]
        ends = [type(end_of(job)) for job in jobs]
    assert ends == [Failed, Done]
    assert set(backend.beside[2:]) == {1}
