"""What one person sees of their jobs, as plain data for the page: jobs and their logs in, a picture wall out.

A view is always the whole of it, so a page that missed some of them is right again with the next.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.errors import NotFound, StudioError
from studio.events import (
    Downloading,
    Dropped,
    Event,
    Failed,
    Finished,
    Halted,
    ImageFailed,
    Loading,
    Preview,
    Queued,
    Started,
    Step,
)
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS
from studio.labels import label_of
from studio.live import KIND as LIVE
from studio.recipe import Recipe
from studio.studio import Studio
from studio.transfer import words
from studio.ui.followers import Followers
from studio.ui.pictures import expected, made, withheld
from studio.ui.schemas.jobs import FieldFault, JobView, Progress, View
from studio.ui.schemas.pictures import Expected, Picture

# Earlier pictures in the strip below the gallery.
EARLIER = 24
# Larger pictures are shown as a smaller copy until they are opened.
WALL_SIDE = 1024
# Cells of a grid that are shown at a time.
CELLS = 16
STRIP_SIDE = 160
ACTIVE = ("waiting", "running")
# Seconds between two views of a job: a view costs the page up to 10 ms, and nobody sees more than this many.
BETWEEN = 0.05


async def watch(studio: Studio, who: Identity, followers: Followers) -> AsyncIterator[View]:
    """The owner's view now, and again whenever one of their unfinished jobs tells something; ends when all are done."""

    async def seen(since: float) -> View:
        return await followers.shared(who.owner, since, lambda: view(studio, who))

    def following() -> Job | None:
        return next((job for job in _active(studio.jobs_of(who)) if job.id not in followed), None)

    yield await seen(time.monotonic())
    followed: set[str] = set()
    since = time.monotonic()
    while job := await followers.run(following):
        followed.add(job.id)
        async with aclosing(job.changes(followers.pace(BETWEEN))) as changes:
            async for _ in changes:
                yield await seen(job.last_event_at)
        since = job.last_event_at
    yield await seen(since)


def view(studio: Studio, who: Identity, fault: StudioError | None = None) -> View:
    """Everything the gallery shows: the job in front, how many wait behind it, earlier pictures, and a fresh fault."""
    jobs = studio.jobs_of(who)
    active = _active(jobs)
    front = active[0] if active else next(iter(jobs), None)
    return {
        "serial": time.time_ns(),
        "job": _job(studio, front, _drawn_before(jobs, front)) if front else None,
        "behind": max(len(active) - 1, 0),
        "earlier": _earlier(studio, [job for job in jobs if job is not front]),
        "fault": field_fault(fault) if fault else None,
    }


def finished(studio: Studio, who: Identity, job: str, image: int) -> Finished:
    """One finished picture of the owner; NotFound where there is none."""
    for event in studio.job(job, who).results:
        if event.image == image:
            return event
    raise NotFound("This picture is no longer there.", "Choose another one.")


def stored(studio: Studio, token: str, who: Identity) -> tuple[Path, Recipe]:
    """The owner's picture that a page means by this token, and its recipe; NotFound, Unreadable."""
    path = stored_path(studio, token, who)
    return path, studio.library.read(path)


def stored_path(studio: Studio, token: str, who: Identity) -> Path:
    """The file of the owner's picture that a page means by this token; NotFound."""
    path = studio.addresses.find(token, who)
    if path is None or not path.is_relative_to(studio.library.folder.resolve()):
        raise NotFound("This picture is no longer there.", "Choose another one.")
    return path


def _active(jobs: Sequence[Job]) -> list[Job]:
    """Those that are not over, the oldest first; `jobs` are newest first."""
    return [job for job in reversed(jobs) if job.state in ACTIVE]


def _drawn_before(jobs: Sequence[Job], front: Job) -> Finished | None:
    """What was drawn live before the job in front, which shows it until there is more to be seen."""
    older = (job for job in jobs if front.kind == job.kind == LIVE and job is not front)
    return next((event for job in older for event in job.results), None)


def _job(studio: Studio, job: Job, before: Finished | None) -> JobView:
    events = job.events
    previews = {e.image: e.jpeg for e in events if isinstance(e, Preview)}
    done = {e.image: e for e in events if isinstance(e, Finished)}
    return {
        "id": job.id,
        "state": job.state,
        "prompt": job.recipes[0].prompt,
        "note": " ".join(filter(None, (withheld(studio, list(done.values())), _not_continued(job)))),
        "fault": failure(events),
        **_with_blur(studio, job, progress(job, events), seen=bool(previews)),
        "cells": [
            made(studio, job, done[index], WALL_SIDE)
            if index in done and studio.index.shows(done[index].path)
            else _expected(studio, job, index, previews.get(index), before)
            for index in _shown(job)
        ],
    }


