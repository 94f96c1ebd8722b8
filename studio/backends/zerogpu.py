"""Renders on ZeroGPU: a GPU that a Space has for the length of a call.

The studio's own process has no GPU. Models are loaded there at the start all the same, onto a device that `spaces`
pretends; each call runs in a fork of that process, where they are moved to the real one. So a call's arguments, its
events and its pictures are pickled, nothing that the fork changes comes back, and what is not loaded at the start is
loaded anew by every fork. Only a generator can be stopped.
"""

import logging
import re
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

from PIL.Image import Image

from studio.backends.base import NOBODYS, MemoryUse, Rendered, Report, Turn, Wanted, always
from studio.backends.local import LocalBackend
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.errors import Cancelled, DeviceError, DeviceFailed, InternalError, NotDownloaded, QuotaExceeded, StudioError
from studio.events import Event
from studio.hub import Say, silent
from studio.inputs import Input
from studio.metrics.base import Sample, Score
from studio.openpose import Person
from studio.recipe import ControlUnit, ResolvedRecipe
from studio.settings import Settings

log = logging.getLogger(__name__)

GIGABYTE = 1_000_000_000
# Seconds until the weights are on the GPU, and those of one step of one megapixel for each gigabyte of weights: guessed
# on the safe side, as a call that takes longer is broken off, and one that was estimated longer waits longer.
START_SECONDS = 15
STEP_SECONDS = 0.08
RETRY = "Try again in a minute."
SMALLER = "Ask for fewer images, fewer steps or a smaller size."
# What each kind of refusal means and how it is met, by the title that `spaces` gives it.
REFUSALS: Mapping[str, tuple[type[DeviceError], str, str]] = {
    "ZeroGPU quota exceeded": (
        QuotaExceeded,
        "The time on ZeroGPU's graphics cards is used up",
        "Sign in for a quota of your own, ask for fewer images or steps, or try again later.",
    ),
    "ZeroGPU pending credits exceeded": (QuotaExceeded, "Too many of your calls to ZeroGPU are already running", RETRY),
    "ZeroGPU queue timeout": (DeviceFailed, "ZeroGPU has no graphics card free", "Try again later."),
    "ZeroGPU illegal duration": (DeviceFailed, "This would take longer than ZeroGPU allows", SMALLER),
    "ZeroGPU worker error": (
        DeviceFailed,
        "The call on ZeroGPU was cut off",
        "Ask for fewer images or a smaller size: a call that takes longer than its time is ended.",
    ),
}
OTHERWISE = (DeviceFailed, "ZeroGPU does not take this call", RETRY)
# The figures in what it says.
LEFT = re.compile(r"(\d+)s requested vs\. (\d+)s left")
WAIT = re.compile(r"Try again in ([\d:]+(?: days?, [\d:]+)?)")


def refusal(title: str, message: str) -> DeviceError:
    """What `spaces` says, in the studio's words with its figures, without its advice and links."""
    log.warning("ZeroGPU refused a call: %s: %s", title, message)
    kind, words, cure = REFUSALS.get(title, OTHERWISE)
    left, wait = LEFT.search(message), WAIT.search(message)
    figures = f": {left[1]} seconds are asked for, {left[2]} are left" if left else ""
    return kind(f"{words}{figures}{f'; there is more in {wait[1]}' if wait else ''}.", cure)


