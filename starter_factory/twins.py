"""Scenes that differ in one fact from another: what tells a judge of pictures from a coin."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from starter_factory.captions import SAID
from starter_factory.places import PLACES, TIMELESS
from starter_factory.scene import (
    GROUNDS,
    LEFT_UNTIL,
    PLAIN,
    RIGHT_FROM,
    STYLES,
    TIMES,
    UNFIT,
    Scene,
    Spot,
    Subject,
    art_of,
    fits,
    subject_of,
)
from starter_factory.sprites import COLOURS, aspect
from starter_factory.things import THINGS

Value = TypeVar("Value")

# What a caption has to say so that the two can be told apart by it.
TOLD_BY: Mapping[str, tuple[str, ...]] = {
    "place": ("place",),
    "time": ("time",),
    "style": ("style", "style of its own outlines"),
    "ground": ("place", "ground"),
    "object": (),
    "count": (),
    "colour": ("colour", "strange colour"),
    "whose colour": ("colour", "strange colour"),
    "position": ("position",),
}
MIDDLES = {"left": (0.16, 0.3), "middle": (0.44, 0.56), "right": (0.7, 0.84)}


def telling(fact: str) -> Mapping[str, float]:
    """How often captions say what, where they have to say this fact."""
    return {**SAID, **dict.fromkeys(TOLD_BY[fact], 1.0)}


def twins(scene: Scene, rng: random.Random) -> dict[str, Scene]:
    """The scene with one fact changed, by the name of the fact."""
    found = _settings(scene, rng)
    if not scene.subjects:
        return found
    at = rng.randrange(len(scene.subjects))
    one = scene.subjects[at]
    found["object"] = _with(scene, at, _other_thing(scene, one, rng))
    if one.colour:
        found["colour"] = _with(scene, at, replace(one, colour=_other(COLOURS, rng, one.colour)))
    if counted := _recounted(scene, one):
        found["count"] = _with(scene, at, counted)
    if moved := _moved(scene, rng):
        found["position"] = moved
    if len(scene.subjects) == 2:
        first, second = scene.subjects
        if first.colour and second.colour and first.colour != second.colour and first.thing != second.thing:
            exchanged = (replace(first, colour=second.colour), replace(second, colour=first.colour))
            found["whose colour"] = replace(scene, subjects=exchanged)
    return found


def _settings(scene: Scene, rng: random.Random) -> dict[str, Scene]:
    found = {}
    if scene.place == PLAIN:
        found["ground"] = replace(scene, ground=_other(GROUNDS, rng, scene.ground))
    else:
        places = [place for place in PLACES if scene.style not in UNFIT.get(place, ())]
        place = _other(places, rng, scene.place)
        found["place"] = replace(scene, place=place, time="day" if place in TIMELESS else scene.time)
        if scene.place not in TIMELESS:
            found["time"] = replace(scene, time=_other(TIMES, rng, scene.time))
    styles = [style for style in STYLES if style not in UNFIT.get(scene.place, ()) and _all_fit(scene, style)]
    if set(styles) - {scene.style}:
        style = _other(styles, rng, scene.style)
        restyled = tuple(replace(each, art=art_of(THINGS[each.thing], style, rng)) for each in scene.subjects)
        found["style"] = replace(scene, style=style, subjects=restyled)
    return found


def _all_fit(scene: Scene, style: str) -> bool:
    return all(fits(THINGS[subject.thing], style) for subject in scene.subjects)


def _other_thing(scene: Scene, one: Subject, rng: random.Random) -> Subject:
    taken = {subject.thing for subject in scene.subjects}
    thing = rng.choice([thing for thing in THINGS.values() if fits(thing, scene.style) and thing.name not in taken])
    other = subject_of(thing, one.size, one.spots, art_of(thing, scene.style, rng), rng)
    return replace(other, colour=one.colour) if one.colour and other.colour else other


def _recounted(scene: Scene, one: Subject) -> Subject | None:
    """One instead of several; two instead of one, where it stands alone and there is room beside it."""
    first = one.spots[0]
    if len(one.spots) > 1:
        return replace(one, spots=(first,))
    step = 1.25 * first.tall * aspect(THINGS[one.thing], one.art)
    beside = first.x + step if first.x < 0.5 else first.x - step
    if len(scene.subjects) > 1 or not step / 2 < beside < 1 - step / 2:
        return None
    return replace(one, spots=(first, replace(first, x=beside)))


def _moved(scene: Scene, rng: random.Random) -> Scene | None:
    """A lone thing at another side; of two that stand apart, each where the other was."""
    if scene.relation or any(len(subject.spots) > 1 for subject in scene.subjects):
        return None
    if len(scene.subjects) == 1:
        (one,) = scene.subjects
        side = _other(tuple(MIDDLES), rng, one.position)
        return replace(scene, subjects=(_at(one, rng.uniform(*MIDDLES[side])),))
    if len(scene.subjects) != 2:
        return None
    first, second = scene.subjects
    ends = sorted((first.spots[0].x, second.spots[0].x))
    if first.thing == second.thing or ends[0] > LEFT_UNTIL or ends[1] < RIGHT_FROM:
        return None
    return replace(scene, subjects=(_at(first, second.spots[0].x), _at(second, first.spots[0].x)))


def _at(subject: Subject, x: float) -> Subject:
    spots: tuple[Spot, ...] = (replace(subject.spots[0], x=x),)
    return replace(subject, spots=spots)


def _with(scene: Scene, at: int, subject: Subject) -> Scene:
    return replace(scene, subjects=(*scene.subjects[:at], subject, *scene.subjects[at + 1 :]))


def _other(values: Sequence[Value], rng: random.Random, taken: Value | None) -> Value:
    return rng.choice([value for value in values if value != taken])
