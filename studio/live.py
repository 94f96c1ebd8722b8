"""Drawing while somebody still chooses: the newest wish alone is drawn, and of what was drawn the last stays."""

import secrets
import threading
from collections import OrderedDict

from studio.errors import InvalidRecipe, NotDownloaded
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.recipe import SEEDS, Lora, Recipe
from studio.studio import Studio

KIND = "live"
# Of how many owners is known what they wished last.
KEPT = 1000


class Live:
    """Draws for everybody who works live; each owner has one picture in the making at most."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._lock = threading.Lock()
        self._newest: OrderedDict[str, int] = OrderedDict()

    def draw(self, recipe: Recipe, who: Identity, serial: int) -> Job | None:
        """Draw this in few steps at once, in the place of what the owner is drawing live.

        `serial` grows from wish to wish; one that a newer overtook on its way is not drawn, and None returned. Seeds
        that are open stay the same from picture to picture. StudioError where it cannot be drawn; InvalidRecipe for
        models of others, which cost money, NotDownloaded where weights would have to come first.
        """
        quick = self._quickly(recipe, who)
        with self._lock:
            if serial <= self._newest.get(who.owner, -1):
                return None
            self._newest[who.owner] = serial
            self._newest.move_to_end(who.owner)
            while len(self._newest) > KEPT:
                self._newest.popitem(last=False)
            for job in self._jobs(who):
                if job.is_open:
                    self._studio.stop(job.id, who)
            return self._studio.submit(quick, who, kind=KIND)

    def tidy(self, who: Identity) -> None:
        """Delete what was drawn live before the last picture, but for what has a star, a mark or a board."""
        with self._lock:  # each wish is followed by its own page, and all may end at once
            ended = [job for job in self._jobs(who) if not job.is_open]
            last = next((job for job in ended if job.results), None)
            for job in ended:
                if job is not last and self._is_idle(job, who):
                    self._studio.jobs.remove(job.id, who)

    def _is_idle(self, job: Job, who: Identity) -> bool:
        """Whether nothing of a job is wanted any more; its pictures are gone then."""
        index = self._studio.index
        entries = [entry for event in job.results if (entry := index.at(event.path, who))]
        if any(one.star or one.rating or one.tags or one.boards or one.note for one in entries):
            return False
        ids = [entry.id for entry in entries]
        index.marks.bin(ids, who)
        index.marks.empty_bin(who, ids)
        return True

    def _jobs(self, who: Identity) -> list[Job]:
        """The owner's, newest first."""
        return [job for job in self._studio.jobs_of(who) if job.kind == KIND]

    def _quickly(self, recipe: Recipe, who: Identity) -> Recipe:
        """One picture of the recipe in the few steps that its model needs, by a seed that stays."""
        studio = self._studio
        if studio.is_hosted(recipe):
            raise InvalidRecipe(
                "model", "Each picture of a hosted model costs money.", "Draw live with a model on this machine."
            )
        model = studio.catalogue[recipe.model or studio.settings.model]
        few = model.few_steps
        changes: dict[str, object] = {"count": 1, "steps": few.steps if few else model.default("draft_steps")}
        if few and few.lora and few.lora not in {lora.name for lora in recipe.loras}:
            changes["loras"] = (*recipe.loras, Lora(name=few.lora))
        if few:
            changes |= {"scheduler": few.scheduler, "guidance_scale": few.guidance_scale}
        if recipe.seed is None:
            before = next((job.recipes[0].seed for job in self._jobs(who)), None)
            changes["seed"] = secrets.randbelow(SEEDS) if before is None else before
        quick = recipe.replace(**changes)
        missing = studio.needs.missing(studio.needs.of(studio.of(who).resolve(quick)))
        if missing:
            raise NotDownloaded(f"{missing[0].name} is not downloaded yet.", "Press Generate once to download it.")
        return quick