def _with_blur(studio: Studio, job: Job, progress: Progress, *, seen: bool) -> Progress:
    """How far a job is, with a word on why what is seen of it is blurred, where that is so."""
    if seen and job.is_open and studio.safety.strictness(job.recipes[0]) == "on":
        progress["line"] = " · ".join(filter(None, (progress["line"], "blurred until it is checked")))
    return progress


def _not_continued(job: Job) -> str:
    """One line where the next step of a way cannot be done with some of a job's pictures; else empty."""
    faults = [item.not_continued for item in job.items if item.not_continued]
    which = f" with {len(faults)} of {len(job.items)} pictures" if len(job.items) > 1 else ""
    return f"The next step cannot be done{which}: {faults[0].sentence}" if faults else ""


def _expected(studio: Studio, job: Job, index: int, jpeg: bytes | None, before: Finished | None) -> Expected:
    cell = expected(studio, job, index, jpeg, WALL_SIDE)
    if not jpeg and before and studio.index.shows(before.path):
        cell["shown"] = made(studio, job, before, WALL_SIDE)["shown"]
    return cell


def _shown(job: Job) -> range:
    """All images of a form; of a job of many cells, those beside the one in the making."""
    count = len(job.items)
    if KINDS[job.kind].limited:
        return range(count)
    at = next((item.number for item in job.items if item.is_open), count - 1)
    start = at // CELLS * CELLS
    return range(start, min(start + CELLS, count))


def failure(events: Sequence[Event]) -> FieldFault | None:
    """How a job failed, as the page shows it; None where it did not."""
    ending = events[-1] if events else None
    return field_fault(ending) if isinstance(ending, Failed) else None


def field_fault(fault: StudioError | Failed) -> FieldFault:
    """An error with the label of its field, for where the field is not to be seen."""
    return {**fault.as_fault(), "label": label_of(fault.field) if fault.field else ""}


def progress(job: Job, events: Sequence[Any]) -> Progress:
    """How far the job is: a sentence, a fraction of the whole, and the seconds left where they are known."""
    share = dict.fromkeys(range(len(job.recipes)), 0.0)
    making: dict[int, Step] = {}
    line, seconds_left, step = "", None, None
    fetching: Downloading | None = None
    for event in events:
        if isinstance(event, Downloading):
            line, fetching = words(event), event
        elif isinstance(event, Queued):
            fetching = None
            making.clear()
            line = _place(event.position)
        elif isinstance(event, Halted):
            line = f"Waiting for the studio to be started again. {event.message}"
        elif isinstance(event, Started):
            line = "Starting"
        elif isinstance(event, Loading):
            line = event.what
        elif isinstance(event, Step):
            share.update(dict.fromkeys(event.images, event.step / event.steps))
            making |= dict.fromkeys(event.images, event)
            step, seconds_left = [event.step, event.steps], event.seconds_left
            line = _step(_slowest(making), job)
        elif isinstance(event, Finished | Dropped):
            share[event.image] = 1.0
            making.pop(event.image, None)
        elif isinstance(event, ImageFailed):
            making.pop(event.image, None)
    return {
        "line": line,
        "step": step,
        "seconds_left": seconds_left,
        "fetching": fetching.name if fetching else "",
        "fraction": fetching.bytes / max(fetching.total_bytes, 1) if fetching else sum(share.values()) / len(share),
    }


def line_of(job: Job, progress: str) -> str:
    """Where a job stands, in words; `progress` is how far it is."""
    if job.state not in ACTIVE:
        return job.state.capitalize()
    return "Paused" if job.paused and job.state == "waiting" else progress


def _place(position: int) -> str:
    if position == 0:
        return "Next in line"
    return "1 job before yours" if position == 1 else f"{position} jobs before yours"


def _slowest(making: Mapping[int, Step]) -> Step:
    """The step of all images that are being made, which go through their steps at a time: as far as all of them are."""
    slowest = min(making.values(), key=lambda event: event.step / event.steps)
    return replace(slowest, images=tuple(sorted(making)))


def _step(event: Step, job: Job) -> str:
    images = len(job.recipes)
    each = event.steps // event.tiles
    tile, step = divmod(event.step - 1, each)
    at = f"Step {step + 1} of {each}"
    if event.tiles > 1:
        # What is only enlarged takes a step for each tile.
        at = f"Tile {tile + 1} of {event.tiles}" + (f" · {at.lower()}" if each > 1 else "")
    if len(event.images) == images:
        return at
    first, last = min(event.images) + 1, max(event.images) + 1
    which = f"Image {first}" if first == last else f"Images {first} to {last}"
    return f"{which} of {images} · {at.lower()}"


def _earlier(studio: Studio, jobs: Sequence[Job]) -> list[Picture]:
    pictures: list[Picture] = []
    for job in jobs:
        fresh = (event for event in reversed(job.results) if studio.index.shows(event.path))
        pictures += [made(studio, job, event, STRIP_SIDE) for event in fresh]
        if len(pictures) >= EARLIER:
            break
    return pictures[:EARLIER]
