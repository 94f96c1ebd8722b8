"""How a network does on a device by the rows of a forward: how long it takes, and which sizes give the same bytes."""

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch

from studio.atomic_files import AtomicFolder
from studio.backends.base import never
from studio.engine.memory import ran_out
from studio.engine.row_loras import Stacks
from studio.engine.step import Call, Runner, eager, forward

# The sizes that are tried, in rows: a guided picture has two.
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24)
# More rows are worth it up to the first size that makes this share of the rows a second that the best one makes.
KNEE = 0.9
# How much longer a step may take for the sake of bytes that can be had again.
WORTH = 1.1
# Trying larger sizes ends after so many seconds.
SECONDS = 3.0
# Each size is captured as a graph before it is measured as one.
GRAPHS_SECONDS = 20.0
# Others held the device up where they used more than this much of a core that we compute on, or where the same forward
# takes this many times as long at the end as at the beginning, and so many seconds more.
OTHERS, DRIFT, JITTER = 0.25, 1.3, 0.002
# How many cores others have taken from us since it was last called.
Crowding = Callable[[], float]


@dataclass(frozen=True)
class Profile:
    """The `seconds` of a forward by its rows, and the `classes` of sizes in which a row comes out the same.

    `steady`: nothing else held the device up while it was measured.
    """

    seconds: Mapping[int, float]
    classes: Sequence[frozenset[int]] = ()
    steady: bool = True

    @cached_property
    def cap(self) -> int:
        """How many rows a step has at most: where more would make every picture later, and hardly more of them."""
        best = max(rows / seconds for rows, seconds in self.seconds.items())
        return min(rows for rows, seconds in self.seconds.items() if rows / seconds >= KNEE * best)

    @cached_property
    def exact(self) -> tuple[int, ...]:
        """The sizes that exact pictures go through: of the classes the one with most sizes."""
        return tuple(sorted(max(self.classes, key=lambda sizes: (len(sizes), -min(sizes)), default=())))

    def bucket(self, rows: int, *, exact: bool = False) -> int:
        """How many rows a forward for so many has, with padding; exact ones are of one class, whatever it costs."""
        alike = next((size for size in self.exact if size >= rows), rows)
        if exact or self.at(alike) <= WORTH * self.at(rows):
            return alike
        return rows

    def exact_cost(self, rows: int) -> float:
        """How many times as long a forward for so many rows takes in a size of the exact class; inf without one."""
        alike = next((size for size in self.exact if size >= rows), None)
        return math.inf if alike is None else self.at(alike) / self.at(rows)

    def at(self, rows: int) -> float:
        """The seconds of a forward of so many rows, between the sizes that were measured by a straight line."""
        if rows in self.seconds:
            return self.seconds[rows]
        below = max((size for size in self.seconds if size < rows), default=min(self.seconds))
        above = min((size for size in self.seconds if size > rows), default=None)
        if above is None:
            return self.seconds[below] * rows / below
        share = (rows - below) / (above - below) if above != below else 0.0
        return self.seconds[below] + share * (self.seconds[above] - self.seconds[below])


@torch.no_grad()
def measured(
    call: Call,
    sizes: Sequence[int] = SIZES,
    seconds: float = SECONDS,
    crowding: Crowding = lambda: 0.0,
    unwanted: Callable[[], bool] = never,
    run: Runner = eager,
) -> Profile:
    """The profile of a call's network, for calls like this one; no LoRAs are put on. It ends early where `unwanted`.

    `run` computes each forward, of which the second of a size is as quick as all that follow.
    """
    walls: dict[int, float] = {}
    works: dict[int, float] = {}
    alike: dict[bytes, set[int]] = defaultdict(set)
    crowding()
    started = time.perf_counter()
    for size in sizes:
        try:
            first, second = (_timed(call, size, run, last=last) for last in (False, True))
        except (RuntimeError, MemoryError) as error:
            if not walls or not ran_out(error):
                raise
            break
        walls[size], works[size] = min(first.wall, second.wall), min(first.work, second.work)
        if first.row == second.row:  # whatever its place, and in other company
            alike[first.row].add(size)
        if time.perf_counter() - started > seconds or unwanted():
            break
    steady = not unwanted() and crowding() <= OTHERS and not _drifted(call, walls, run)
    # What others hold up takes longer, but hardly more of the processor's time.
    times = walls if steady or call.sample.device.type != "cpu" else works
    # More rows never take less time: what took longer was held up.
    smoothed = {size: min(time for other, time in times.items() if other >= size) for size in times}
    return Profile(smoothed, [frozenset(sizes) for sizes in alike.values()], steady)


