"""A browser test that failed is run again in a studio of its own: what its first attempt left is in nobody's way.

Hooks of pytest, for a conftest.py. What a module shares is ended with the failed attempt, and made anew for the next.
"""

from collections.abc import Generator

import pytest

TRIES = 3
# How much is told of why one was run again.
LINES = 40
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a failing browser test up to twice more; the summary counts it as rerun.

    A page that lost a race on a loaded machine is told apart from one that is broken, which fails each time.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=TRIES - 1))


def has_failed(item: pytest.Item) -> bool:
    """Whether this attempt at a test has failed so far."""
    return item.stash.get(FAILED, False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = report.failed or (call.when != "setup" and has_failed(item))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why each attempt failed that was run again: a race that is seldom lost is mended by what it says."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"rerun: {report.nodeid}, {report.when}")
        terminalreporter.write_line("\n".join(report.longreprtext.splitlines()[-LINES:]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    if has_failed(item):
        # First of all: the plugin that runs it again would keep what the module shares.
        _end_module(item)
    try:
        yield
    except BaseException:
        item.stash[FAILED] = True
        _end_module(item)
        raise


def _end_module(item: pytest.Item) -> None:
    """End what the tests of a module share; the next of them, or the same once more, has it made anew."""
    module = item.getparent(pytest.Module)
    assert module
    # Down to what the module lies in. pytest has no public way to do it before the module's last test.
    item.session._setupstate.teardown_exact(module.parent)
