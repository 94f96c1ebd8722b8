"""Which generation of the starter a folder holds, and who measures it there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from starter_factory.sitting import Sitting, Table

# How wide the words are that the first generation's denoiser is told; it has no other mark.
FIRST_WIDTH = 128


class Measured(Protocol):
    """A member of a family, as far as measuring goes."""

    title: str

    def missing(self, base: Path) -> list[Path]:
        """Its files that are not there."""
        ...

    def measure(self, sitting: Any) -> Table:
        """The figures of the stored weights."""
        ...


@dataclass(frozen=True, slots=True)
class Generation:
    """Who measures a generation; `train` is the command that trains a member named {name}."""

    members: Mapping[str, Measured]
    sitting: type[Sitting]
    prompts: Sequence[str]
    columns: int
    train: str


def generation_of(folder: Path) -> Generation:
    """That of the model in the folder; the first where that does not tell."""
    config = folder / "unet" / "config.json"
    width = json.loads(config.read_text("utf-8")).get("cross_attention_dim") if config.is_file() else FIRST_WIDTH
    if width == FIRST_WIDTH:
        from starter_factory.first import evaluate as before
        from starter_factory.first.family import MEMBERS as FIRST_MEMBERS
        from starter_factory.first.family.base import Sitting as FirstSitting

        command = "python -m starter_factory.first.family {name} --work DIR"
        return Generation(FIRST_MEMBERS, FirstSitting, before.FIXED_PROMPTS, 5, command)
    from starter_factory import evaluate
    from starter_factory.family import MEMBERS

    command = "python -m starter_factory train {name} --work DIR"
    return Generation(MEMBERS, evaluate.Sitting, evaluate.FIXED_PROMPTS, 8, command)
