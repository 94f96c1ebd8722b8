"""What large libraries make as they are imported stays: collections meanwhile look through all of it, and find nothing.

Without them Gradio and the page are there a fifth sooner, the engine a twentieth.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing looks for garbage while this lasts; where several overlap, until one of them ends."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()
