"""A failed browser test is run again, and finds nothing of what its first attempt left behind."""

import os
import subprocess
import sys
from pathlib import Path

from studio.settings import ASSETS

CONFTEST = """
from tests.browser.reruns import pytest_collection_modifyitems, pytest_runtest_makereport, pytest_runtest_teardown
from tests.browser.reruns import pytest_terminal_summary
"""
TESTS = """
import pytest

pytestmark = pytest.mark.browser
attempts, ended = [], []


@pytest.fixture(scope="session")
def browser():
    return []


@pytest.fixture(scope="module")
def studio():
    yield (studio := [])
    ended.append(studio)


def test_first(studio):
    studio.append("a picture of another test")


def test_leaves_something(studio, browser):
    attempts.append(len(studio))
    studio.append("a picture")
    browser.append("a page")
    assert len(attempts) > 1, "the first attempt fails"
    assert (attempts, len(ended), len(browser)) == ([1, 0], 1, 2)


@pytest.fixture
def ends_badly():
    yield
    assert len(ended) > 1


def test_fails_when_it_ends(studio, ends_badly):
    assert studio == [["a picture"], []][len(ended) - 1]


def test_after_it_goes_on_in_the_same(studio):
    assert len(ended) == 2
"""


def test_a_failed_browser_test_is_run_again_in_a_studio_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_pages.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = browser\n")
    command = [sys.executable, "-m", "pytest", "-p", "pytest_rerunfailures", "-p", "no:cacheprovider", tmp_path]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ASSETS.parent)}
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "2 rerun" in told.stdout
    assert "the first attempt fails" in told.stdout, "and why"
