"""Training examples without end, each made from its number alone; workers share the numbers."""

from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from starter_factory.training import Batch, Session, samples_of

# On a GPU one step takes so many times the examples of a step on a processor core.
GPU_FACTOR = 16
# So many examples are kept where each is used several times.
KEPT = 6_000
# A pool of fewer is young.
YOUNG = 512


class Youth:
    """Whether a pool has new rows enough for a batch: before it has YOUNG in all, as many as a batch has, then any.

    Each is used several times: a run that began with one would learn that one first, and unlearn the rest.
    """

    def __init__(self, batch: int) -> None:
        self.batch, self.seen, self.fresh = batch, 0, 0

    def suffices(self, added: int) -> bool:
        self.seen, self.fresh = self.seen + added, self.fresh + added
        enough = self.seen >= YOUNG or self.fresh >= self.batch
        self.fresh = 0 if enough else self.fresh
        return enough


class Ring:
    """The last rows of a batch's tensors, up to a number; new rows take the place of the oldest."""

    def __init__(self, room: int) -> None:
        self.room, self.count, self.next = room, 0, 0
        self.tensors: Batch = {}

    def add(self, rows: Batch) -> None:
        for key, value in rows.items():
            if key not in self.tensors:
                self.tensors[key] = torch.empty((self.room, *value.shape[1:]), dtype=value.dtype, device=value.device)
        count = len(next(iter(rows.values())))
        places = (self.next + torch.arange(count)) % self.room
        for key, value in rows.items():
            self.tensors[key][places.to(value.device)] = value
        self.next = (self.next + count) % self.room
        self.count = min(self.room, self.count + count)

    def draw(self, count: int, randomness: torch.Generator) -> Batch:
        places = torch.randint(0, self.count, (count,), generator=randomness)
        return {key: value[places.to(value.device)] for key, value in self.tensors.items()}


class Samples(IterableDataset[Batch]):
    """Batches of what `make` gives for numbers from `first` on."""

    def __init__(self, make: Callable[[int], Batch], first: int, batch: int) -> None:
        self.make, self.first, self.batch = make, first, batch

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        start = self.first + number * self.batch
        while True:
            rows = [self.make(seed) for seed in range(start, start + self.batch)]
            yield {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
            start += workers * self.batch


def stream(
    name: str, make: Callable[[int], Batch], session: Session, batch: int, uses: int = 1, kept: int = KEPT
) -> Iterator[Batch]:
    """Batches for the stage `name`, which goes on with examples that it has not seen.

    Where each is used several times, a batch is drawn from the last `kept`, and a part of them is new.
    """
    count = in_step(batch, session)
    examples = Samples(make, samples_of(name, session), max(1, count // uses))
    made = iter(DataLoader(examples, batch_size=None, num_workers=session.workers))
    return made if uses == 1 else _drawn(made, count, kept, samples_of(name, session))


def _drawn(made: Iterator[Batch], count: int, kept: int, seed: int) -> Iterator[Batch]:
    ring, randomness, youth = Ring(kept), torch.Generator().manual_seed(seed), Youth(count)
    for rows in made:
        ring.add(rows)
        if youth.suffices(len(next(iter(rows.values())))):
            yield ring.draw(count, randomness)


def in_step(batch: int, session: Session) -> int:
    """How many examples a step takes that takes `batch` on a processor core."""
    return batch * (GPU_FACTOR if session.device.type == "cuda" else 1)
