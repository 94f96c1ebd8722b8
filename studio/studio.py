"""The studio: the one place where its parts are put together. A recipe goes in, a job comes out."""

import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Self

from studio.accounts.store import Accounts
from studio.atomic_files import AtomicFolder
from studio.backends.base import Backend
from studio.backends.choosing import backend_of
from studio.backends.engine_process import EngineProcess
from studio.backends.hosted import HostedImages
from studio.candidates.making import Candidates
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.digests import Digests
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.catalogue.upscalers import Upscalers
from studio.downloads.hashes import WeightHashes
from studio.downloads.items import Items
from studio.downloads.needs import Needs
from studio.downloads.queue import Downloads
from studio.downloads.used import LastUsed
from studio.downloads.weights import Weights
from studio.errors import InvalidRecipe
from studio.filmstrip import Filmstrips
from studio.gate.addresses import Addresses, kept_key
from studio.gate.identity import Identity, check_creates
from studio.hosted.access import HostedModels
from studio.hosted.models import is_hosted, parted
from studio.hosted.spending import Price
from studio.hub import Say, silent
from studio.inputs import Input, InputStore
from studio.jobs.admission import Limits, Pace
from studio.jobs.item import DEVICE
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS
from studio.jobs.kinds.base import Priority
from studio.jobs.lane import HostedLane
from studio.jobs.scheduler import Scheduler
from studio.jobs.store import Beside
from studio.library import Library, LibraryIndex
from studio.library.index import THUMBNAILS
from studio.measuring import Measuring
from studio.metadata.writing import writing_of
from studio.openpose import Person
from studio.presets.people import PeoplesPresets
from studio.racing import Race
from studio.recipe import ControlUnit, HostedRecipe, Recipe, ResolvedRecipe
from studio.repeat.making import Repeats
from studio.resolve.hosted import dearest, resolve_hosted
from studio.resolve.limits import check_limits
from studio.resolve.resolve import check_count, resolve
from studio.resolve.sizes import result_size
from studio.resolve.tasks import UNRACED, check_raced
from studio.safety.layer import Safety
from studio.safety.prompts import PromptFilter
from studio.scorer import Scorer
from studio.settings import Settings
from studio.storage.database import Database
from studio.unused import clear_folder
from studio.warming import Warming

# A folder in the home: grids that were written to a file.
SHEETS = "grid-sheets"
# And what the steps of a picture predicted.
FILMSTRIPS = "filmstrips"
# Pictures that were made again, and where they differ.
REPLAYS = "replays"
# What Gradio keeps of what it shows, and below it, where it takes a file for one of the page's, what was just brought.
CACHE, UPLOADS = "cache", "cache/uploads"
SWEPT_SECONDS = 24 * 3600
# Partial images of a hosted picture while it is made; each is charged.
LOOKS = 1

log = logging.getLogger(__name__)


