"""Several devices, each a lane that takes from one queue."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from studio.backends.base import NOBODYS, Backend, Rendered, Report, Turn, Wanted, always
from studio.backends.devices import Devices
from studio.backends.devices import _seen as seen
from studio.catalogue.models import Catalogue
from studio.errors import DeviceLost, InUse, InvalidSetting
from studio.events import Done, Halted, Started
from studio.recipe import ResolvedRecipe
from studio.settings import Settings
from tests.drawer import Drawer, resolved
from tests.jobs.place import Place, end_of, wait_for
from tests.people import who

LOST = DeviceLost("CUDA failed: it was reset.", "Start the studio again.")


class Together(Drawer):
    """Draws nothing before as many are drawn at a time as the barrier has room for."""

    def __init__(self, barrier: threading.Barrier | None = None) -> None:
        super().__init__()
        self.barrier = barrier

    def _draw(self, index: int, recipe: ResolvedRecipe, report: Report) -> Rendered:
        if self.barrier:
            self.barrier.wait()
        return super()._draw(index, recipe, report)


def of(*backends: Backend) -> Devices:
    return Devices({f"device {number}": one for number, one in enumerate(backends)})


def by(model: str, seed: int) -> ResolvedRecipe:
    return resolved(model, seed, steps=1).model_copy(update={"model": model})


def test_the_pictures_of_one_job_go_to_all_devices(place: Place) -> None:
    barrier = threading.Barrier(2)
    devices = [Together(barrier), Together(barrier)]
    with closing(place.queue(of(*devices))) as queue:
        job = queue.submit([resolved("a", seed) for seed in range(8)], who("ann"))
        assert isinstance(end_of(job), Done)
        assert sorted(event.image for event in job.results) == list(range(8))
    assert [len(one.drawn) for one in devices] == [4, 4]


def test_a_device_that_left_a_picture_to_another_makes_the_next_one(place: Place) -> None:
    devices, barrier = [Together(), Together()], threading.Barrier(2)
    with closing(place.queue(of(*devices))) as queue:
        assert isinstance(end_of(queue.submit([resolved("a")], who("ann"))), Done)
        for one in devices:
            one.barrier = barrier
        assert isinstance(end_of(queue.submit([resolved("a", seed) for seed in (2, 3)], who("ann"))), Done)
    assert sorted(len(one.drawn) for one in devices) == [1, 2]


class Several(Drawer):
    """Room for several calls; each is made alone, and waits until it may go on."""

    side_by_side = 4

    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__()
        self.barrier = barrier

    def alone(self, recipe: ResolvedRecipe) -> bool:
        del recipe
        return True

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        del wanted, turn
        (recipe,) = recipes
        self.barrier.wait()
        yield self._draw(0, recipe, report)


def test_devices_with_room_for_several_have_as_many_each(place: Place) -> None:
    barrier = threading.Barrier(4)
    devices = [Several(barrier), Several(barrier)]
    with closing(place.queue(of(*devices))) as queue:
        job = queue.submit([resolved("a", seed) for seed in range(4)], who("ann"))
        assert isinstance(end_of(job), Done)
    assert [len(one.drawn) for one in devices] == [2, 2]


def test_what_is_free_and_has_the_model_at_hand_is_next(place: Place) -> None:
    devices = [Drawer(), Drawer()]
    with closing(place.queue(of(*devices))) as queue:
        for seed in range(5):
            for model in ("one", "other"):
                assert isinstance(end_of(queue.submit([by(model, seed)], who("ann"))), Done)
    of_one = next(one for one in devices if "one/0" in one.drawn)
    assert of_one.drawn == [f"one/{seed}" for seed in range(5)]
    assert sorted(map(len, (one.drawn for one in devices))) == [5, 5]


def test_nobody_waits_for_a_busy_device_while_another_is_free(place: Place) -> None:
    devices = [Drawer(gated=True), Drawer(gated=True)]
    with closing(place.queue(of(*devices))) as queue:
        jobs = [queue.submit([by("one", seed)], who("ann")) for seed in (1, 2)]
        for job in jobs:
            wait_for(job, Started)
        for one in devices:
            one.free()
        assert [type(end_of(job)) for job in jobs] == [Done, Done]
    assert [len(one.drawn) for one in devices] == [1, 1]


def test_where_one_device_is_lost_the_other_goes_on_and_where_both_are_all_wait(place: Place) -> None:
    sound, broken = Drawer(), Drawer(faults={"a": LOST})
    with closing(place.queue(of(broken, sound))) as queue:
        for seed in range(4):
            assert isinstance(end_of(queue.submit([resolved("a", seed)], who("ann"))), Done)
        assert queue.halted is None
        sound.faults = broken.faults = {"b": LOST}
        job = queue.submit([resolved("b")], who("ann"))
        wait_for(job, Halted)
        assert queue.halted is LOST
    assert len(sound.drawn) + len(broken.drawn) == 4


def test_memory_is_freed_wherever_nothing_is_made() -> None:
    free, busy = Freeing(7), Freeing(None)
    assert of(free, busy).free_memory() == 7
    with pytest.raises(InUse, match="Every device"):
        of(busy, busy).free_memory()


class Freeing(Drawer):
    """Has so many bytes to give back, or is at work."""

    def __init__(self, held: int | None) -> None:
        super().__init__()
        self.held = held

    def free_memory(self) -> int:
        if self.held is None:
            raise InUse("A picture is being made.")
        return self.held


@pytest.mark.parametrize(
    ("name", "visible", "expected"),
    [("cuda:1", "", "1"), ("cuda:1", "4,6", "6"), ("xpu:0", "GPU-ab, GPU-cd", "GPU-ab")],
)
def test_cards_are_counted_of_those_that_the_environment_shows(name: str, visible: str, expected: str) -> None:
    assert seen(name, visible) == expected


def test_a_card_that_is_not_shown_is_an_error_with_its_cure() -> None:
    with pytest.raises(InvalidSetting, match=r"cuda:2 is not there: .* shows 2") as error:
        seen("cuda:2", "4,6")
    assert (error.value.field, bool(error.value.hint)) == ("devices", True)


@pytest.mark.parametrize("devices", ["cuda:0,cuda:0", "cuda", "cuda:0;cuda:1", "gpu:1"])
def test_devices_that_cannot_be_are_named(devices: str, place: Place) -> None:
    with pytest.raises(InvalidSetting, match=r"devices|twice"):
        engines(Settings.load(home=place.path.parent, devices=devices))


def engines(settings: Settings) -> Sequence[Backend]:
    return Devices.of(settings, Catalogue(settings)).devices
