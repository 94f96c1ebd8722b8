"""How threads wait follows what others do with the cores, and changes no pixel."""

import os
import threading

import pytest
import torch

from studio.engine import threads
from studio.engine.threads import Others, Threads, _allowed
from studio.settings import Settings


@pytest.fixture
def nothing_chosen(monkeypatch):
    for name in threads.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "SECONDS_BETWEEN", 0)


@pytest.fixture
def busy():
    """How many cores the others take, to be changed."""
    return {"cores": 0.0}


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
gnu = pytest.mark.skipif(threads._openmp() is None or CORES == 1, reason="torch computes with another OpenMP, or alone")


@pytest.fixture
def crew(nothing_chosen, busy):
    made = Threads(CORES, lambda: busy["cores"])
    yield made
    made.close()


@gnu
def test_threads_sleep_while_others_hold_the_cores_and_spin_again_after(crew, busy):
    seen = []
    for busy["cores"] in (0, 0.2, 0.9, 0.2, 0.0):
        crew.look()
        idle = [thread for thread in threading.enumerate() if thread.name == "idle-openmp-team"]
        seen.append((crew.yields, len(idle)))
    assert seen == [(False, 0), (False, 0), (True, 1), (True, 1), (False, 0)]


@gnu
def test_the_way_of_waiting_changes_no_bit(crew, busy):
    layer, given = torch.nn.Conv2d(16, 16, 3, padding=1), torch.randn(2, 16, 32, 32)
    with torch.no_grad():
        spinning = layer(given)
        busy["cores"] = 9
        crew.look()
        assert crew.yields
        assert torch.equal(layer(given), spinning)


@pytest.mark.parametrize("name", threads.CHOSEN)
def test_who_chose_how_threads_wait_is_left_alone(nothing_chosen, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    crew = Threads(64, lambda: 9.0)
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


def test_others_are_seen_at_once_and_over_time(monkeypatch, tmp_path):
    times = iter([(0.0, 0.0), (0.0, 0.0), (0.5, 0.45), (100.0, 5.0)])
    monkeypatch.setattr(threads, "_used", lambda: next(times))
    monkeypatch.setattr(threads, "LOAD", tmp_path / "loadavg")
    (tmp_path / "loadavg").write_text("0.1 0.1 0.1 4/321 777\n")
    others = Others()
    assert others.busy() == 3
    assert others.busy() == pytest.approx(0.9)
    assert others.busy() == 3


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