class Studio:
    """Everything that a page, a command or a server needs; use it in a `with` block or call `close()`.

    `backend` renders (default: this machine's device), `images` is where images go (default: the data folder's),
    `begun` is a process of its engine that was begun before. `durable` False, for one command, keeps its jobs in
    memory, or in the database `jobs`, and takes up none of others.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        backend: Backend | None = None,
        images: Path | None = None,
        durable: bool = True,
        jobs: Database | None = None,
        begun: EngineProcess | None = None,
    ) -> None:
        self.settings = settings
        self.database = Database.of(settings.home)
        self.accounts = Accounts(self.database)
        self.pace = Pace(settings.work_per_minute)
        self._know()
        # What a command makes elsewhere is none of the library's, nor in one transaction with jobs that a command keeps
        # in a database of its own.
        self._store(images or settings.folder("images"), indexed=not (images or jobs))
        known = (self.catalogue, self.controlnets, self.prompt_assets)
        self.backend = backend or backend_of(settings, *known, begun)
        self._queue(self.database if durable else jobs or Database(None), durable=durable)
        self._plan()
        if durable:
            self.measuring.start()
            self.repeats.start()
            self.index.watch(busy=lambda: bool(self.jobs.unfinished()))
        weights = (self.catalogue, self.items, self.needs, self.downloads)
        self._warming = Warming(settings.model, self.database, *weights, self.backend)

    def _know(self) -> None:
        """What there is to make pictures with."""
        settings = self.settings
        self.catalogue = Catalogue(settings)
        self.controlnets = ControlNets(settings)
        self.prompt_assets = PromptAssets.of(settings)
        self.upscalers = Upscalers(settings)
        self.peoples_presets = PeoplesPresets(settings.home)
        self.presets = self.peoples_presets.shared
        for fault in self.presets.faults.values():
            log.warning("Left out: %s", fault)
        self.items = Items(settings, self.catalogue, self.controlnets)
        self.needs = Needs(settings, self.catalogue, self.items)
        self.hashes = WeightHashes(
            settings, self.catalogue, self.controlnets, self.prompt_assets, Digests(self.database)
        )
        self.used = LastUsed(self.database)
        self.downloads = Downloads(agreed=settings.agree_downloads)
        self.hosted = HostedModels(settings, self.database)

    def _store(self, images: Path, *, indexed: bool) -> None:
        """Where pictures are, and what a page is shown of them; what is old is swept."""
        settings = self.settings
        self.inputs = InputStore.of(settings, self.database)
        self.index = LibraryIndex(settings, self.database, self.inputs)
        self.filmstrips = Filmstrips(settings.home / FILMSTRIPS)
        self.library = Library(images, self.index if indexed else None, writing_of(settings), self.filmstrips)
        self.addresses = self._addresses()
        self.library.sweep()
        self.inputs.sweep()
        _close_to_others(settings.home)
        self.sweep()

    def _queue(self, jobs: Database, *, durable: bool) -> None:
        """What makes pictures in turn, looks at each before it is stored, and brings what that needs."""
        settings = self.settings
        self.safety = Safety(settings, PromptFilter(settings), self.backend.classify)
        # A command shows no partial images, so it asks for none; nor does a studio that checks before it shows.
        looks = LOOKS if durable and not self.safety.hides_previews else 0
        self.images = HostedImages(self.hosted, self.inputs, looks)
        self.weights = Weights(
            self.items,
            self.needs,
            self.downloads,
            shared=settings.share_downloads,
            wanted=lambda: [job.recipes for job in self.jobs.unfinished()],
            unload=self.backend.unload,
        )
        self.jobs = self._scheduler(jobs, takes_up=durable)

    def _plan(self) -> None:
        """What goes on with pictures once they are made."""
        self.scorer = Scorer(self.settings, self.catalogue, self.backend)
        self.measuring = Measuring(self.jobs, self.library, self.scorer)
        self.candidates = Candidates(self.jobs, self.library, self.submit, self.measuring)
        parts = (self.jobs, self.index, self.inputs, self.catalogue, self.submit, self.resolve)
        self.repeats = Repeats(*parts, self.settings.max_cells)

    def _addresses(self) -> Addresses:
        """The folders whose files a page may be shown, each to its owner."""
        shown = {name: self.settings.home / name for name in (THUMBNAILS, SHEETS, FILMSTRIPS, REPLAYS)}
        shown |= {"images": self.library.folder, "inputs": self.inputs.folder}
        return Addresses(kept_key(self.settings.home / "addresses.key"), shown)

    def _scheduler(self, database: Database, *, takes_up: bool) -> Scheduler:
        return Scheduler(
            self.backend,
            self.library,
            database,
            self.settings.max_waiting,
            self.weights.fetch,
            lane_for=lambda name: HostedLane(self._hosted_by(name)),
            limits=Limits.of(self.settings),
            takes_up=takes_up,
            made_with=self.hashes.facts,
            safety=self.safety,
        )

    def of(self, who: Identity) -> "Studio":
        """The same studio, all parts shared, whose `presets` are those of who asks; it is not closed by itself."""
        own = self.peoples_presets.of(who)
        if own is self.presets:
            return self
        mine = copy(self)
        mine.presets = own
        return mine

    def resolve(self, recipe: Recipe) -> tuple[ResolvedRecipe, ...]:
        """What would be made: a recipe for each image with nothing left open; InvalidRecipe."""
        if self.is_hosted(recipe):
            check_count(recipe, self.settings)
            return resolve_hosted(recipe, self.hosted.models, self.presets, self.inputs, self.prompt_assets)
        if is_hosted(recipe.model) and not recipe.denoises:  # it is only enlarged, which no model does
            recipe = recipe.changed(model=None)
        known = (self.settings, self.catalogue, self.presets, self.inputs, self.controlnets, self.prompt_assets)
        resolved = resolve(recipe, *known)
        check_limits(resolved, self.settings, self.inputs)
        return resolved

    def control_map(self, unit: ControlUnit, who: Identity, model: str | None = None, say: Say = silent) -> Input:
        """The map that a picture by `model` (default: the studio's) would follow for this unit, made, stored and held.

        An estimator that is not here is downloaded first, if `who` may let it; `say` hears of it, and ends it by
        raising. InvalidRecipe where the kind, options or picture cannot be, ModelError where weights are missing.
        """
        check_creates(who)
        self.pace.check(who)
        chosen = self.settings.model if model is None else model
        self.weights.bring(self.needs.of_map(unit, chosen), who, say)
        made = self.backend.control_map(unit, chosen, say)
        self.inputs.give(made.id, who)
        return made

    def people(self, unit: ControlUnit, who: Identity, model: str | None = None, say: Say = silent) -> list[Person]:
        """The people that a pose unit finds in its picture, in the picture's pixels; else as `control_map`."""
        check_creates(who)
        self.pace.check(who)
        chosen = self.settings.model if model is None else model
        self.weights.bring(self.needs.of_map(unit, chosen), who, say)
        return self.backend.people(unit, chosen, say)

    def submit(
        self,
        recipe: Recipe | Sequence[Recipe],
        who: Identity,
        job_id: str = "",
        *,
        kind: str = "images",
        priority: Priority | None = None,
        beside: Beside | None = None,
        race: Race | None = None,
    ) -> Job:
        """Check the recipe, or several, and put them in line as one job; StudioError where nothing was queued.

        All others as in `Scheduler.submit`.
        """
        check_creates(who)
        given, mine = (recipe,) if isinstance(recipe, Recipe) else tuple(recipe), self.of(who)
        recipes = [single for one in given for single in mine.resolve(one)]
        if race:
            self._check_raced(recipes)
        self.safety.check_prompts(recipes)
        if not KINDS[kind].each_pays:
            self._check_hosted(recipes, who)
        if KINDS[kind].limited and len(recipes) > self.settings.max_images:
            raise InvalidRecipe(
                "count",
                f"That makes {len(recipes)} images; one job may make {self.settings.max_images}.",
                "Ask for fewer, or start the studio with STUDIO_MAX_IMAGES set higher.",
            )
        self.library.ready(sum(self._raw_bytes(single) for single in recipes), who)
        used = self.needs.of(recipes)
        self.weights.check(self.needs.missing(used), who)
        self.hashes.begin(recipes)
        self.inputs.use(picture for single in recipes for picture in single.pictures)
        self.used.mark(item.key for item in used if not item.comes_along)
        lanes = [parted(one.model)[0] if isinstance(one, HostedRecipe) else DEVICE for one in recipes]
        return self.jobs.submit(
            recipes, who, job_id, kind=kind, priority=priority, lanes=lanes, beside=beside, race=race
        )

    def _check_raced(self, recipes: Sequence[ResolvedRecipe]) -> None:
        """InvalidRecipe where these cannot be raced here."""
        for one in recipes:
            if isinstance(one, HostedRecipe) or not self.backend.races:
                raise InvalidRecipe("race", "Nobody sees the steps of these pictures to race them by.", UNRACED)
            check_raced(one, [self.catalogue[name] for name in one.models])

    def is_hosted(self, recipe: Recipe) -> bool:
        """Whether somebody else's machine makes its picture."""
        return is_hosted(recipe.model) and recipe.model not in self.catalogue and recipe.denoises

    def most_usd(self, recipes: Sequence[Recipe]) -> Price:
        """What the images of these recipes, resolved or not, cost at most; InvalidRecipe where one cannot be."""
        each = [(self.image_usd(one), one.count) for one in recipes if self.is_hosted(one)]
        usd = sum((cost or 0) * count for cost, count in each)
        return Price(usd, sum(count for cost, count in each if cost is None), sum(count for _, count in each))

    def image_usd(self, recipe: Recipe, pictures: int = 0) -> float | None:
        """What one image of a hosted recipe costs at most, with so many pictures at least; else as `dearest`."""
        known = (self.hosted.models, self.presets, self.inputs, self.prompt_assets)
        return dearest(recipe, *known, looks=self.images.looks, pictures=pictures)

    def room_on_disk(self, needed_bytes: int) -> None:
        """Make sure that so much can be brought now; StorageError with the cure where it cannot."""
        AtomicFolder(self.settings.home / UPLOADS).ready(needed_bytes)

    def sweep(self) -> None:
        """Remove what was brought or shown more than a day ago, and old filmstrips and pictures made again.

        What was stored of it stays.
        """
        _sweep(self.settings.home / CACHE)
        for name in (FILMSTRIPS, REPLAYS):
            clear_folder(self.settings.home / name, self.database)

    def stop(self, job_id: str, who: Identity) -> None:
        """Stop a job of who asks; what had finished is kept. NotFound where there is no such job of theirs."""
        self.jobs.stop(job_id, who)

    def job(self, job_id: str, who: Identity) -> Job:
        """A job of who asks; NotFound where there is no such job of theirs."""
        return self.jobs.get(job_id, who)

    def jobs_of(self, who: Identity) -> list[Job]:
        """The jobs of who asks, newest first."""
        return self.jobs.of(who)

    def warm(self) -> None:
        """Begin to load the default model in the background; what goes wrong there shows when it is used."""
        self._warming.begin()

    @property
    def warming(self) -> bool:
        """Whether `warm` is still at it."""
        return self._warming.is_on

    def wait_until_warm(self) -> None:
        """Return when `warm` is over, well or not; at once where it never began."""
        self._warming.wait()

    def close(self) -> None:
        """Stop the running job, keep the waiting ones for the next start, and give back the device."""
        self.repeats.close()
        self.jobs.close()
        self.downloads.close()
        self.measuring.close()
        self.candidates.close()
        self.index.close()
        self.backend.close()
        self._warming.wait()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hosted_by(self, name: str) -> HostedImages:
        """Who asks the hosted model of this name; ModelError where there is none."""
        _ = self.hosted.models[name]
        return self.images

    def _check_hosted(self, recipes: Sequence[ResolvedRecipe], who: Identity) -> None:
        """HostedError where these may not be asked for: there is no key, or they may cost more than is left today."""
        hosted = [one for one in recipes if isinstance(one, HostedRecipe)]
        names = dict.fromkeys(one.model for one in hosted)
        for name in names:
            self.hosted.key(self.hosted.endpoint(parted(name)[0], who), who)
        if hosted:
            price = self.most_usd(hosted)
            self.hosted.budget.check(", ".join(names), price.usd, who)
            if price.unknown:
                self.hosted.budget.check(", ".join(names), None, who)

    def _raw_bytes(self, recipe: ResolvedRecipe) -> int:
        """An image's bytes before compression, more than its file takes."""
        width, height = result_size(recipe, self.inputs)
        return 3 * width * height


def _close_to_others(home: Path) -> None:
    """Let nobody but its user look into the data folder, where that can be said."""
    with suppress(OSError):
        home.chmod(0o700)


def _sweep(cache: Path) -> None:
    old = time.time() - SWEPT_SECONDS
    for path in [*cache.glob("*"), *cache.glob("uploads/*")]:
        with suppress(OSError):
            if path.name != "uploads" and path.stat().st_mtime < old:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
