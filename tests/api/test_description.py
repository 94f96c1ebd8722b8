"""What the published description allows, and what it does not, asked for at every address: nothing breaks at it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from studio.settings import Settings
from studio.studio import Studio
from tests.api.asking import asking, gated
from tests.ui.painter import Painter

HEADERS = {"Host": "127.0.0.1:7860", "Authorization": "Bearer a-secret-that-one-program-keeps"}
GOOD = {"recipe": {"prompt": "a boat", "width": 64, "height": 64, "steps": 1}}
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
MANY = 40


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    small: dict[str, Any] = {"max_images": 2, "max_cells": 4, "max_megapixels": 0.05, "max_steps": 4}
    with Studio(Settings.load(home=tmp_path, **small), backend=Painter()) as studio:
        yield studio


def asked_everywhere(app: Any, examples: int = 1, *, both: bool = False) -> int:
    """Ask at every operation so often, what may be asked there and what may not in turns or `both`; their number.

    AssertionError for an answer that nobody meant.
    """
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=HEADERS)
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        count += 1
        for mode in MODES if both else MODES[count % 2 :][:1]:
            _ask(operation.as_strategy(generation_mode=mode), examples)
    return count


def _ask(strategy: Any, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case: Any) -> None:
        answer = case.call(headers=HEADERS)
        place = f"{case.method} {case.formatted_path}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500, place
        if answer.status_code >= 400:
            fault = answer.json()
            assert fault.get("message") or fault["error"]["message"], place
            assert "Traceback" not in answer.text, place

    # What takes nothing cannot be asked wrongly.
    with suppress(Unsatisfiable):
        ask()


def test_nothing_breaks_at_what_the_description_allows_or_forbids(studio: Studio) -> None:
    app = gated(studio)
    assert asked_everywhere(app) > 40
    assert asking(app)("POST", "/api/jobs", json=GOOD).status_code == 201, "it makes pictures afterwards"


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_nothing_breaks_at_much_of_it(studio: Studio) -> None:
    asked_everywhere(gated(studio), MANY, both=True)
