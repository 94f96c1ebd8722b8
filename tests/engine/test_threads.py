"""How threads wait follows what others do with the cores, and changes no pixel."""

import os
import threading
from typing import NamedTuple

import pytest
import torch

from studio.engine import cores, threads
from studio.engine.cores import Cores
from studio.engine.threads import Threads, _allowed
from studio.settings import Settings


@pytest.fixture
def nothing_chosen(monkeypatch):
    for name in threads.CHOSEN:
        monkeypatch.delenv(name, raising=False)


class Clock(Cores):
    """The time, and what others have used of our cores, as `pass_by` says; this process itself uses nothing."""

    def __init__(self, monkeypatch):
        super().__init__()
        self.seconds, self.others = 0.0, dict.fromkeys(self.all or {0}, 0.0)
        monkeypatch.setattr(cores.time, "monotonic", lambda: self.seconds)
        monkeypatch.setattr(cores.time, "process_time", lambda: 0.0)

    def used(self):
        return dict(self.others)

    def pass_by(self, seconds, busy):
        """So many seconds, in which others take so many cores."""
        self.seconds += seconds
        for core in self.others:
            self.others[core] += seconds * busy / len(self.others)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
gnu = pytest.mark.skipif(threads._openmp() is None or CORES == 1, reason="torch computes with another OpenMP, or alone")


@pytest.fixture
def crew(nothing_chosen, clock):
    made = Threads(CORES, clock)
    yield made
    made.close()


@gnu
def test_threads_sleep_while_others_hold_the_cores_and_spin_again_after(crew, clock):
    seen = []
    with crew.at_work():
        for busy in (0, 0.2, 0.9, 0.2, 0.0):
            clock.pass_by(0.3, busy)
            crew.look()
            idle = [thread for thread in threading.enumerate() if thread.name == "idle-openmp-team"]
            seen.append((crew.yields, len(idle)))
    assert seen == [(False, 0), (False, 0), (True, 1), (True, 1), (False, 0)]


@gnu
def test_what_others_did_between_two_pictures_says_nothing_of_the_next(crew, clock):
    for _ in range(3):
        with crew.at_work():
            for _ in range(4):
                crew.look()
                assert not crew.yields
                clock.pass_by(0.1, 0)
        clock.pass_by(0.8, CORES)


@gnu
def test_the_threads_stay_between_two_pictures_as_the_first_had_them_last(crew, clock):
    with crew.at_work():
        clock.pass_by(0.3, CORES)
        crew.look()
    clock.pass_by(60, 0)
    with crew.at_work():
        crew.look()
        assert crew.yields
        clock.pass_by(0.3, 0)
        crew.look()
        assert not crew.yields


@gnu
def test_others_are_seen_over_pictures_that_are_each_too_short_to_tell(crew, clock):
    for _ in range(3):
        with crew.at_work():
            clock.pass_by(0.09, CORES)
            crew.look()
    assert crew.yields


@gnu
def test_the_way_of_waiting_changes_no_bit(crew, clock):
    layer, given = torch.nn.Conv2d(16, 16, 3, padding=1), torch.randn(2, 16, 32, 32)
    with torch.no_grad():
        spinning = layer(given)
        clock.pass_by(1, 9)
        crew.look()
        assert crew.yields
        assert torch.equal(layer(given), spinning)


@pytest.mark.parametrize("name", threads.CHOSEN)
def test_who_chose_how_threads_wait_is_left_alone(nothing_chosen, monkeypatch, clock, name):
    monkeypatch.setenv(name, "1")
    crew = Threads(64, clock)
    clock.pass_by(1, 9)
    crew.look()
    assert not crew.yields


def test_the_engine_sets_no_policy_of_openmp(tmp_path, monkeypatch):
    from studio.backends.local import LocalBackend
    from studio.catalogue.models import Catalogue

    for name in threads.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    settings = Settings(home=tmp_path, device="cpu")
    backend = LocalBackend(settings, Catalogue(settings))
    backend.warm("starter")
    backend.close()
    assert not {*threads.CHOSEN} & {*os.environ}


class Core(NamedTuple):
    """The seconds of a core, as psutil tells them."""

    user: float
    nice: float
    system: float
    idle: float
    iowait: float
    steal: float
    guest: float
    guest_nice: float


affinity = pytest.mark.skipif(CORES == 1, reason="there are no cores to choose from")


def runs_on():
    """The cores of every thread of this process."""
    return {frozenset(os.sched_getaffinity(int(task.name))) for task in cores.TASKS.iterdir()}


@gnu
def test_while_others_hold_a_core_every_thread_runs_on_those_that_are_left_and_then_on_all_again(crew, clock):
    everywhere = runs_on()
    with crew.at_work():
        clock.pass_by(0.3, 1)
        crew.look()
        assert runs_on() == {clock.kept}
        assert len(clock.kept) == CORES - 1
        clock.pass_by(0.3, CORES)
        crew.look()
        assert len(clock.kept) == 1
        assert runs_on() == {clock.kept}
        clock.pass_by(0.3, 0)
        crew.look()
    assert runs_on() == everywhere == {clock.all}


@affinity
def test_two_who_keep_to_the_same_core_part_and_who_is_alone_on_his_stays():
    own = Cores()
    try:
        own.keep_to(1, dict.fromkeys(own.all, 0.5), 0.0)
        first = own.kept
        alone = {core: 1.0 if core in first else 0.0 for core in own.all}
        for _ in range(20):
            own.keep_to(1, alone, 1.0)
            assert own.kept == first
        for _ in range(200):  # each time the dice fall anew
            own.keep_to(1, alone, 0.5)
            if own.kept != first:
                break
        assert own.kept != first
    finally:
        own.leave()


@affinity
@pytest.mark.parametrize(("niceness", "everybody"), [(0, 8.0), (10, 12.0)])
def test_on_our_cores_those_do_not_count_who_give_way_to_us(monkeypatch, niceness, everybody):
    ours = Core(user=5.0, nice=4.0, system=1.0, idle=7.0, iowait=6.0, steal=2.0, guest=1.0, guest_nice=0.0)
    monkeypatch.setattr(cores.psutil, "cpu_times", lambda percpu: [Core(*[9.0] * 8), ours])
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: {1})
    monkeypatch.setattr(cores.os, "nice", lambda _: niceness)
    assert Cores().used() == {1: everybody}


@pytest.mark.parametrize(
    ("text", "wanted"), [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 8)]
)
def test_a_container_computes_with_as_many_threads_as_it_may_use_cores(monkeypatch, tmp_path, text, wanted):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(threads, "CGROUP", tmp_path)
    (tmp_path / "cpu.max").write_text(text)
    assert _allowed(8) == wanted
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert _allowed(8) == 8


@pytest.mark.parametrize(("quota", "wanted"), [("-1", 8), ("300000", 3)])
def test_so_it_does_with_control_groups_of_the_first_version(monkeypatch, tmp_path, quota, wanted):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(threads, "CGROUP", tmp_path)
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert _allowed(8) == wanted


def test_the_number_of_threads_can_be_set(tmp_path):
    before = torch.get_num_threads()
    try:
        Threads.of(Settings(home=tmp_path, threads=3))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
