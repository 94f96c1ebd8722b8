"""Jobs and their events as programs are told them."""

from base64 import b64encode
from dataclasses import asdict
from typing import Any

from starlette.requests import Request

from studio.api.job_schemas import FaultFacts, ImageFacts, JobFacts, JobList, Progress
from studio.api.pictures import address, withheld
from studio.errors import Fault
from studio.events import Dropped, Event, Failed, Finished, ImageFailed, NotContinued, Preview, Step
from studio.gate.folders import KEY, Folders
from studio.gate.identity import Identity
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.library import facts as made_facts
from studio.library import picture
from studio.safety.layer import WATERMARK, verdict_of
from studio.studio import Studio


def listed(studio: Studio, who: Identity, request: Request) -> JobList:
    """All jobs of who asks that are still known."""
    return JobList(jobs=[facts(studio, job, request) for job in studio.jobs_of(who)])


def facts(studio: Studio, job: Job, request: Request) -> JobFacts:
    """A job as it stands."""
    position, events = job.length, job.events
    made = {event.image: event for event in events if isinstance(event, Finished)}
    steps = [event for event in events if isinstance(event, Step)]
    ending = events[-1] if events else None
    return JobFacts(
        id=job.id,
        kind=job.kind,
        state=job.state,
        created=job.created,
        seconds=job.seconds,
        priority=job.priority,
        paused=job.paused,
        ahead=studio.jobs.position(job),
        position=position,
        progress=_progress(steps[-1]) if steps and job.is_open else None,
        fault=_fault(ending.as_fault(), request) if isinstance(ending, Failed) else None,
        images=[_image(studio, job, item, made.get(item.number), request) for item in job.items],
    )


def event_facts(studio: Studio, event: Event, request: Request, who: Identity) -> tuple[str, dict[str, Any]]:
    """The name of an event, and what it says; a picture as its address."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(event).__name__)[1:]
    if isinstance(event, Preview):
        return name, {"image": event.image, "jpeg": b64encode(event.jpeg).decode()}
    if isinstance(event, Dropped):
        return name, {**asdict(event), "jpeg": b64encode(event.jpeg).decode(), "message": event.sentence}
    if isinstance(event, Finished):
        url = None if withheld(event.path) else address(studio, request, event.path, who)
        return name, {"image": event.image, "url": url, "recipe": _dump(event.recipe), "seconds": event.seconds}
    if isinstance(event, ImageFailed | NotContinued):
        return name, {"image": event.image, "fault": dict(_folders(request).fault(event.fault.as_fault()))}
    if isinstance(event, Failed):
        return name, dict(_folders(request).fault(event.as_fault()))
    return name, asdict(event)


def _image(studio: Studio, job: Job, item: QueueItem, event: Finished | None, request: Request) -> ImageFacts:
    shown = ImageFacts(number=item.number, state=item.state, recipe=_dump(event.recipe if event else item.recipe))
    fault = item.fault.as_fault() if item.fault else None
    if event and event.path.is_file():
        seen, made = picture(event.path), made_facts(event.path)
        shown.width, shown.height, shown.seconds = seen.width, seen.height, event.seconds
        shown.safety, shown.watermark = verdict_of(made), made.get(WATERMARK)
        if error := withheld(event.path):
            fault = error.as_fault()
        else:
            shown.url = address(studio, request, event.path, job.who)
    shown.fault = _fault(fault, request) if fault else None
    shown.not_continued = _fault(item.not_continued.as_fault(), request) if item.not_continued else None
    shown.dropped = item.fell.sentence if item.fell and item.state == "dropped" else None
    return shown


def _progress(event: Step) -> Progress:
    return Progress(step=event.step, steps=event.steps, seconds_left=event.seconds_left)


def _fault(fault: Fault, request: Request) -> FaultFacts:
    return FaultFacts(**_folders(request).fault(fault))


def _folders(request: Request) -> Folders:
    known: Folders = request.scope[KEY]
    return known


def _dump(recipe: Any) -> dict[str, Any]:
    dump: dict[str, Any] = recipe.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return dump
