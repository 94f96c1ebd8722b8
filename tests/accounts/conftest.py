"""What tests that serve a page with accounts share."""

from collections.abc import Iterator

import pytest

from tests.ui import gradio_loops

pytest_configure = gradio_loops.forgive


@pytest.fixture(scope="session", autouse=True)
def gradio_closed() -> Iterator[None]:
    yield
    gradio_loops.close_last()
