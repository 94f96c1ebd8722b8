"""The contract of a member of the starter's family, and what members share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from starter_factory.measures import Scores
from starter_factory.sitting import Sitting, Table
from starter_factory.store import Stored
from starter_factory.training import Run, Session

__all__ = ["Member", "Sitting", "Table", "begin", "by_question", "store", "untrained", "weights_of"]

Network = TypeVar("Network", bound=nn.Module)


class Member(ABC):
    """One member: `minutes` is how long its stored weights were trained, on one processor core.

    `files` are its weights relative to the model's folder, `needs` what must be stored there before it is trained,
    `runs` are the names of its checkpoints where they are not its own.
    What fails to load is said by the stock class itself.
    """

    title: str
    minutes: float
    files: tuple[str, ...]
    needs: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    @abstractmethod
    def train(self, session: Session, stored: Stored) -> Run:
        """Train from its checkpoint, else from what is stored of it, else from nothing."""

    @abstractmethod
    def store(self, session: Session, stored: Stored) -> None:
        """Write what was trained as stock files, in half precision."""

    @abstractmethod
    def load(self, base: Path) -> Any:
        """What the stored files become by their stock class, with nothing of this package."""

    @abstractmethod
    def measure(self, sitting: Sitting) -> Table:
        """The figures of the stored weights, with a row or column that shows that they can fail."""

    def known(self, folder: Path) -> Mapping[str, Tensor]:
        """The weights of its network by its stock class; none where they are not stored.

        Files of transformers name some weights otherwise than the class that reads them.
        """
        found: Mapping[str, Tensor] = {} if self.missing(folder) else self.load(folder)[0].state_dict()
        return found

    def missing(self, base: Path) -> list[Path]:
        """Its files that are not there."""
        return [base / name for name in self.files if not (base / name).is_file()]


def begin(network: nn.Module, known: Mapping[str, Tensor]) -> set[str]:
    """Give the network all weights of those known that have a place in it; the names of those that had."""
    own = network.state_dict()
    fitting = {name: part.float() for name, part in known.items() if name in own and own[name].shape == part.shape}
    network.load_state_dict(own | fitting)
    return set(fitting)


def weights_of(file: str, folder: Path) -> Mapping[str, Tensor]:
    """The tensors of the file in the folder; none where it does not lie there."""
    path = folder / file
    found: Mapping[str, Tensor] = load_file(path) if path.is_file() else {}
    return found


def by_question(columns: Mapping[str, Scores]) -> Table:
    """Scores of several kinds of pictures as a table with a row for each question."""
    questions = dict.fromkeys(question for scores in columns.values() for question in scores)
    return {
        f"{question}, %": {name: scores[question] for name, scores in columns.items() if question in scores}
        for question in questions
    }


def untrained(build: Callable[[], Network]) -> Network:
    """What `build` makes before it has learned anything, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build().eval()


def store(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write a whole .safetensors file in half precision, readable for everybody: `path` may be in use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    save_file({name: tensor.detach().half().contiguous().cpu() for name, tensor in weights.items()}, fresh)
    fresh.chmod(0o644)
    fresh.replace(path)
