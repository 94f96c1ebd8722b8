"""The way that a picture went, done to others: a job for each step, and each later one follows by itself."""

import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from studio.catalogue.models import Catalogue
from studio.errors import (
    Busy,
    Closing,
    DeviceLost,
    InternalError,
    InvalidRequest,
    NotFound,
    StorageError,
    StudioError,
    Unreadable,
)
from studio.events import END, Event
from studio.gate.identity import Identity
from studio.inputs import InputStore
from studio.jobs.job import Job
from studio.jobs.scheduler import Scheduler
from studio.library import LibraryIndex
from studio.library.entry import Tree
from studio.metadata import own
from studio.recipe import Recipe
from studio.repeat.recipes import for_pictures, for_prompts, is_of_words
from studio.repeat.store import RepeatStore, Steps

KIND = "repeat"
# After so many seconds what found no place in line is tried again.
AGAIN = 10.0
# Recipes by the place of the picture that each goes on from, and why others have none.
Next = tuple[dict[int, Recipe], dict[int, StudioError]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is to be done: the recipes of the first step, those after it, and the prompts that were and that are now."""

    recipes: Sequence[Recipe]
    later: Sequence[Recipe]
    before: str
    prompts: Sequence[str]

    @property
    def steps(self) -> Steps:
        """What follows the job of the first step."""
        return Steps(self.later, self.before, self.prompts, range(len(self.recipes)))


class Repeats:
    """The ways of all owners; `submit` and `resolve` are those of the studio, `most` the pictures of one step.

    Which steps are to come is in the database: from `start` on, what an earlier studio left is gone on with.
    """

    def __init__(
        self,
        jobs: Scheduler,
        index: LibraryIndex,
        inputs: InputStore,
        catalogue: Catalogue,
        submit: Callable[..., Job],
        resolve: Callable[[Recipe], object],
        most: int,
    ) -> None:
        self._jobs = jobs
        self._index = index
        self._inputs = inputs
        self._catalogue = catalogue
        self._submit = submit
        self._resolve = resolve
        self._most = most
        self._store = RepeatStore(jobs.database)
        self._news = threading.Condition()
        self._is_due = True
        self._closing = False
        self._thread: threading.Thread | None = None
        jobs.listen(KIND, self._hear)

    def way(self, path: Path, who: Identity) -> list[Recipe]:
        """The recipes of a picture of who asks and of those that it came from, the first of them first.

        As far as these are in the library; of any other picture, its own recipe alone. Unreadable where it has none.
        """
        steps = [own.read(path)]
        entry = self._index.at(path.absolute(), who)
        trees = self._index.lineage.came_from(entry.id, who) if entry else ()
        while start := next((tree for tree in trees if tree.link.role == "init_image" and _file(tree)), None):
            try:
                steps.insert(0, own.read(Path(str(_file(start)))))
            except (NotFound, Unreadable):  # what somebody brought says nothing of how it was made here
                break
            trees = start.below
        return steps

    def plan(
        self, steps: Sequence[Recipe], who: Identity, *, paths: Sequence[Path] = (), prompts: Sequence[str] = ()
    ) -> Plan:
        """The steps of a way for other prompts, or else for these pictures.

        InvalidRequest where they are too many, or the way has no place for them; InvalidRecipe.
        """
        if count := len(prompts or paths):
            self._check(count)
        if prompts:
            return Plan(for_prompts(steps[0], prompts), steps[1:], steps[0].prompt, prompts)
        # Pictures take the place of what words alone made.
        steps = steps[1:] if is_of_words(steps[0]) and len(steps) > 1 else steps
        recipes = for_pictures(steps[0], paths, self._inputs, self._catalogue, who)
        return Plan(recipes, steps[1:], steps[0].prompt, [recipe.prompt for recipe in recipes])

    def begin(self, planned: Plan, who: Identity) -> Job:
        """The job of the first step; StudioError as of `Studio.submit`."""
        return self._make(planned.recipes, planned.steps, who)

    def next(self, steps: Steps, made: Mapping[int, Path], who: Identity) -> Next:
        """The recipes of the next step, by the place of the picture that each goes on from, and why some have none."""
        recipes, faults = dict[int, Recipe](), dict[int, StudioError]()
        for place, path in made.items():
            try:
                recipes[place] = self._gone_on(steps, place, path, who)
            except StudioError as error:
                faults[place] = error
        return recipes, faults

    def start(self) -> None:
        """Go on with each way when a step of it is done, in the background."""
        self._is_due = True
        self._thread = threading.Thread(target=self._run, name="repeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Go on with nothing more; what is to come waits for the next start."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        if self._thread:
            self._thread.join()

    def _check(self, count: int) -> None:
        if count > self._most:
            raise InvalidRequest(
                f"That makes {count} pictures; one job of this kind may make {self._most}.",
                "Give fewer, or start the studio with STUDIO_MAX_CELLS set higher.",
            )

    def _make(self, recipes: Sequence[Recipe], steps: Steps, who: Identity, after: str = "") -> Job:
        """The job of a step, in one transaction with what follows it: no crash leaves one without the other."""
        name = secrets.token_urlsafe(12)
        if steps.pictures:
            self._inputs.use(steps.pictures)
        beside = lambda rows: self._store.put(rows, name, steps, after=after)  # noqa: E731 - read once, here
        return self._submit(recipes, who, name, kind=KIND, beside=beside)

    def _hear(self, event: Event) -> None:
        if isinstance(event, END):
            with self._news:
                self._is_due = True
                self._news.notify_all()

    def _run(self) -> None:
        again: float | None = None
        while self._waited(again):
            again = None
            try:
                ready = self._store.due()
            except StudioError as error:
                log.warning("What follows in a picture's way cannot be read: %s", error.sentence)
                continue
            for job, (who, steps) in ready.items():
                again = again if self._gone(job, steps, who) else AGAIN

    def _waited(self, seconds: float | None) -> bool:
        """Wait until something may be due, or for so long; False where the studio closes."""
        with self._news:
            self._news.wait_for(lambda: self._is_due or self._closing, seconds)
            self._is_due = False
            return not self._closing

    def _gone(self, name: str, steps: Steps | None, who: Identity) -> bool:
        """Go on after a job; False where there was no place in line."""
        try:
            self._go_on(self._jobs.get(name, who), steps)
        except (Busy, Closing, DeviceLost, StorageError):
            return False
        except StudioError as error:
            self._give_up(name, who, error)
        except Exception as error:
            log.exception("The next step of a picture's way failed")
            self._give_up(name, who, InternalError(error))
        return True

    def _give_up(self, name: str, who: Identity, error: StudioError) -> None:
        """Nothing follows a job, for this reason."""
        log.warning("The next step of a picture's way cannot be done: %s", error.sentence)
        self._store.forget(name)
        with suppress(StudioError):  # the job itself may be what cannot be read
            job = self._jobs.get(name, who)
            self._jobs.not_continued(job, {image.image: error for image in job.results})

    def _go_on(self, job: Job, steps: Steps | None) -> None:
        if steps is None:
            raise Unreadable("What follows it cannot be read.", "Do the same once more.")
        made = {steps.places[image.image]: image.path for image in job.results}
        recipes, faults = self.next(steps, made, job.who)
        if recipes:
            self._make([*recipes.values()], steps.after([*recipes]), job.who, after=job.id)
        else:
            self._store.forget(job.id)
        if faults:
            self._jobs.not_continued(job, {steps.places.index(place): error for place, error in faults.items()})

    def _gone_on(self, steps: Steps, place: int, made: Path, who: Identity) -> Recipe:
        """The next step from what the step before made."""
        recipe = steps.later[0]
        (found,) = for_pictures(recipe, [made], self._inputs, self._catalogue, who)
        if recipe.denoises and recipe.prompt == steps.before:
            found = found.replace(prompt=steps.prompts[place])
        self._resolve(found)
        return found


def _file(tree: Tree) -> Path | None:
    return tree.link.entry.path if tree.link.entry else None
