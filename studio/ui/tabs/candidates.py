"""Candidates: many pictures of what a form says, filtered and ranked, with a person's marks on top."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Literal, NotRequired, get_type_hints

from pydantic import Field
from typing_extensions import TypedDict

from studio.candidates.making import Refinement, refined, usual
from studio.candidates.ranking import FEW, Decision, Filter, Rating
from studio.candidates.store import Candidate, CandidateSet, DroppedCandidate
from studio.errors import InvalidRequest, StudioError
from studio.events import Preview
from studio.gate.identity import Identity
from studio.labels import labelled
from studio.library.speeds import seconds_by_model
from studio.metrics import METRICS
from studio.recipe import Recipe
from studio.rights import check_held
from studio.studio import Studio
from studio.ui import job_view
from studio.ui.events import WATCHER, Event, Name, Number, Whole, Words, served
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates
from studio.ui.island import Island
from studio.ui.owner import identify
from studio.ui.pictures import expected, jpeg_address, kept
from studio.ui.schemas import candidates as schemas
from studio.ui.schemas.candidates import (
    CandidateSetLine,
    CandidatesMaking,
    CandidatesView,
    ComingCandidate,
    Judged,
    LostCandidate,
    NoCandidates,
)
from studio.ui.tabs.base import Panel, Tab, TabContext

# Sets that can be gone back to.
SETS = 100
SIDE = 384
# Seconds between two views of a set: each is as long as the set is large.
BETWEEN = 0.25
REFINED: Mapping[Refinement, str] = {"hires": "Hires fix", "upscale": "Enlarged", "variations": "Variations"}

View = dict[str, Any]
# Does something with a set of this caller's, by what is given; returns what the view says beside the set.
Act = Callable[[str, Identity, Any], View]


class Opening(Event):
    """A set; the newest where none is named."""

    set: Name | None = None


class OfSet(TypedDict):
    """A set."""

    set: Name


class Marking(OfSet):
    """What is thought of a picture."""

    image: Whole
    verdict: Literal["keep", "reject"] | None
    star: bool
    rating: Annotated[int, Field(ge=1, le=5)] | None


class Sifting(OfSet):
    """Which pictures are kept: by limits, by weights, so many, or without a share."""

    limits: dict[Name, Number | None]
    weights: dict[Name, Annotated[Number, Field(ge=0)]]
    keep: Annotated[int, Field(ge=0, le=100_000)] | None
    reject_share: Annotated[float, Field(ge=0, le=1)] | None
    race: NotRequired[bool]


class Drafted(TypedDict):
    """A set that is asked for: the recipe of a picture, and what is to be said and how often in its place."""

    base: Words
    prompt: Words
    race: NotRequired[bool]
    count: Annotated[int, Field(ge=1, le=100_000)]


class More(OfSet):
    """So many more pictures, raced or not; of other words, they are a new set."""

    prompt: NotRequired[Words]
    race: NotRequired[bool]
    count: Annotated[int, Field(ge=1, le=100_000)]


class Finishing(OfSet):
    """A picture that fell behind."""

    image: Whole


class Refining(OfSet):
    """What some pictures become."""

    how: Refinement
    images: Annotated[list[int], Field(max_length=100_000)]


class CandidatesTab(Tab):
    """The tab; it makes nothing by its own form."""

    label = "Candidates"
    order = 60
    group = "Choose"
    offers = "Candidates"

    def build(self, context: TabContext) -> Panel:
        return CandidatesPanel(context)


class CandidatesPanel(Panel):
    """The sets of one person. The script says which one it shows; here nothing of the page is kept."""

    def __init__(self, context: TabContext) -> None:
        self.studio = context.studio
        self.followers = context.followers
        self.consent = context.consent
        acts: Mapping[str, Act] = {
            "mark": self._mark,
            "undo": self._undo,
            "sift": self._sift,
            "measure": self._measure,
            "more": self._more,
            "finish": self._finish,
            "stop": self._stop,
            "refine": self._refine,
            "agree": self._agree,
            "learn": self._learn,
        }
        self.widget = Island(
            "candidates",
            '<section class="board" aria-label="Candidates"></section>',
            module="candidates_tab",
            data=_metrics(),
            events=("open",),
            acts=served(
                {"begin": self._begin, **{name: self._answering(act) for name, act in acts.items()}}, looks=["agree"]
            ),
        )
        self.extras = (self.widget,)
        self.widget.open(self._open, None, [self.widget], api_visibility="private", **WATCHER)

    def begin(self, recipes: list[Recipe], who: Identity) -> Updates:
        return self.compose(recipes, who, race=None)

    def compose(self, recipes: list[Recipe], who: Identity, *, race: bool | None) -> Updates:
        several = [usual(recipe) for recipe in recipes]
        set_id = self.studio.candidates.begin(several, who, race=race)
        return {self.widget: {**self._view(set_id, who), "begun": True}}

    def draft(self, recipe: Recipe, who: Identity) -> Updates:
        base = usual(recipe.replace(seed=None))
        return {self.widget: self._drafted(who, base.prompt, base.count, base=base.to_json())}

    def refused(self, fault: StudioError, prompt: str, count: int, who: Identity) -> Updates:
        return {self.widget: self._drafted(who, prompt, count, fault=fault)}

    async def _open(self, event: Opening, request: gr.Request) -> AsyncIterator[Updates]:
        """The set, or the newest, now and whenever something of it changes, until it is made and measured."""
        who = identify(request)
        candidates = await self.followers.run(lambda: self.studio.candidates)
        try:
            set_id = event.set or await self.followers.run(
                lambda: next((known for known, *_ in candidates.of(who)), None)
            )
            if set_id is None:
                yield {self.widget: await self.followers.run(self._nothing, who)}
                return
            async with aclosing(candidates.changes(self.followers.pace(BETWEEN))) as changes:
                async for _ in changes:
                    found = await self.followers.run(candidates.get, set_id, who)
                    yield {self.widget: await self.followers.run(self._view, set_id, who)}
                    if not candidates.busy(found):
                        return
        except StudioError as fault:
            yield {self.widget: await self.followers.run(self._nothing, who, fault)}

    def _answering(self, act: Act) -> Callable[..., View]:
        """What the page calls: does the act, and tells how its set stands then."""

        def answer(event: OfSet, who: Identity) -> View:
            set_id = event["set"]
            outcome = act(set_id, who, event)
            return {**self._view(str(outcome.get("set", set_id)), who), **outcome}

        # What may be asked is what the act takes.
        answer.__annotations__["event"] = get_type_hints(act)["event"]
        return answer

    def _begin(self, event: Drafted, who: Identity) -> View:
        """Make what was drafted of a picture."""
        base = Recipe.from_json(event["base"])
        check_held(self.studio.inputs, [base], who)
        recipe = base.replace(prompt=event["prompt"], count=event["count"])
        self.consent.check([recipe], who)
        begun = self.studio.candidates.begin([recipe], who, race=event.get("race"))
        return {**self._view(begun, who), "begun": True}

    def _mark(self, set_id: str, who: Identity, event: Marking) -> View:
        mark = Rating(event["verdict"], event["star"], event["rating"])
        self.studio.candidates.mark(set_id, who, event["image"], mark)
        return {}

    def _undo(self, set_id: str, who: Identity, event: OfSet) -> View:
        del event
        return {"undone": self.studio.candidates.undo(set_id, who)}

    def _sift(self, set_id: str, who: Identity, event: Sifting) -> View:
        self.studio.candidates.sift(set_id, who, _filter(event))
        return {}

    def _measure(self, set_id: str, who: Identity, event: OfSet) -> View:
        del event
        self.studio.pace.check(who)
        self.studio.candidates.measure(set_id, who)
        return {"begun": True}

    def _more(self, set_id: str, who: Identity, event: More) -> View:
        found, prompt = self.studio.candidates.get(set_id, who), event.get("prompt", "").strip()
        base, race = found.base, event.get("race", found.rules.race)
        if base and prompt and prompt != base.prompt:
            fresh = base.replace(prompt=prompt, count=event["count"], seed=None)
            return {"set": self.studio.candidates.begin([fresh], who, race=race), "begun": True}
        self.studio.candidates.more(set_id, who, event["count"], race=race)
        return {"begun": True}

    def _finish(self, set_id: str, who: Identity, event: Finishing) -> View:
        self.studio.candidates.finish(set_id, who, event["image"])
        return {"begun": True}

    def _stop(self, set_id: str, who: Identity, event: OfSet) -> View:
        del event
        candidates = self.studio.candidates
        for _, job in candidates.jobs(candidates.get(set_id, who), who):
            self.studio.stop(job.id, who)
        return {}

    def _refine(self, set_id: str, who: Identity, event: Refining) -> View:
        """A new set of what some pictures become."""
        how = event["how"]
        found = self.studio.candidates.get(set_id, who)
        chosen = [one for one in found.candidates if one.image in event["images"]]
        if not chosen:
            raise InvalidRequest("No picture is kept yet.", "Keep some, then refine them.")
        recipes = [refined(one, how, self.studio.inputs, who) for one in chosen]
        title = f"{REFINED[how]}: {found.title}"
        self.consent.check(recipes, who)
        return {"set": self.studio.candidates.begin(recipes, who, title, race=False), "begun": True}

    def _agree(self, set_id: str, who: Identity, event: OfSet) -> View:
        """How the metrics go with all picks so far."""
        del set_id, event
        count, found = self.studio.candidates.agreement(who)
        metrics = {name: [one.correlation, one.low, one.high] for name, one in found.items()}
        return {"agreement": {"count": count, "few": FEW, "metrics": metrics}}

    def _learn(self, set_id: str, who: Identity, event: OfSet) -> View:
        self.studio.candidates.learn(set_id, who)
        return self._agree(set_id, who, event)

    def _sets(self, who: Identity) -> list[CandidateSetLine]:
        """What can be gone back to."""
        known = self.studio.candidates.of(who)[:SETS]
        return [
            {"id": set_id, "title": title, "created": created, "made": made} for set_id, title, created, made in known
        ]

    def _drafted(
        self, who: Identity, prompt: str, count: int, *, base: str = "", fault: StudioError | None = None
    ) -> NoCandidates:
        """A set that is still to be asked for, as the page writes on in it."""
        why = job_view.field_fault(fault) if fault else None
        return {**self._nothing(who), "draft": {"base": base, "prompt": prompt, "count": count, "fault": why}}

    def _nothing(self, who: Identity, fault: StudioError | None = None) -> NoCandidates:
        return {
            "serial": time.time_ns(),
            "set": None,
            "sets": self._sets(who),
            "fault": labelled(fault) if fault else "",
            "draft": None,
            "most": self.studio.settings.max_images,
            "seconds": seconds_by_model(self.studio.database),
            "races": self.studio.backend.races,
            "cells": [],
        }

    def _view(self, set_id: str, who: Identity) -> CandidatesView:
        """The whole of a set as it stands."""
        candidates = self.studio.candidates
        found = candidates.get(set_id, who)
        verdicts = candidates.verdicts(found)
        return {
            "serial": time.time_ns(),
            "set": set_id,
            "sets": self._sets(who),
            "title": found.title,
            "count": found.count,
            "more": found.base is not None,
            "prompt": found.base.prompt if found.base else "",
            "each_usd": self._each_usd(found, who),
            "most": self.studio.settings.max_images,
            "rules": {
                "limits": {name: found.rules.limit(name) for name in METRICS},
                "weights": {name: found.rules.weight(name) for name in METRICS},
                "keep": found.rules.keep,
                "reject_share": found.rules.reject_share,
                "race": found.rules.race,
            },
            "missing": dict(found.missing),
            "cells": [
                _cell(self.studio, one, verdict, who) for one, verdict in zip(found.candidates, verdicts, strict=True)
            ],
            "dropped": [_dropped(one) for one in found.dropped],
            "races": self.studio.backend.races,
            **self._making(found, who),
            "begun": False,
        }

    def _each_usd(self, found: CandidateSet, who: Identity) -> float:
        """What one more costs at most, as far as is known; 0 where a model of this machine makes it."""
        try:
            return self.studio.of(who).most_usd([found.base.replace(count=1)]).usd if found.base else 0.0
        except StudioError:
            return 0.0  # what is wrong is said where it is asked for

    def _making(self, found: CandidateSet, who: Identity) -> CandidatesMaking:
        """What is still to come, how far that is, and a fault where it came to an end."""
        made = {one.image for one in found.candidates} | {one.image for one in found.dropped}
        coming: list[ComingCandidate] = []
        progress: CandidatesMaking = {
            "line": "",
            "fraction": None,
            "ended": None,
            "busy": self.studio.candidates.busy(found),
            "making": False,
            "coming": coming,
        }
        for batch, job in self.studio.candidates.jobs(found, who):
            events = job.events
            if job.state not in job_view.ACTIVE:
                progress["ended"] = job_view.failure(events) or progress["ended"]
                continue
            at = job_view.progress(job, events)
            progress |= {"line": at["line"], "fraction": at["fraction"]}
            looks = {event.image: event.jpeg for event in events if isinstance(event, Preview)}
            coming += [
                {**expected(self.studio, job, place, looks.get(place), SIDE), "number": batch.first + place}
                for place in range(batch.count)
                if batch.first + place not in made
            ]
        return {**progress, "making": bool(coming)}


def _cell(studio: Studio, candidate: Candidate, verdict: Decision, who: Identity) -> schemas.Candidate | LostCandidate:
    """A picture with all that is known and said of it."""
    mark = candidate.mark
    judged: Judged = {
        "number": candidate.image,
        "scores": dict(candidate.scores or {}),
        "measured": candidate.scores is not None,
        "score": verdict.score,
        "rank": verdict.rank,
        "kept": verdict.kept,
        "reason": verdict.reason,
        "mark": {"verdict": mark.verdict, "star": mark.star, "rating": mark.rating},
    }
    if studio.index.shows(candidate.path):
        return {
            **kept(studio, candidate.path, candidate.recipe, candidate.seconds, SIDE, who),
            **judged,
            "gone": False,
        }
    return {"key": str(candidate.image), "gone": True, "prompt": candidate.recipe.prompt, **judged}


def _dropped(one: DroppedCandidate) -> schemas.DroppedCandidate:
    """What is left of a picture that fell behind."""
    return {
        "key": f"{one.job}/{one.item}",
        "number": one.image,
        "dropped": True,
        "width": one.recipe.width or 1,
        "height": one.recipe.height or 1,
        "prompt": one.recipe.prompt,
        "shown": jpeg_address(one.event.jpeg) if one.event.jpeg else None,
        "reason": one.event.sentence,
    }


def _metrics() -> list[View]:
    """What the script has to know of each metric."""
    facts = ("label", "help", "cost", "better", "fault", "minimum", "maximum", "step", "usual")
    by_weight = sorted(METRICS.items(), key=lambda member: (-member[1].weight, member[1].label))
    return [{"name": name} | {fact: getattr(metric, fact) for fact in facts} for name, metric in by_weight]


def _filter(event: Sifting) -> Filter:
    """What the page's filter says; what is of no known metric is left out."""
    limits = {name: value for name, value in event["limits"].items() if name in METRICS}
    weights = {name: value for name, value in event["weights"].items() if name in METRICS}
    return Filter(limits, weights, event["keep"], event["reject_share"], race=event.get("race", False))


TAB = CandidatesTab()
