"""How well pictures follow their captions, and how much pictures of one prompt differ."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import cv2
import numpy as np

from starter_factory.canvas import Image
from starter_factory.captions import Caption, Mention
from starter_factory.probe import Seen, Sight
from starter_factory.scene import LEFT_UNTIL, RIGHT_FROM
from starter_factory.sprites import COLOURS

# The side at which two pictures are compared: what differs there is layout and colour, not detail.
COARSE = 16

Scores = dict[str, float]


def agreement(captions: Sequence[Caption], sights: Sequence[Sight]) -> Scores:
    """Per cent of what captions say that is seen; what they leave out is not asked."""
    asked: dict[str, list[bool]] = {}

    def note(question: str, right: bool) -> None:
        asked.setdefault(question, []).append(right)

    for caption, sight in zip(captions, sights, strict=True):
        for key in ("place", "time", "style"):
            said = getattr(caption, key)
            if said:
                note(key, said == getattr(sight, key))
        if caption.ground:
            note("ground", caption.ground.removeprefix("light ") == sight.ground)
        found = [_match(mention, sight.things) for mention in caption.mentions]
        if caption.mentions:
            name = ("one thing", "two things", "three things")[len(found) - 1]
            note(name, all(found))
            note("nothing else", len(sight.things) <= len({mention.thing for mention in caption.mentions}))
        for mention, seen in zip(caption.mentions, found, strict=True):
            if seen:
                _note_details(mention, seen, note)
        if len(found) == 2 and all(found) and all(mention.colour in COLOURS for mention in caption.mentions):
            pairs = zip(caption.mentions, found, strict=True)
            note("two things' colours", all(mention.colour == seen.colour for mention, seen in pairs if seen))
    return {question: round(100 * float(np.mean(rights)), 1) for question, rights in sorted(asked.items())}


def _match(mention: Mention, things: Sequence[Seen]) -> Seen | None:
    return next((seen for seen in things if seen.thing == mention.thing), None)


def _note_details(mention: Mention, seen: Seen, note: Callable[[str, bool], None]) -> None:
    if mention.colour in COLOURS:
        note("colour", mention.colour == seen.colour)
    if mention.position:
        note("position", mention.position == side_of(seen.x))
    note("count, one" if mention.count == 1 else "count, several", mention.count == seen.count)


def side_of(x: float) -> str:
    return "left" if x < LEFT_UNTIL else "right" if x > RIGHT_FROM else "middle"


def difference(pictures: Sequence[Image]) -> float:
    """The mean difference of two of the pictures at 16 x 16 pixels, in levels."""
    small = [cv2.resize(picture, (COARSE, COARSE), interpolation=cv2.INTER_AREA).astype(float) for picture in pictures]
    return round(float(np.mean([np.abs(one - other).mean() for one, other in combinations(small, 2)])), 1)


def variety(thing: str, sights: Sequence[Sight]) -> Mapping[str, int]:
    """How many places, times, looks, colours and sides there are among pictures of one thing."""
    seen = [one for sight in sights for one in sight.things if one.thing == thing]
    return {
        "pictures with it": len(seen),
        "places": len({sight.place for sight in sights}),
        "times": len({sight.time for sight in sights}),
        "looks": len({sight.style for sight in sights}),
        "colours": len({one.colour for one in seen}),
        "sides": len({side_of(one.x) for one in seen}),
    }
