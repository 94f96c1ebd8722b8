"""A scheduler that draws as the test allows."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from studio.errors import OutOfMemory
from studio.jobs.scheduler import Scheduler
from tests.drawer import Drawer
from tests.jobs.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def drawer() -> Drawer:
    return Drawer(gated=True, faults={"break": ValueError("secret detail"), "refuse": OutOfMemory("No room.", "Less.")})


@pytest.fixture
def queue(place: Place, drawer: Drawer) -> Iterator[Scheduler]:
    with closing(place.queue(drawer)) as queue:
        yield queue
        drawer.allow(1000)
