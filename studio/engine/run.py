"""Pictures of one recipe that differ in their noise only: their tasks under way, and what was said of them."""

from collections import deque
from collections.abc import Sequence
from functools import partial

from PIL.Image import Image

from studio.catalogue.models import Model
from studio.engine import memory
from studio.engine.noise import Noise
from studio.engine.progress import Numbered, Progress
from studio.engine.requests import Borrow, Decode, Denoise, LatentRow, RenderRow, Request
from studio.engine.running import Running
from studio.engine.tasks.context import TaskContext
from studio.events import Loading
from studio.recipe import PaintedRecipe

# A batch has no more rows than this on any device: more tasks need not be begun at once.
MOST_ROWS = max(memory.BATCH_LIMIT.values())


class Picture(Running[Image]):
    """One picture under way: its `index` in the call, the recipe that makes it again, and the seconds that it took.

    `batch` is how many rows the largest batch had that it stood in; 0 as long as nothing of it was denoised.
    """

    def __init__(self, index: int, recipe: PaintedRecipe, context: TaskContext, render: RenderRow) -> None:
        self.index = index
        self.recipe = recipe
        self.seconds = 0.0
        self.batch = 0
        self._context = context
        super().__init__(partial(render, LatentRow(index, Noise.of(recipe))))

    @property
    def context(self) -> TaskContext:
        """What its request is made in: that of the second pass by another model, or that of the first."""
        second = self._context.second
        if second and isinstance(self.request, Denoise | Decode | Borrow) and self.request.recipe is second.recipe:
            return second
        return self._context


class Run:
    """The pictures of `numbered`: recipes that differ in their noise only, whose first passes are by `model`."""

    def __init__(self, numbered: Sequence[Numbered], model: Model, progress: Progress) -> None:
        self.recipe = numbered[0][1]
        self.progress = progress
        self.context: TaskContext | None = None
        self.changes: list[str] = []
        self.loras = ""
        self._model = model
        self._notes: list[str] = []
        self._render: RenderRow | None = None
        self._left = deque(numbered)
        self._pictures: list[Picture] = []

    @property
    def remarks(self) -> dict[str, str]:
        """What was done otherwise than asked and what was noted, each once, to be kept with its pictures."""
        texts = {"changed": self.changes, "notes": self._notes}
        return {name: " ".join(dict.fromkeys(words)) for name, words in texts.items() if words}

    def note(self, words: str) -> None:
        """Something that the creator should know about these pictures; it is told once and kept with them."""
        if words not in self._notes:
            self._notes.append(words)
            self.progress.report(Loading(words))

    def waits_for(self, model: Model) -> bool:
        """Whether a picture of it goes on by this model, or has yet to be begun by it."""
        return any(self._goes_on(picture, model) for picture in self._pictures) or (
            bool(self._left) and model == self._model
        )

    def begin(self, context: TaskContext, render: RenderRow) -> None:
        """From here on `render` renders its pictures."""
        self.context, self._render = context, render

    def group(self, model: Model) -> list[Picture]:
        """The next pictures that go on by this model: those that may be denoised together, or one.

        What was begun first comes first, so that each picture is done soon.
        """
        mine = [picture for picture in self._pictures if self._goes_on(picture, model)]
        if not mine and model == self._model:
            mine = self._begun()
        if not mine:
            return []
        # Those that ask for less than latents first: then all ask for latents, as many as may go together.
        first = next((picture for picture in mine if not isinstance(picture.request, Denoise)), mine[0])
        return [picture for picture in mine if picture is first or _alike(picture.request, first.request)]

    def keep(self, picture: Picture) -> None:
        """What was made of a picture stays, whatever of it is made again."""
        picture.keep()
        self.progress.keep(picture.index)

    def finish(self, picture: Picture) -> None:
        """A picture is done."""
        self._pictures.remove(picture)

    def take_back(self, model: Model) -> None:
        """Make again what this model has made of pictures that are not done."""
        for picture in self._pictures:
            if picture.model == model:
                self.progress.take_back(picture.index)
                picture.take_back()

    def leave(self) -> None:
        """Leave the pictures of which nothing was denoised yet."""
        self._left.clear()
        for picture in [one for one in self._pictures if not one.batch]:
            picture.close()
            self.finish(picture)

    def rest(self) -> None:
        """Nothing more of it goes on for now; where nothing is left at all, its share of the time is over."""
        if not self._pictures and not self._left:
            self.progress.close()

    def close(self) -> None:
        """End what is under way."""
        self._left.clear()
        for picture in self._pictures:
            picture.close()
        self._pictures.clear()

    def _goes_on(self, picture: Picture, model: Model) -> bool:
        return (picture.model or self._model) == model

    def _begun(self) -> list[Picture]:
        """As many more pictures as may go into one batch; one where it is made of tiles, or is not denoised at all."""
        begun: list[Picture] = []
        while self.context and self._render and self._left and len(begun) < MOST_ROWS:
            begun.append(self._next(self.context, self._render))
            if not _alike(begun[-1].request, begun[0].request):
                break
        self._pictures += begun
        return begun

    def _next(self, context: TaskContext, render: RenderRow) -> Picture:
        """The next picture; its recipe has the maps that were made for all."""
        index, recipe = self._left.popleft()
        whole = recipe.changed(controls=context.recipe.controls)
        return Picture(index, whole, context, render)


def _alike(request: Request | None, other: Request | None) -> bool:
    return isinstance(request, Denoise) and request.alike(other)
