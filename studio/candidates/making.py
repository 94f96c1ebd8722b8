"""Candidates: many pictures of one recipe, measured as they come, filtered, ranked and marked.

A set outlives the page and the process: its pictures are those that its jobs made, scores and marks are in the
database.
"""

import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from sqlite3 import Connection
from typing import Literal

from studio.candidates.ranking import Agreement, Decision, Filter, Rating, agreement, judge, learned
from studio.candidates.store import Batch, Candidate, CandidateSet, CandidateStore
from studio.errors import InvalidRecipe, InvalidRequest, NotFound
from studio.gate.identity import Identity, check_creates
from studio.inputs import InputStore
from studio.jobs.job import Job
from studio.jobs.scheduler import Scheduler
from studio.library import Library
from studio.measuring import Measuring
from studio.metrics import METRICS
from studio.news import News, Pause
from studio.racing import Race
from studio.recipe import SEEDS, Hires, Recipe, Upscale, Variation

TITLE_CHARACTERS = 120
# How many are made where one picture is asked for.
USUAL = 8
# How kept ones are refined: times larger, how far the noise turns, and how many times.
Refinement = Literal["hires", "upscale", "variations"]
SECOND_PASS, ENLARGED, VARIED, VARIATIONS = 1.5, 2.0, 0.2, 4


def usual(recipe: Recipe) -> Recipe:
    """The recipe of several candidates, however many pictures it is of."""
    return recipe if recipe.count > 1 else recipe.replace(count=USUAL)


def refined(candidate: Candidate, how: Refinement, inputs: InputStore, who: Identity) -> Recipe:
    """The recipe that makes more of a picture; InvalidRecipe where that cannot be, NotFound where it is gone."""
    recipe = candidate.recipe
    if how == "upscale":
        picture = inputs.add(candidate.path, who=who)
        return Recipe(init_image=picture.id, upscale=Upscale(scale=ENLARGED), model=recipe.model)
    if not recipe.denoises:
        raise InvalidRecipe("strength", "This picture was only enlarged: no model painted it.", "Enlarge it once more.")
    if how == "variations":
        return recipe.replace(variation=Variation(strength=VARIED), count=VARIATIONS)
    if recipe.task != "text2img":
        raise InvalidRecipe(
            "hires_scale", "A second pass follows a picture that was made from text.", "Enlarge it instead."
        )
    return recipe.replace(hires=Hires(scale=SECOND_PASS, model=recipe.hires.model))


