"""A service on loopback, and a studio that draws without weights and knows where the service is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.compare.making import Compare
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.hosted.service import KEY, Service, serving


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    with serving(service):
        yield service


@pytest.fixture
def surroundings(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is OpenAI, and the key in the environment is the one that it takes."""
    monkeypatch.setenv("OPENAI_BASE_URL", service.address)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def studio(tmp_path: Path, surroundings: None) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path / "home"), backend=Drawer()) as studio:
        yield studio


@pytest.fixture
def compare(studio: Studio) -> Compare:
    return Compare(studio)