def _drifted(call: Call, walls: Mapping[int, float], run: Runner) -> bool:
    """Whether the smallest of the sizes takes far longer or less now than when it was measured."""
    size, before = min(walls.items())
    after = min(_timed(call, size, run, last=last).wall for last in (False, True))
    quick, slow = sorted((before, after))
    return slow > DRIFT * quick + JITTER


class _Timed(NamedTuple):
    """The bytes of a row, the seconds that it took with its company, and those of the processor for each thread."""

    row: bytes
    wall: float
    work: float


def _timed(call: Call, size: int, run: Runner, *, last: bool) -> _Timed:
    """The call's first row among others, as the first of them or the last."""
    rows = [_row(call, 0), *(_row(call, number, factor=1 + number / 64) for number in range(1, size))]
    rows = rows[::-1] if last else rows
    wall, work = time.perf_counter(), time.process_time()
    answers = forward(rows, size, Stacks(), run=run)
    if call.sample.device.type == "cuda":
        torch.cuda.synchronize(call.sample.device)
    wall, work = time.perf_counter() - wall, time.process_time() - work
    answer: torch.Tensor = answers[-1 if last else 0][0]
    return _Timed(answer.float().cpu().numpy().tobytes(), wall, work / torch.get_num_threads())


def _row(call: Call, number: int, factor: float = 1.0) -> Call:
    """One row of a call, turned into another one where `factor` is not 1."""
    place = number % call.rows
    timestep = torch.as_tensor(call.timestep)
    return Call(
        call.network,
        call.sample[place : place + 1] * factor,
        timestep[place] if timestep.dim() else timestep,
        _at(call.given, place, call.rows),
    )


def _at(value: Any, place: int, rows: int) -> Any:
    match value:
        case torch.Tensor() if value.dim() and len(value) == rows:
            return value[place : place + 1]
        case dict():
            return {name: _at(part, place, rows) for name, part in value.items()}
        case list() | tuple():
            return [_at(part, place, rows) for part in value]
        case _:
            return value


class Profiles:
    """The profiles that were measured, kept in one file between runs; `where` is what they hold for beside the network:
    device, threads, libraries. One that was measured while others held the device up is for this run alone, and one
    that ended early as it was `unwanted` for nobody.
    """

    def __init__(
        self,
        path: Path | None = None,
        where: str = "",
        crowding: Crowding = lambda: 0.0,
        unwanted: Callable[[], bool] = never,
        runner: Callable[[], Runner] = lambda: eager,
    ) -> None:
        """`runner` gives what computes the forwards of one profile."""
        self._path = path
        self._where = where
        self._crowding = crowding
        self._unwanted = unwanted
        self._runner = runner
        self._kept: dict[str, Profile] = _read(path) if path else {}

    def of(self, call: Call) -> Profile:
        """The profile for calls like this one, measured where it is not known yet."""
        key = self._key(call)
        if key not in self._kept:
            run = self._runner()
            seconds = SECONDS if run is eager else GRAPHS_SECONDS
            found = measured(call, SIZES, seconds, self._crowding, self._unwanted, run)
            if self._unwanted():
                return found
            self._kept[key] = found
            self._write()
        return self._kept[key]

    def _key(self, call: Call) -> str:
        config = sorted((name, str(value)) for name, value in call.network.config.items() if name[0] != "_")
        return f"{self._where}; {call.shapes}; {config}"

    def _write(self) -> None:
        if self._path:
            steady = {key: one for key, one in self._kept.items() if one.steady}
            kept = {key: [list(one.seconds.items()), list(map(sorted, one.classes))] for key, one in steady.items()}
            text = json.dumps(kept).encode()
            AtomicFolder(self._path.parent).write(self._path, lambda file: file.write(text))


def _read(path: Path) -> dict[str, Profile]:
    """What was written; nothing where it cannot be read, as all of it can be measured anew."""
    try:
        kept = json.loads(path.read_bytes())
        return {
            key: Profile({int(size): float(time) for size, time in times}, [frozenset(one) for one in classes])
            for key, (times, classes) in kept.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