class ZeroGpuBackend(LocalBackend):
    """The engine, with every model that there is loaded before the page is served; needs `spaces`.

    Maps and measures are made on the CPU, where they use up nobody's time on the GPU.
    """

    # One call is bounded in time: a grid takes several.
    most = 16
    races = False

    def __init__(
        self, settings: Settings, catalogue: Catalogue, controlnets: ControlNets, prompt_assets: PromptAssets
    ) -> None:
        import spaces  # has to be there before torch looks for a GPU

        device = "cuda" if settings.device == "auto" else settings.device
        # Each call is a process of its own, which shares nothing with others.
        settings = settings.model_copy(update={"side_by_side": 1})
        on_gpu = settings.model_copy(update={"device": device, "offload": "none"})
        super().__init__(on_gpu, catalogue, controlnets, prompt_assets)
        self._aside = LocalBackend(settings.model_copy(update={"device": "cpu"}), catalogue, controlnets, prompt_assets)
        # Gigabytes of each model that is loaded, or what kept it from that.
        self._loaded: dict[str, float | StudioError] = {}
        for name, model in catalogue.items():
            try:
                catalogue.obtain(model)
                super().warm(name)
                self._loaded[name] = (catalogue.size_bytes(model) or 0) / GIGABYTE
            except StudioError as error:
                log.warning("%s is not loaded: %s", name, error)
                self._loaded[name] = error
        self._borrowed = spaces.GPU(duration=self.seconds)(self._work)

    def seconds(self, recipes: Sequence[ResolvedRecipe]) -> int:
        """How long a call for these recipes is asked for."""
        from studio.engine.progress import cost

        pixels = sum(cost(recipe) * self._gigabytes(recipe) for recipe in recipes)
        return round(START_SECONDS + STEP_SECONDS * pixels / 1_000_000)

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Generator[Rendered, None, None]:
        from gradio.exceptions import Error

        del wanted, turn  # what was begun is paid from the visitor's quota; nobody else is in its process
        for recipe in recipes:
            self._check(recipe)
        # `spaces` reads whose quota it is from the page's request, which is in the job's context.
        news = self._borrowed(tuple(recipes))
        try:
            for one in news:
                if isinstance(one, StudioError):
                    raise one
                if isinstance(one, Rendered):
                    yield one
                else:
                    report(one)
        except Error as error:
            raise refusal(str(error.title), str(error.message)) from error
        except RuntimeError as error:  # what `spaces` has no words for
            raise DeviceFailed("ZeroGPU does not answer.", RETRY) from error
        finally:
            news.close()

    def warm(self, model: str) -> None:
        """Nothing: what can be loaded was, at the start."""

    def control_map(self, unit: ControlUnit, model: str, say: Say = silent) -> Input:
        return self._aside.control_map(unit, model, say)

    def people(self, unit: ControlUnit, model: str, say: Say = silent) -> list[Person]:
        return self._aside.people(unit, model, say)

    def measure(self, metric: str, samples: Sequence[Sample], *, starter: bool) -> list[Score]:
        return self._aside.measure(metric, samples, starter=starter)

    def classify(self, image: Image) -> Mapping[str, float]:
        return self._aside.classify(image)

    def memory_use(self) -> MemoryUse | None:
        """Nothing: each call has a card of its own, for as long as it lasts."""
        return None

    def free_memory(self) -> int:
        """Nothing: what was loaded at the start serves every call."""
        return 0

    def describe(self) -> str:
        return "ZeroGPU"

    def close(self) -> None:
        self._aside.close()
        super().close()

    def _check(self, recipe: ResolvedRecipe) -> None:
        for model in recipe.models:
            loaded = self._loaded.get(model)
            if isinstance(loaded, StudioError):
                raise NotDownloaded(f"{model} could not be loaded when this Space started: {loaded}", "Choose another.")

    def _gigabytes(self, recipe: ResolvedRecipe) -> float:
        """The most that a model of the recipe takes, and at least one."""
        known = (self._loaded.get(model) for model in recipe.models)
        return max(1.0, max((size for size in known if isinstance(size, float)), default=1.0))

    def _work(self, recipes: Sequence[ResolvedRecipe]) -> Iterator[Any]:
        """In the fork: the events and pictures of these recipes, or an error; closed, it stops at the next step."""
        news: SimpleQueue[Any] = SimpleQueue()
        stopping = threading.Event()

        def report(event: Event) -> None:
            if stopping.is_set():
                raise Cancelled
            news.put(event)

        # The engine calls `report`, a generator yields: so it runs beside.
        render = threading.Thread(target=copy_context().run, args=(self._render, recipes, report, news))
        render.start()
        try:
            while (one := news.get()) is not None:
                yield one
        finally:
            stopping.set()
            render.join()

    def _render(self, recipes: Sequence[ResolvedRecipe], report: Report, news: "SimpleQueue[Any]") -> None:
        try:
            for rendered in super().generate(recipes, report):
                news.put(rendered)
        except Cancelled:
            pass
        except StudioError as error:
            news.put(error)
        except Exception as error:
            log.exception("A call on ZeroGPU failed")
            news.put(InternalError(error, RETRY))
        finally:
            news.put(None)
