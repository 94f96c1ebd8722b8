"""Renders on this machine's own device."""

import functools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from PIL.Image import Image

from studio.backends.base import NOBODYS, Backend, MemoryUse, Rendered, Report, Turn, Wanted, always
from studio.backends.libraries import import_engine
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.controls.base import EstimatorContext
from studio.engine.numerics import wanted_numerics
from studio.errors import DeviceLost, StudioError
from studio.events import Event, Loading
from studio.hub import Say, silent
from studio.inputs import Input, InputStore
from studio.metrics import METRICS
from studio.metrics.base import Sample, Score
from studio.openpose import Person
from studio.recipe import ControlUnit, ResolvedRecipe
from studio.resolve.tasks import shares_steps
from studio.settings import Settings

if TYPE_CHECKING:
    from studio.engine.manager import PipelineManager
    from studio.engine.threads import Threads


P = ParamSpec("P")
T = TypeVar("T")
LOST_HINT = "Start the studio again: waiting jobs are kept, and continue then."


def apart(method: Callable[P, T]) -> Callable[P, T]:
    """The same, in a thread that ends with it.

    A thread that has computed keeps its OpenMP threads for as long as it lives; with those of the queue's worker they
    would be more than there are cores, and the worker's would wait asleep (see `engine/threads.py`).
    """

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        answer: Future[T] = Future()

        def act() -> None:
            try:
                answer.set_result(method(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 (whoever waits for the answer gets it)
                answer.set_exception(error)

        thread = Thread(target=copy_context().run, args=(act,), name=method.__name__, daemon=True)
        thread.start()
        thread.join()
        return answer.result()

    return run


def made_alone(recipe: ResolvedRecipe, settings: Settings, catalogue: Catalogue) -> bool:
    """Whether the engine is called for this recipe by itself, as `Backend.alone` has it."""
    if recipe.buckets or wanted_numerics(recipe, settings) in ("solo", "exact"):
        return True
    return settings.side_by_side > 1 and shares_steps(recipe, [catalogue[name] for name in recipe.models])


class LocalBackend(Backend):
    """The engine behind the backend's contract. Torch and diffusers are imported at the first `warm` or `generate`."""

    races = True

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        controlnets: ControlNets | None = None,
        prompt_assets: PromptAssets | None = None,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._controlnets = controlnets or ControlNets(settings)
        self._prompt_assets = prompt_assets or PromptAssets.of(settings)
        self._inputs = InputStore.of(settings)
        self._making = Lock()
        self._manager: PipelineManager | None = None
        self._threads: Threads | None = None
        self._kept: dict[str, Any] = {}
        self._lost = ""
        self.side_by_side = settings.side_by_side

    def alone(self, recipe: ResolvedRecipe) -> bool:
        return made_alone(recipe, self._settings, self._catalogue)

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Generator[Rendered, None, None]:
        manager = self._engine(lambda words: report(Loading(words)))
        from studio.engine.render import render

        threads = self._threads

        def relay(event: Event) -> None:
            """Between steps, others may have come or gone."""
            if threads:
                threads.look()
            report(event)

        with threads.at_work() if threads else nullcontext(), self._watched(manager):
            yield from render(manager, list(enumerate(recipes)), relay, self._inputs, wanted, turn)

    def warm(self, model: str) -> None:
        manager = self._engine()
        with self._watched(manager):
            manager.warm(self._catalogue[model])

    @apart
    def control_map(self, unit: ControlUnit, model: str, say: Say = silent) -> Input:
        manager = self._engine(say)
        from studio.engine import maps

        with self._watched(manager):
            return maps.preview(manager, unit, self._catalogue[model], self._inputs)

    @apart
    def people(self, unit: ControlUnit, model: str, say: Say = silent) -> list[Person]:
        manager = self._engine(say)
        from studio.engine import maps

        with self._watched(manager):
            return maps.people(manager, unit, self._catalogue[model], self._inputs)

    @apart
    def measure(self, metric: str, samples: Sequence[Sample], *, starter: bool) -> list[Score]:
        found = METRICS[metric]
        if starter and found.embedded:
            # Small, and on the CPU: it waits for nobody's pictures.
            small = EstimatorContext(self._settings, starter=True, load=self._keep)
            return self._engine().aside(lambda: found.measure(samples, small))
        for weights in found.needs:  # said before the engine is started, or waited for
            weights.here(self._settings)
        manager = self._engine()
        with self._watched(manager), manager.hold():
            context = manager.estimator_context(None)
            return manager.within("the metric", lambda: found.measure(samples, context))

    @apart
    def classify(self, image: Image) -> Mapping[str, float]:
        import_engine()
        from studio.safety.classifier import Classifier

        # Small, and on the CPU: nothing waits for it, and it for nothing.
        classifier: Classifier = self._keep("safety", "the classifier of the output check", Classifier.load)
        return classifier(image)

    def unload(self, model: str) -> bool:
        return self._manager is None or self._manager.unload(self._catalogue[model])

    def memory_use(self) -> MemoryUse | None:
        return self._manager.memory_use() if self._manager and not self._lost else None

    @apart
    def free_memory(self) -> int:
        freed = self._manager.free_memory() if self._manager and not self._lost else 0
        self._kept.clear()
        return freed

    def describe(self) -> str:
        if self._lost:
            return self._lost
        return self._manager.describe() if self._manager else "The engine is starting."

    def close(self) -> None:
        if self._manager and not self._lost:
            self._manager.close()
        if self._threads:
            self._threads.close()

    @contextmanager
    def _watched(self, manager: "PipelineManager") -> Iterator[None]:
        """Raise DeviceLost where the device is lost, or is lost while the context lasts."""
        if self._lost:
            raise DeviceLost(self._lost, LOST_HINT)
        try:
            yield
        except (RuntimeError, StudioError) as error:
            self._lost = manager.device.lost(error) or ""
            if not self._lost:
                raise
            raise DeviceLost(self._lost, LOST_HINT) from error

    def _keep(self, key: str, what: str, loader: Callable[[], T]) -> T:
        del what
        kept: T | None = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = loader()
        return kept

    def _engine(self, say: Say = silent) -> "PipelineManager":
        if self._manager is None:
            say("Starting the engine ...")
        with self._making:
            if self._manager is None:
                import_engine()
                from studio.engine.manager import PipelineManager
                from studio.engine.threads import Threads

                self._threads = Threads.of(self._settings)
                self._manager = PipelineManager(self._catalogue, self._settings, self._controlnets, self._prompt_assets)
            return self._manager
