"""What stands on the stage: pictures are asked for, and waited for; those of a job before do not count."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect

from studio.families import FAMILIES

# The side of the starter's pictures, in pixels.
SIDE = FAMILIES["starter"].native_side
# The job whose pictures stand there; empty where there are none.
JOB = "document.querySelector('.cell')?.dataset.key.split('/')[0] ?? ''"


def ask(page: Page, prompt: str) -> None:
    """Ask for pictures of a prompt, and wait for nothing."""
    page.locator("#field-prompt textarea").fill(prompt)
    page.locator("#generate").click()


def draw(page: Page, prompt: str, pictures: int = 1) -> None:
    """Ask for pictures of a prompt, and wait until so many stand on the stage."""
    with drawing(page, pictures):
        ask(page, prompt)


@contextmanager
def drawing(page: Page, pictures: int = 1) -> Iterator[None]:
    """Wait at the end until the job that is asked for within is done, with so many pictures of its own."""
    before = page.evaluate(JOB)
    yield
    own = f':not([data-key^="{before}/"])' if before else ""
    expect(page.locator(f".cell.done{own}")).to_have_count(pictures)
    expect(page.locator(".stage.busy")).to_have_count(0)
