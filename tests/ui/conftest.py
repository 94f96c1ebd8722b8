"""What the page's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.settings import Settings
from studio.studio import Studio
from tests.ui import gradio_loops
from tests.ui.painter import Painter

pytest_configure = gradio_loops.forgive


@pytest.fixture(scope="session", autouse=True)
def gradio_closed() -> Iterator[None]:
    yield
    gradio_loops.close_last()


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path), backend=Painter()) as studio:
        yield studio
