"""The stages of training, by name, and the order in which they make a whole model: each stands on what is stored."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from starter_factory import parallel
from starter_factory.base import build_scheduler, train_base, trained_unet
from starter_factory.family import MEMBERS
from starter_factory.growing import train_growing, trained_growth
from starter_factory.store import TRAINING, Stored, write_json
from starter_factory.text import train_text, trained_reader
from starter_factory.tokenizer import build_tokenizer
from starter_factory.training import NOTHING, Run, Session, Taken, load_state
from starter_factory.vae import train_vae, trained_vae

# What stands on the stored base, and what learns from renders alone: each lane may run on a processor core of its own.
LANES: Mapping[str, Sequence[str]] = {
    "renders": (
        "decoder",
        "probe",
        "depth_estimator",
        "pose_estimator",
        "scorer",
        "safety_checker",
        "upscaler",
    ),
    "base": ("canny", "depth", "pose", "loras", "few_step", "embedding"),
}
# The share of a stage's minutes in which the learning rate falls.
COOLING = 0.3
LEAST_MINUTES = 0.1
# Whose weights a stage of another name trains.
OF_MEMBER = {"base": "text_to_image"}


class MissingError(RuntimeError):
    """A stage stands on what is not stored; the message says on what."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How a stage is trained, and how its weights come into the stored model; `runs` name its checkpoints."""

    train: Callable[[Session, Stored], Run]
    store: Callable[[Session, Stored], None]
    needs: tuple[str, ...]
    runs: tuple[str, ...]
    minutes: float = 0.0


def _store_text(session: Session, stored: Stored) -> None:
    tokenizer = stored.tokenizer() if stored.has("tokenizer") else build_tokenizer()
    stored.put_text(tokenizer, trained_reader(tokenizer, session).encoder)


def _store_base(session: Session, stored: Stored) -> None:
    stored.put_unet(trained_unet(session), build_scheduler())


def _store_vae(session: Session, stored: Stored) -> None:
    stored.put_vae(trained_vae(session))


def _store_growth(session: Session, stored: Stored) -> None:
    stored.put_vae(trained_growth(session, stored))


def _of_member(name: str) -> Stage:
    member = MEMBERS[name]
    return Stage(member.train, member.store, member.needs, member.runs or (name,), member.minutes)


STAGES: Mapping[str, Stage] = {
    "vae": Stage(train_vae, _store_vae, (), ("vae",)),
    "growing": Stage(train_growing, _store_growth, ("vae",), ("growing",)),
    "text": Stage(train_text, _store_text, (), ("text",)),
    "base": Stage(train_base, _store_base, ("vae", "text_encoder", "tokenizer"), ("base",)),
    **{name: _of_member(name) for lane in LANES.values() for name in lane},
}


def train(name: str, session: Session, stored: Stored) -> Run:
    """Train a stage, or go on with it. Raises MissingError where what it stands on is not stored."""
    stage = STAGES[name]
    if lacking := [part for part in stage.needs if not stored.has(part)]:
        raise MissingError(f"{name} stands on {', '.join(lacking)}, which {stored.folder} does not hold yet.")
    return stage.train(replace(session, before=_taken(name, stored)), stored)


def _taken(name: str, stored: Stored) -> Taken:
    """What the stored weights of a stage have taken; nothing where none are, or none that it goes on with."""
    path, member = stored.folder / TRAINING / f"{name}.json", MEMBERS.get(OF_MEMBER.get(name, name))
    if member is None or member.missing(stored.folder) or not path.exists():
        return dict(NOTHING)
    taken: Taken = json.loads(path.read_text("utf-8"))
    return taken


def store(name: str, session: Session, stored: Stored) -> None:
    """Write a stage's averaged weights into the stored model, and in a file of `training/` how they came about."""
    STAGES[name].store(session, stored)
    states = [load_state(run, session.work) for run in STAGES[name].runs]
    before = states[0]["before"]
    told = {
        "steps": before["steps"] + sum(int(state["step"]) for state in states),
        "samples": before["samples"] + sum(int(state["samples"]) for state in states),
        "minutes": round(before["minutes"] + sum(float(state["seconds"]) for state in states) / 60, 1),
    }
    path = stored.folder / TRAINING / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    write_json(path, told)


def chain(names: Sequence[str], session: Session, stored: Stored, pace: float = 1.0) -> None:
    """Train and store one stage after another, each for `pace` times its minutes; goes on where it was stopped."""
    for name in names:
        done = session.work / f"{name}.done"
        if done.exists():
            continue
        left = pace * STAGES[name].minutes - _spent(name, session)
        if left > LEAST_MINUTES or not all(session.path(run).exists() for run in STAGES[name].runs):
            run = train(name, replace(session, minutes=max(left, LEAST_MINUTES), cooling=COOLING), stored)
            if run.stopped:
                return
        if parallel.number() == 0:
            store(name, session, stored)
            done.touch()
            print(f"{name} is stored", flush=True)
        parallel.any_of(flag=False)  # the others wait until it is


def _spent(name: str, session: Session) -> float:
    """Minutes that a stage's checkpoints have taken."""
    runs = [run for run in STAGES[name].runs if session.path(run).exists()]
    return sum(float(load_state(run, session.work)["seconds"]) for run in runs) / 60