class Candidates:
    """The sets of all owners; a set of another owner is treated as if it were not there.

    `submit` is that of the studio; `measuring` measures what is made.
    """

    def __init__(self, jobs: Scheduler, library: Library, submit: Callable[..., Job], measuring: Measuring) -> None:
        self._store = CandidateStore(jobs.database, library.folder)
        self._submit = submit
        self._jobs = jobs
        self._measuring = measuring
        self._news = News()
        self._serial = 1
        self._closing = False
        jobs.listen("candidates", lambda _: self._tell())
        measuring.changed = self._tell

    def begin(self, recipes: Sequence[Recipe], who: Identity, title: str = "", *, race: bool | None = None) -> str:
        """A new set of what these recipes make, filtered as the owner's last one; returns its id.

        `title` is what it is found by later (default: its prompt). It is raced where that is said, and else as the last
        one, where that can be. Of one recipe more can be made. StudioError where nothing can.
        """
        before = self._store.last_filter(who.owner)
        raced = before.race if race is None else race
        rules = Filter(before.limits, before.weights, race=raced)
        try:
            return self._begin(recipes, who, title, rules)
        except InvalidRecipe as error:
            if error.field != "race" or race is not None:
                raise
        return self._begin(recipes, who, title, replace(rules, race=False))

    def _begin(self, recipes: Sequence[Recipe], who: Identity, title: str, rules: Filter) -> str:
        base = recipes[0] if len(recipes) == 1 else None
        set_id = secrets.token_urlsafe(9)
        heading = (title or recipes[0].prompt)[:TITLE_CHARACTERS]
        self._make(set_id, recipes, who, rules, lambda: self._store.add_set(set_id, who.owner, heading, base, rules))
        return set_id

    def more(self, set_id: str, who: Identity, count: int, *, race: bool | None = None) -> None:
        """`count` more of the set's recipe, with the next seeds, or variations; StudioError where that cannot be.

        They are raced where that is said, else as the set is.
        """
        made = self.get(set_id, who)
        rules = made.rules if race is None else replace(made.rules, race=race)
        if made.base is None:
            raise InvalidRecipe(
                "count", "This set was made of several recipes.", "Make candidates of one of its pictures."
            )
        known: list[Recipe] = [recipe for _, job in self.jobs(made, who) for recipe in job.recipes]
        known = known or [candidate.recipe for candidate in made.candidates]
        self._make(set_id, [_continued(made.base, known[-1] if known else None, count)], who, rules)

    def finish(self, set_id: str, who: Identity, image: int) -> None:
        """Make a picture that fell behind to its end, without a race; NotFound where there is none."""
        found = self.get(set_id, who)
        one = next((one for one in found.dropped if one.image == image), None)
        if one is None:
            raise NotFound("This picture is no longer there.", "Choose another one.")
        self._jobs.retry(one.job, who, {one.item})
        self._tell()

    def get(self, set_id: str, who: Identity) -> CandidateSet:
        """A set of who asks, as it stands; NotFound where there is none."""
        return self._store.get(set_id, who.owner)

    def of(self, who: Identity) -> list[tuple[str, str, float, int]]:
        """The sets of who asks, newest first: id, title, when, how many pictures."""
        return self._store.of(who.owner)

    def verdicts(self, found: CandidateSet) -> list[Decision]:
        """The verdict on each candidate of a set, in its order."""
        marks = [candidate.mark for candidate in found.candidates]
        return judge([candidate.scores or {} for candidate in found.candidates], marks, found.rules)

    def mark(self, set_id: str, who: Identity, image: int, mark: Rating) -> None:
        """What who asks says of a picture; it wins over every metric. NotFound where there is no such picture."""
        check_creates(who)
        if image not in {candidate.image for candidate in self.get(set_id, who).candidates}:
            raise NotFound("This picture is no longer there.", "Choose another one.")
        self._store.add_mark(set_id, image, mark)
        self._tell()

    def undo(self, set_id: str, who: Identity) -> int | None:
        """Take back the last mark; returns its image, None where there is none."""
        check_creates(who)
        self.get(set_id, who)
        image = self._store.undo(set_id)
        self._tell()
        return image

    def sift(self, set_id: str, who: Identity, rules: Filter) -> None:
        """Filter and rank the set by this."""
        check_creates(who)
        self.get(set_id, who)
        self._store.set_filter(set_id, rules)
        self._tell()

    def measure(self, set_id: str, who: Identity) -> None:
        """Measure the set once more, also by what had no weights then."""
        check_creates(who)
        self.get(set_id, who)
        self._measuring.scores.forget(set_id)
        self._tell()
        self._measuring.start()

    def agreement(self, who: Identity) -> tuple[int, dict[str, Agreement]]:
        """How many picks who asks made so far, and how the metrics go with them."""
        return agreement(self._store.picks(who.owner))

    def learn(self, set_id: str, who: Identity) -> None:
        """Weigh the metrics as they go with the picks of who asks; InvalidRequest where none clearly does."""
        weights = learned(self.agreement(who)[1])
        if not weights:
            raise InvalidRequest(
                "No metric goes clearly with your picks yet.", "Keep, reject or rate more pictures, good and bad ones."
            )
        rules = self.get(set_id, who).rules
        self.sift(set_id, who, replace(rules, weights=weights))

    def jobs(self, found: CandidateSet, who: Identity) -> list[tuple[Batch, Job]]:
        """The set's jobs, as far as they are still known, each with its place."""
        known = []
        for batch in found.batches:
            try:
                known.append((batch, self._jobs.get(batch.job, who)))
            except NotFound:
                continue
        return known

    def news(self, serial: int) -> int:
        """Wait until something has happened since `serial`, to any set; returns the serial of now, 0 when closing."""
        with self._news:
            self._news.wait_for(lambda: self._closing or self._serial > serial)
            return 0 if self._closing else self._serial

    def changes(self, pause: Pause) -> AsyncGenerator[None, None]:
        """At once, and when something has happened to any set, until closing, for an event loop: no thread is held."""
        return self._news.changes(lambda: self._closing, pause)

    def busy(self, found: CandidateSet) -> bool:
        """Whether something of the set was still to be made or measured when it was read."""
        return found.going or not all(candidate.is_measured for candidate in found.candidates)

    def close(self) -> None:
        """Let nobody wait for news any more."""
        with self._news:
            self._closing = True
            self._news.notify_all()

    def _make(
        self,
        set_id: str,
        recipes: Sequence[Recipe],
        who: Identity,
        rules: Filter,
        add_set: Callable[[], None] = lambda: None,
    ) -> None:
        """A job of these recipes for the set, in one transaction with what says so: no crash parts them."""
        job, count = secrets.token_urlsafe(12), sum(recipe.count for recipe in recipes)

        def beside(rows: Connection) -> None:
            del rows  # the store's writing is part of the same transaction
            add_set()
            self._store.add_job(set_id, job, count)

        race = Race({name: weight for name in METRICS if (weight := rules.weight(name))}) if rules.race else None
        self._submit(recipes, who, job, kind="candidates", beside=beside, race=race)
        self._tell()

    def _tell(self) -> None:
        with self._news:
            self._serial += 1
            self._news.notify_all()


def _continued(first: Recipe, last: Recipe | None, count: int) -> Recipe:
    """The recipe that goes on where the last picture of a set was."""
    if last is None:
        return first.replace(count=count)
    seeds = {"seed": last.seed, "variation_seed": last.variation.seed}
    # Variations keep their seed.
    moving = "variation_seed" if first.variation.strength else "seed"
    seeds[moving] = ((seeds[moving] or 0) + 1) % SEEDS
    return first.replace(**seeds, count=count)
