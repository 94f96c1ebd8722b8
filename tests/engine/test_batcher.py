"""The thread that owns the steps: who takes part in each, and what happens when something fails in one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch

from studio.backends.base import Turn
from studio.engine.batcher import Batcher
from studio.engine.numerics import Trail
from studio.engine.pools import Participant, PendingCall, Pools, in_turn
from studio.engine.profile import Profile, Profiles, measured
from studio.engine.step import Call
from studio.errors import Cancelled, Closing
from tests.engine.crew import batcher, together


class Adding(torch.nn.Module):
    """A network that adds its timestep, remembers how many rows it was given, and has memory for `most` only."""

    config = {"_name": "adding", "width": 1}  # noqa: RUF012 - as diffusers' models have it

    def __init__(self, most: int = 99) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.most = most

    def forward(self, sample: torch.Tensor, timestep: Any, fail: bool = False) -> tuple[torch.Tensor]:
        self.sizes.append(len(sample))
        if len(sample) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if fail or sample.isnan().any():
            raise ValueError("broken")
        return (sample + torch.as_tensor(timestep).reshape(-1, 1),)


def maker(
    steps: Batcher, who: Participant, network: Adding, count: int, rows: int = 2, after: Callable[[int], None] = print
) -> Callable[[], torch.Tensor]:
    """Makes `count` steps from zeros, adding 1, 2, 3 ...; `after` is called after each."""

    def make() -> torch.Tensor:
        sample = torch.zeros(rows, 3)
        with steps.joined(who):
            for step in range(1, count + 1):
                (sample,) = steps.ask(who, Call(network, sample, step))
                after(step)
        return sample

    return make


def quiet(step: int) -> None:
    del step


WIDE = Profile({24: 1.0}, [])


def test_each_joins_at_the_next_step_and_leaves_when_it_is_done() -> None:
    network, steps = Adding(), batcher(WIDE)
    crew = [Participant() for _ in range(3)]
    makers = [maker(steps, who, network, count, after=quiet) for who, count in zip(crew, (1, 2, 4), strict=True)]
    made = together(steps, makers)
    assert [float(one[0, 0]) for one in made] == [1, 3, 10]
    assert network.sizes == [6, 4, 2, 2]
    assert [str(who.trail) for who in crew] == ["6x1", "6x1, 4x1", "6x1, 4x1, 2x2"]


def test_who_comes_while_others_are_made_is_in_the_next_step() -> None:
    network, steps = Adding(), batcher(WIDE)
    early, late = Participant(), Participant()

    def after(step: int) -> None:
        if step == 2:
            steps.submit(maker(steps, late, network, 1, after=quiet))

    together(steps, [maker(steps, early, network, 4, after=after)])
    assert str(late.trail) == "4x1"
    assert str(early.trail) == "2x2, 4x1, 2x1"


def test_what_a_newcomer_has_done_before_its_first_step_lets_no_step_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    # So long that no busy machine makes the newcomer's thread miss it.
    monkeypatch.setattr("studio.engine.batcher.MOMENT", 60.0)
    network, steps = Adding(), batcher(WIDE)
    early, late = Participant(), Participant()

    def come() -> None:
        with steps.joined(late):
            for _ in range(3):
                steps.run(int, late)
            steps.ask(late, Call(network, torch.zeros(2, 3), 1))

    with ThreadPoolExecutor(1) as threads:

        def after(step: int) -> None:
            if step == 2:
                threads.submit(come)
                with steps._changed:
                    steps._changed.wait_for(lambda: steps._errands)

        together(steps, [maker(steps, early, network, 4, after=after)])
    assert str(early.trail) == "2x2, 4x1, 2x1"


@pytest.mark.parametrize(("crew", "others"), [(1, 0.0), (2, 8.0)])
def test_of_a_step_that_is_shared_each_has_its_part_of_the_seconds(
    monkeypatch: pytest.MonkeyPatch, crew: int, others: float
) -> None:
    now = [0.0]
    monkeypatch.setattr("studio.engine.batcher.time.monotonic", lambda: now[0])

    class Slow(Adding):
        def forward(self, sample: torch.Tensor, timestep: Any, **given: Any) -> Any:
            now[0] += len(sample)
            return super().forward(sample, timestep, **given)

    network, steps = Slow(), batcher(WIDE)
    makers = [Participant() for _ in range(crew)]
    together(steps, [maker(steps, who, network, 4) for who in makers])
    assert [who.others_seconds for who in makers] == [others] * crew


def test_a_stopped_picture_leaves_within_a_step_and_the_others_go_on() -> None:
    network, steps = Adding(), batcher(WIDE)

    def stop(step: int) -> None:
        if step == 2:
            raise Cancelled

    going = Participant()
    stopped, made = together(
        steps,
        [maker(steps, Participant(), network, 9, after=stop), maker(steps, going, network, 5, after=quiet)],
    )
    assert isinstance(stopped, Cancelled)
    assert float(made[0, 0]) == 15
    assert str(going.trail) == "4x2, 2x3"


def test_memory_that_ends_halves_the_step_and_all_are_made() -> None:
    network, released = Adding(most=4), []
    steps = batcher(WIDE, release=lambda: released.append(True))
    made = together(steps, [maker(steps, Participant(), network, 3, after=quiet) for _ in range(4)])
    assert [float(one[0, 0]) for one in made] == [6] * 4
    assert network.sizes[:3] == [8, 4, 4]
    assert max(network.sizes[1:]) <= 4
    assert released == [True]


def test_memory_that_does_not_suffice_for_one_is_its_own_fault_alone() -> None:
    network, steps = Adding(most=4), batcher(WIDE)
    large, small = together(
        steps,
        [
            maker(steps, Participant(), network, 2, rows=6, after=quiet),
            maker(steps, Participant(), network, 2, after=quiet),
        ],
    )
    assert isinstance(large, torch.OutOfMemoryError)
    assert float(small[0, 0]) == 3


def test_a_call_that_fails_fails_alone() -> None:
    network, steps = Adding(), batcher(WIDE)

    def broken() -> None:
        with steps.joined(who := Participant()):
            steps.ask(who, Call(network, torch.full((2, 3), float("nan")), 1))

    error, made = together(steps, [broken, maker(steps, Participant(), network, 2, after=quiet)])
    assert isinstance(error, ValueError)
    assert float(made[0, 0]) == 3


def test_an_errand_is_done_between_steps_and_its_error_is_its_askers() -> None:
    steps = batcher()

    def ask() -> list[Any]:
        here = steps.run(torch.is_grad_enabled)
        try:
            steps.run(lambda: 1 // 0)
        except ZeroDivisionError as error:
            return [here, error]
        return []

    ((grad, error),) = together(steps, [ask])
    assert grad is False
    assert isinstance(error, ZeroDivisionError)


def test_a_closed_batcher_says_so_to_who_waits_and_who_comes() -> None:
    network, steps = Adding(), batcher(WIDE)
    waits = maker(steps, Participant(), network, 1, after=quiet)

    waiting = steps.submit(waits)
    steps.turn()
    queued = steps.submit(waits)
    steps.close()
    assert isinstance(waiting.exception(), Closing)
    assert isinstance(queued.exception(), Closing)
    with pytest.raises(Closing):
        waits()


def pending(network: Adding, *crew: Participant, rows: int = 2, width: int = 3) -> list[PendingCall]:
    return [PendingCall(who, Call(network, torch.zeros(rows, width), 1)) for who in crew]


def pools(profile: Profile) -> Pools:
    return Pools(lambda call: profile)


def test_an_owner_with_many_pictures_takes_no_more_of_a_step_than_another() -> None:
    many, one = [Participant(Turn("many")) for _ in range(6)], Participant(Turn("one"))
    batch = pools(Profile({4: 1.0})).choose(pending(Adding(), *many, one))
    assert [each.participant.turn.owner for each in batch.pending] == ["many", "one"]


@pytest.mark.parametrize(
    ("turns", "order"),
    [
        ("a a b", "0 2 1"),  # one of each owner, then the next of each
        ("a b c a", "0 1 2 3"),  # what has begun is done before anything else begins
        ("a1 a1 a0", "2 0 1"),  # an owner's own by rank
        ("a1 a1 b0 b0", "0 2 1 3"),  # and not before another owner's for it
        ("a2 b0 a1 a1", "1 2 3 0"),  # what is in the background comes last
    ],
)
def test_who_comes_before_whom_in_a_step(turns: str, order: str) -> None:
    crew = [
        Participant(Turn(turn[0], int(turn[1:] or 0), background=turn[1:] == "2"), number=number)
        for number, turn in enumerate(turns.split())
    ]
    found = in_turn(pending(Adding(), *reversed(crew)))
    assert " ".join(str(one.participant.number) for one in found) == order


def test_a_newcomer_has_its_first_step_at_once_and_then_waits_for_those_before_it() -> None:
    first, second = Participant(Turn("a"), trail=Trail([2, 2]), number=1), Participant(Turn("b"), trail=Trail([2]))
    second.number, late = 2, Participant(Turn("c"), number=3)
    calls = pending(Adding(), first, second, late)
    assert [one.participant for one in in_turn(calls)] == [late, first, second]
    late.trail.add(2, 2)
    assert [one.participant for one in in_turn(calls)] == [first, second, late]


def test_who_waits_for_its_step_when_it_is_stopped_leaves_at_the_next_one() -> None:
    network, steps = Adding(), batcher(Profile({2: 1.0, 4: 2.0}))
    stopped = Event()
    waits = Participant(Turn("b", over=stopped.is_set))
    errors = []

    def after(step: int) -> None:
        if step == 1:
            errors.append(steps.submit(maker(steps, waits, network, 9, after=quiet)))
        if step == 4:
            stopped.set()

    (made,) = together(steps, [maker(steps, Participant(Turn("a")), network, 9, after=after)])
    assert isinstance(errors[0].exception(), Cancelled)
    assert float(made[0, 0]) == 45
    assert str(waits.trail) == "2x1"


def test_what_is_in_the_background_has_no_step_while_anything_else_waits() -> None:
    """Not even in another pool, whose turn it were."""
    network, chooser = Adding(), pools(Profile({4: 1.0}))
    later = pending(network, Participant(Turn("a", 2, background=True)), width=9)
    now = pending(network, Participant(Turn("b")), width=3)
    for _ in range(3):
        batch = chooser.choose([*later, *now])
        assert batch.pending == now
        chooser.used(batch, 1.0)
    assert chooser.choose(later).pending == later


def test_who_is_made_alone_shares_no_step_and_holds_up_the_others_by_half_at_most() -> None:
    network, chooser = Adding(), pools(WIDE)
    crew = [Participant(number=0, numerics="solo"), *(Participant(number=number) for number in (1, 2, 3))]
    sizes = []
    for _ in range(4):
        batch = chooser.choose(pending(network, *crew))
        chooser.used(batch, 1.0)
        sizes.append(len(batch.pending))
    assert sorted(sizes) == [1, 1, 3, 3]


@pytest.mark.parametrize(("seconds", "tier"), [(1.04, "exact"), (1.2, "free")])
def test_a_card_makes_the_same_bytes_in_any_company_where_that_costs_next_to_nothing(seconds: float, tier: str) -> None:
    profile = Profile({2: 1.0, 4: seconds, 8: 2.0}, [frozenset({2}), frozenset({4, 8})])
    who = Participant()
    batch = Pools(lambda call: profile, exact_where_cheap=True).choose(pending(Adding(), who))
    assert who.facts["numerics"] == ("exact" if tier == "exact" else "solo")
    assert batch.rows == (4 if tier == "exact" else 2)


def test_an_exact_picture_takes_the_way_of_several_even_where_it_fills_its_bucket() -> None:
    profile = Profile({2: 1.0, 4: 1.2}, [frozenset({2, 4})])
    batch = pools(profile).choose(pending(Adding(), Participant(numerics="exact")))
    assert (batch.rows, batch.exact) == (2, True)


def test_an_exact_picture_for_whose_bucket_there_is_no_memory_fails_alone() -> None:
    profile = Profile({2: 1.0, 4: 1.2}, [frozenset({4, 8})])
    network, steps = Adding(most=2), batcher(profile)
    strict = Participant(numerics="exact")
    error, made = together(
        steps, [maker(steps, strict, network, 2, after=quiet), maker(steps, Participant(), network, 2, after=quiet)]
    )
    assert isinstance(error, torch.OutOfMemoryError)
    assert float(made[0, 0]) == 3


def test_where_the_device_fails_while_it_is_measured_each_goes_by_itself() -> None:
    def failing(call: Call) -> Profile:
        raise RuntimeError("CUDA error: unspecified launch failure")

    network, steps = Adding(), Batcher(failing)
    made = together(steps, [maker(steps, Participant(), network, 2, after=quiet) for _ in range(2)])
    assert [float(one[0, 0]) for one in made] == [3, 3]


def test_pools_share_the_device_by_time() -> None:
    network, chooser = Adding(), pools(Profile({4: 1.0}))
    small, large = pending(network, Participant(), width=3), pending(network, Participant(), width=9)
    seconds = {3: 1.0, 9: 3.0}
    used = []
    for _ in range(8):
        batch = chooser.choose([*small, *large])
        used.append(batch.pending[0].call.sample.shape[1])
        chooser.used(batch, seconds[used[-1]])
    assert used.count(3) == 3 * used.count(9)


def test_steps_are_padded_to_a_size_of_their_class_where_that_costs_little() -> None:
    profile = Profile({2: 1.0, 4: 1.5, 6: 1.9, 8: 2.0, 12: 3.2}, [frozenset({2}), frozenset({4, 8, 12})])
    assert profile.bucket(6) == 8
    assert profile.bucket(2) == 2
    assert profile.bucket(2, exact=True) == 4
    network = Adding()
    assert pools(profile).choose(pending(network, Participant())).rows == 2
    assert pools(profile).choose(pending(network, Participant(numerics="exact"))).rows == 4
    assert pools(profile).choose(pending(network, *(Participant() for _ in range(3)))).rows == 8


def test_a_step_has_as_many_rows_as_are_worth_it() -> None:
    assert Profile({2: 1.0, 4: 1.5, 8: 2.2, 16: 4.3}).cap == 8
    assert Profile({2: 1.0, 4: 2.0, 8: 4.0}).cap == 2


def test_a_size_at_which_memory_ends_is_not_tried_again() -> None:
    profile = measured(Call(Adding(most=6), torch.zeros(2, 3), 1))
    assert max(profile.seconds) == 6
    assert profile.classes


def test_what_was_measured_is_known_at_the_next_start(tmp_path: Path) -> None:
    network = Adding()
    call = Call(network, torch.zeros(2, 3), 1)
    first = Profiles(tmp_path / "profiles.json", "a device").of(call)
    tried = len(network.sizes)
    assert Profiles(tmp_path / "profiles.json", "a device").of(call) == first
    assert len(network.sizes) == tried
    Profiles(tmp_path / "profiles.json", "another device").of(call)
    assert len(network.sizes) > tried


def test_what_was_measured_while_others_held_the_device_up_is_for_this_run_alone(tmp_path: Path) -> None:
    network, path = Adding(), tmp_path / "profiles.json"
    call = Call(network, torch.zeros(2, 3), 1)
    crowded = Profiles(path, "a device", crowding=lambda: 1.0)
    first, tried = crowded.of(call), len(network.sizes)
    assert crowded.of(call) == first
    assert len(network.sizes) == tried
    Profiles(path, "a device").of(call)
    assert len(network.sizes) > tried


def test_measuring_ends_with_the_size_that_it_is_at_when_nobody_wants_it_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.engine.profile.SIZES", (1, 2, 3, 4))
    network = Adding()
    call = Call(network, torch.zeros(2, 3), 1)
    profiles = Profiles(tmp_path / "profiles.json", unwanted=lambda: len(network.sizes) >= 6)
    assert max(profiles.of(call).seconds) == 3
    assert not (tmp_path / "profiles.json").exists()
    network.sizes.clear()
    profiles.of(call)
    assert network.sizes, "measured anew"


def test_a_damaged_file_of_profiles_is_measured_anew(tmp_path: Path) -> None:
    path = tmp_path / "profiles.json"
    path.write_text("{")
    assert Profiles(path).of(Call(Adding(), torch.zeros(2, 3), 1)).seconds


@pytest.mark.parametrize("text", ["2x12, 8x8", "2x1"])
def test_buckets_are_written_and_read(text: str) -> None:
    assert str(Trail.read(text)) == text


@pytest.mark.parametrize("text", ["", "2", "2x", "axb", "2x1;4x2"])
def test_what_is_no_list_of_buckets_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a list of buckets"):
        Trail.read(text)
