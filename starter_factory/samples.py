"""Training examples without end, each made from its number alone; workers share the numbers."""

from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from starter_factory.training import Batch, Session, samples_of

# On a GPU one step takes so many times the examples of a step on a processor core.
GPU_FACTOR = 16


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


def stream(name: str, make: Callable[[int], Batch], session: Session, batch: int) -> Iterator[Batch]:
    """Batches for the stage `name`, which goes on with examples that it has not seen."""
    examples = Samples(make, samples_of(name, session), in_step(batch, session))
    return iter(DataLoader(examples, batch_size=None, num_workers=session.workers))


def in_step(batch: int, session: Session) -> int:
    """How many examples a step takes that takes `batch` on a processor core."""
    return batch * (GPU_FACTOR if session.device.type == "cuda" else 1)
