"""What is done with one picture beside drawing: made again and compared, its steps shown, saved in another form."""

from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NotRequired

from typing_extensions import TypedDict

from studio.atomic_files import AtomicFolder
from studio.eject.apart import packed
from studio.errors import InvalidRequest, NotFound
from studio.filmstrip import frames_of, strip
from studio.gate.identity import Identity, check_creates
from studio.jobs.job import Job
from studio.metadata import own, writing
from studio.metadata.writing import Format, writing_of
from studio.replay.replay import Outcome, begin, compared
from studio.studio import REPLAYS, Studio
from studio.ui.events import Act, Name, Whole, served
from studio.ui.island import Island
from studio.ui.job_view import failure, finished, progress, stored
from studio.ui.schemas.work import Filmed, Replayed, SavedPicture, WorkBegun, WorkNews

FILM = "filmstrip"


class Picked(TypedDict):
    """A picture: one of a job, or one of the library."""

    job: NotRequired[Name]
    image: NotRequired[Whole]
    stored: NotRequired[Name]


class Working(Picked):
    """A picture, and the job that makes it again."""

    work: Name


class Saving(Picked):
    """A picture, and how it is to be saved; `cut_out` leaves its plain background transparent, and is no JPEG."""

    format: Format
    recipe: bool
    cut_out: NotRequired[bool]


def place(studio: Studio) -> Any:
    """What answers for a picture's menu; nothing of it is seen."""
    acts = served(_acts(studio), looks=["news", "save"])
    return Island("picture-work", "<span></span>", module="picture_work", acts=acts)


def _acts(studio: Studio) -> Mapping[str, Act]:
    def replay(event: Picked, who: Identity) -> WorkBegun:
        begun = begin(studio, own.read_made(_path(studio, event, who)), who)
        if isinstance(begun, Outcome):
            return {"work": "", "because": begun.because}
        return {"work": begun.id, "because": []}

    def film(event: Picked, who: Identity) -> WorkBegun:
        job = studio.submit(own.read_again(_path(studio, event, who)), who, kind=FILM)
        return {"work": job.id, "because": []}

    def news(event: Working, who: Identity) -> WorkNews:
        return _news(studio, _path(studio, event, who), studio.job(event["work"], who), who)

    def save(event: Saving, who: Identity) -> SavedPicture:
        studio.pace.check(who)
        path = _path(studio, event, who)
        return _saved(studio, path, event["format"], recipe=event["recipe"], cut=event.get("cut_out", False))

    def eject(event: Picked, who: Identity) -> SavedPicture:
        check_creates(who)
        studio.pace.check(who)
        path = _path(studio, event, who)
        return {"name": f"{path.stem}.zip", "data": b64encode(packed(studio.settings, path)).decode()}

    return {"replay": replay, "film": film, "news": news, "save": save, "eject": eject}


def _path(studio: Studio, event: Picked, who: Identity) -> Path:
    """The file of the owner's picture; NotFound where it is not there."""
    if token := event.get("stored"):
        return stored(studio, token, who)[0]
    path = finished(studio, who, event.get("job", ""), event.get("image", 0)).path
    if not path.is_file():
        raise NotFound("This picture is no longer there.", "Choose another one.")
    return path


def _news(studio: Studio, path: Path, job: Job, who: Identity) -> WorkNews:
    events = job.events
    how_far = progress(job, events)
    news: WorkNews = {"line": how_far["line"], "fraction": how_far["fraction"]}
    if job.is_open:
        return news
    if not job.results:
        fault = failure(events)
        raise InvalidRequest(fault["message"] if fault else "It was stopped.", fault["hint"] if fault else "Try again.")
    made = job.results[0].path
    if job.kind == FILM:
        return {**news, "filmed": _filmed(studio, made, who)}
    return {**news, "replayed": _replayed(studio, path, made, who)}


def _replayed(studio: Studio, path: Path, made: Path, who: Identity) -> Replayed:
    outcome = compared(path, made)
    difference = ""
    if picture := outcome.difference:
        place = studio.settings.home / REPLAYS / f"{made.stem}-difference.png"
        AtomicFolder(place.parent).write(place, lambda file: picture.save(file, "PNG"))
        difference = studio.addresses.of(place, who)
    return {
        "verdict": outcome.verdict,
        "words": outcome.words,
        "because": outcome.because,
        "again": studio.addresses.of(made, who),
        "difference": difference,
    }


def _filmed(studio: Studio, made: Path, who: Identity) -> Filmed:
    film = studio.filmstrips.place(made)
    if not film.is_file():
        raise InvalidRequest("This picture has no steps that can be seen.", "Choose one that a model here painted.")
    frames, place = frames_of(film), film.with_name(f"{film.stem}-strip.webp")
    if not place.is_file():
        AtomicFolder(place.parent).write(place, lambda file: strip(frames).save(file, "WEBP", quality=90))
    return {"film": studio.addresses.of(film, who), "strip": studio.addresses.of(place, who), "frames": len(frames)}


def _saved(studio: Studio, path: Path, form: Format, *, recipe: bool, cut: bool) -> SavedPicture:
    from studio.export.cut_out import check_format, cut_out
    from studio.export.pictures import opened

    if cut:
        check_format(form)
    how, made, buffer = writing_of(studio.settings, format=form, recipe=recipe), own.read_made(path), BytesIO()
    picture = cut_out(opened(path)) if cut else opened(path)
    writing.write(picture, made.recipe, made.facts, buffer, how)
    return {"name": f"{path.stem}{'-cut-out' * cut}{how.ending}", "data": b64encode(buffer.getvalue()).decode()}
