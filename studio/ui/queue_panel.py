"""The queue: what runs, what waits and whose it is, for whoever looks; and what the owner of a job may do with it."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from studio.gate.identity import Identity
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS
from studio.studio import Studio
from studio.ui.events import Act, Name, Nothing, served
from studio.ui.island import Island
from studio.ui.job_view import failure, line_of, progress
from studio.ui.schemas.jobs import Queue, QueueJob

# Ended jobs of one's own that are listed, and as much of a prompt.
ENDED = 8
TITLE_CHARACTERS = 120
OPEN = ("waiting", "running")
BUTTON = '<button type="button" class="queue-open" aria-haspopup="dialog">Queue</button>'

Answer = dict[str, Any]


class OfJob(TypedDict):
    """A job of one's own."""

    job: Name


class Item(OfJob):
    """One picture of it."""

    number: Annotated[int, Field(ge=0)]


class Pausing(OfJob):
    """Whether it is paused."""

    paused: bool


class Placing(OfJob):
    """The job of one's own that it is put before; the end where none is named."""

    before: NotRequired[Name | None]


class Parking(OfJob):
    """Whether it runs in the background."""

    background: bool


class QueuePanel:
    """The button in the header, and what its script asks of the server; a job of another tells its kind and size."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        acts: Mapping[str, Act] = {
            "look": self._look,
            "stop": self._stop,
            "stop_item": self._stop_item,
            "pause": self._pause,
            "move": self._move,
            "set_background": self._set_background,
            "retry": self._retry,
        }
        self.widget = Island("queue", BUTTON, module="queue_panel", acts=served(acts, looks=["look"]))

    def _look(self, event: Nothing, who: Identity) -> Queue:
        """All that runs or waits, as it would be begun, and one's own that ended last."""
        del event
        unfinished = self.studio.jobs.unfinished()
        ended = [job for job in self.studio.jobs.of(who) if job.state not in OPEN][:ENDED]
        return {
            "jobs": [_job_facts(job, mine=job.owner == who.owner) for job in unfinished],
            "ended": [_job_facts(job, mine=True) for job in ended],
            "halted": self.studio.jobs.halted.sentence if self.studio.jobs.halted else "",
        }

    def _stop(self, event: OfJob, who: Identity) -> Answer:
        self.studio.jobs.stop(event["job"], who)
        return {}

    def _stop_item(self, event: Item, who: Identity) -> Answer:
        self.studio.jobs.stop_item(event["job"], who, event["number"])
        return {}

    def _pause(self, event: Pausing, who: Identity) -> Answer:
        self.studio.jobs.pause(event["job"], who, paused=event["paused"])
        return {}

    def _move(self, event: Placing, who: Identity) -> Answer:
        self.studio.jobs.move(event["job"], who, event.get("before"))
        return {}

    def _set_background(self, event: Parking, who: Identity) -> Answer:
        self.studio.jobs.set_background(event["job"], who, background=event["background"])
        return {}

    def _retry(self, event: OfJob, who: Identity) -> Answer:
        self.studio.jobs.retry(event["job"], who)
        return {}


def in_words(studio: Studio) -> str:
    """What runs and waits, such as "1 running, 3 waiting"; nothing where nothing does."""
    jobs = studio.jobs.unfinished()
    counts = {state: sum(job.state == state for job in jobs) for state in ("running", "waiting")}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def _job_facts(job: Job, *, mine: bool) -> QueueJob:
    """A job as the list shows it."""
    done = sum(item.state == "done" for item in job.items)
    facts: QueueJob = {
        "id": job.id if mine else "",
        "mine": mine,
        "kind": KINDS[job.kind].label if job.kind != "images" else "",
        "images": len(job.items),
        "done": done,
        "state": job.state,
        "paused": job.paused,
        "priority": job.priority,
    }
    return _with_own(facts, job) if mine else facts


def _why(item: QueueItem) -> str:
    """Why a picture is not there, or is not gone on with; empty where nobody knows yet."""
    if item.not_continued:
        return f"It is made, and its next step cannot be: {item.not_continued.sentence}"
    return item.fault.sentence if item.fault else ""


def _with_own(facts: QueueJob, job: Job) -> QueueJob:
    """What only its owner sees: what it is of, how far, why it failed, each picture not made or not gone on with."""
    events = job.events
    at = progress(job, events)
    fault = failure(events)
    return {
        **facts,
        "title": job.items[0].recipe.prompt[:TITLE_CHARACTERS] if job.items else "",
        "line": line_of(job, at["line"]),
        "share": at["fraction"],
        "fault": " ".join(f"{fault['message']} {fault['hint']}".split()) if fault else "",
        "items": [
            {"number": item.number, "state": item.state, "fault": _why(item)}
            for item in job.items
            if item.state != "done" or item.not_continued
        ],
    }
