"""A backend that draws flat pictures at once, or a step at a time as the test allows; no weights, no device."""

import threading
from collections.abc import Iterator, Mapping, Sequence

from PIL import Image

from studio.backends.base import NOBODYS, Backend, Rendered, Report, Turn, Wanted, always
from studio.events import Preview, Step
from studio.recipe import ResolvedRecipe, TextToImageRecipe
from studio.storage.database import Database

SIDE = 64
# Seconds after which a step that waits asks whether it is still wanted: a studio may close while nothing is allowed.
PATIENCE = 5.0


def resolved(prompt: str, seed: int = 1, side: int = SIDE, steps: int = 2) -> ResolvedRecipe:
    """A recipe with nothing left open."""
    return TextToImageRecipe(
        prompt=prompt,
        model="starter",
        width=side,
        height=side,
        scheduler="Euler",
        steps=steps,
        guidance_scale=5,
        seed=seed,
    )


class Drawer(Backend):
    """Each picture is noise of its seed; `faults` says which prompts raise what; `drawn` holds what was finished.

    With `gated`, each step waits for one `allow()`, or until its job is left.
    """

    def __init__(self, *, gated: bool = False, faults: Mapping[str, Exception] | None = None) -> None:
        self.faults = faults or {}
        self.drawn: list[str] = []
        self.warmed: list[str] = []
        self.busy = False
        self.closed = False
        self._steps = threading.Semaphore(0) if gated else None

    def allow(self, steps: int = 1) -> None:
        assert self._steps is not None
        self._steps.release(steps)

    def hold(self) -> None:
        """Let no step pass that was allowed and not taken."""
        if self._steps is not None:
            self._steps = threading.Semaphore(0)

    def free(self) -> None:
        """Wait for nobody any more."""
        if self._steps is not None:
            self._steps.release(1000)

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        del turn
        assert not self.busy, "the job before has not freed the device"
        self.busy = True
        try:
            for index, recipe in enumerate(recipes):
                if index and not wanted():
                    return
                yield self._draw(index, recipe, report)
        finally:
            self.busy = False

    def _draw(self, index: int, recipe: ResolvedRecipe, report: Report) -> Rendered:
        steps = recipe.steps or 1
        for step in range(1, steps + 1):
            while self._steps is not None and not self._steps.acquire(timeout=PATIENCE):
                report(Preview(index, b""))  # tells nobody anything, and ends what is stopped or left
            if recipe.prompt in self.faults:
                raise self.faults[recipe.prompt]
            report(Step((index,), step, steps, 0.0))
            report(Preview(index, b"jpeg of step %d" % step))
        self.drawn.append(f"{recipe.prompt}/{recipe.seed}")
        return Rendered(index, picture(recipe), 0.25, {"device": "pencil"})

    def warm(self, model: str) -> None:
        self.warmed.append(model)

    def describe(self) -> str:
        return "a pencil"

    def close(self) -> None:
        self.closed = True


def kept(database: Database, job: str, paths: Sequence[str]) -> None:
    """A job that is over, whose items made these images, which are still to be measured."""
    recipe = resolved("a").to_json()
    with database.write() as rows:
        rows.execute("INSERT INTO jobs (id, owner, created, state) VALUES (?, 'ann', 1, 'done')", (job,))
        for number, path in enumerate(paths):
            item = "INSERT INTO items (job, number, recipe, state, path, seconds) VALUES (?, ?, ?, 'done', ?, 1.0)"
            rows.execute(item, (job, number, recipe, path))
            rows.execute("INSERT INTO scores (job, item) VALUES (?, ?)", (job, number))


def picture(recipe: ResolvedRecipe) -> Image.Image:
    """RGB noise that does not compress, the same for the same seed."""
    side = (recipe.width or SIDE, recipe.height or SIDE)
    seed = (recipe.seed or 0).to_bytes(4, "little")
    noise = Image.frombytes("L", side, _noise(seed, side[0] * side[1]))
    return Image.merge("RGB", (noise, noise, noise))


def _noise(seed: bytes, length: int) -> bytes:
    from hashlib import shake_256

    return shake_256(seed).digest(length)
