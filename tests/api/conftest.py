"""One studio that is served to programs, for all tests of the languages that they speak."""

from collections.abc import Iterator

import pytest

from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.ui import gradio_loops
from tests.ui.painter import Painter

pytest_configure = gradio_loops.forgive


@pytest.fixture(scope="session", autouse=True)
def gradio_closed() -> Iterator[None]:
    yield
    gradio_loops.close_last()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0)
    with Studio(settings, backend=Painter(inputs=InputStore.of(settings))) as studio:
        yield studio


@pytest.fixture(scope="session")
def address(studio: Studio) -> Iterator[str]:
    """Where it is served, without a slash at the end."""
    with serve(studio) as address:
        yield address.rstrip("/")


@pytest.fixture
def painter(studio: Studio) -> Iterator[Painter]:
    """Who paints; a test may hold it."""
    assert isinstance(studio.backend, Painter)
    yield studio.backend
    studio.backend.held.clear()
