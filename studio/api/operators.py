"""For whoever runs the studio: whether it lives, whether it takes jobs, and its figures as Prometheus reads them."""

import time
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from studio import __version__
from studio.api.pictures import Who
from studio.errors import Refused, StudioError
from studio.events import Checked, Done, Event, Failed, Finished, ImageFailed, Stopped
from studio.jobs.kinds import KINDS
from studio.studio import Studio

ENDS: dict[type[Event], str] = {Done: "done", Stopped: "stopped", Failed: "failed"}
# Seconds of an image, from a small one on a graphics card to a large one on a processor.
BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000)


def router(studio: Studio) -> APIRouter:
    """The routes of operators."""
    routes, figures = APIRouter(tags=["operators"]), Figures(studio)

    @routes.get("/healthz", response_class=PlainTextResponse)
    async def healthy() -> str:
        """Answers as long as the studio lives."""
        return "ok"

    @routes.get("/readyz")
    async def ready() -> Response:
        """Whether the studio takes jobs; 503 and why, where it does not."""
        fault = await run_in_threadpool(_why_not, studio)
        return JSONResponse({"ready": not fault, "reason": fault}, 503 if fault else 200)

    @routes.get("/metrics", response_class=PlainTextResponse)
    async def metrics(who: Who) -> Response:
        """The figures."""
        if not who.keeps:
            raise Refused("These are for the studio's operator.", "Ask at its own machine, or as an admin.")
        return Response(await run_in_threadpool(figures.text), media_type=CONTENT_TYPE_LATEST)

    return routes


def _why_not(studio: Studio) -> str:
    """What keeps it from taking jobs; empty where nothing does. No path and no name is told."""
    if studio.jobs.closing:
        return "The studio is closing."
    if studio.jobs.halted:
        return "The device was lost; the studio has to be started again."
    if studio.warming:
        return "The model is being loaded."
    try:
        with studio.database.read() as rows:
            rows.execute("SELECT 1 FROM jobs LIMIT 1")
    except StudioError:
        return "The database cannot be used."
    return ""


class Figures(Collector):
    """What is counted of a studio since its start, and how it stands when somebody looks."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._registry = CollectorRegistry()
        shared: dict[str, Any] = {"registry": self._registry}
        self._jobs = Counter("studio_jobs", "Jobs that ended.", ("kind", "state"), **shared)
        self._images = Counter("studio_images", "Images that were made, or failed.", ("kind", "state"), **shared)
        took = ("studio_image_seconds", "How long an image took.", ("kind",))
        self._seconds = Histogram(*took, buckets=BUCKETS, **shared)
        self._checks = Counter("studio_checks", "What the safety layer said of images.", ("check", "verdict"), **shared)
        self._begun = time.time()
        self._registry.register(self)
        for kind in KINDS:
            studio.jobs.listen(kind, lambda event, kind=kind: self._count(kind, event))  # type: ignore[misc]

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """How the studio stands."""
        jobs = self._studio.jobs.unfinished()
        states = {"waiting": 0, "running": 0}
        for job in jobs:
            states[job.state] = states.get(job.state, 0) + 1
        open_jobs = GaugeMetricFamily("studio_jobs_open", "Jobs that are not over.", labels=["state"])
        for state, count in states.items():
            open_jobs.add_metric([state], count)
        yield open_jobs
        owners = len({job.turn for job in jobs})
        yield GaugeMetricFamily("studio_people_in_line", "Whose jobs are not over.", value=owners)
        downloads = sum(one.state == "running" for one in self._studio.downloads.all())
        yield GaugeMetricFamily("studio_downloads", "Downloads on their way.", value=downloads)
        yield GaugeMetricFamily("studio_halted", "Whether the device is lost.", value=bool(self._studio.jobs.halted))
        yield GaugeMetricFamily("studio_start_time_seconds", "When it started.", value=self._begun)
        about = GaugeMetricFamily("studio_info", "The version.", labels=["version"])
        about.add_metric([__version__], 1)
        yield about

    def _count(self, kind: str, event: Event) -> None:
        if isinstance(event, Finished):
            self._images.labels(kind, "done").inc()
            self._seconds.labels(kind).observe(event.seconds)
        elif isinstance(event, ImageFailed):
            self._images.labels(kind, "failed").inc()
        elif isinstance(event, Checked):
            self._checks.labels(event.check, event.verdict).inc()
        elif type(event) in ENDS:
            self._jobs.labels(kind, ENDS[type(event)]).inc()
