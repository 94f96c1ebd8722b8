"""How well pictures follow their captions, and how much pictures of one prompt differ."""

from collections.abc import Mapping, Sequence
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

# Both things of two are there, each in its colour.
BOUND = "two things and their colours"

Scores = dict[str, float]
Verdict = tuple[str, bool]


def agreement(captions: Sequence[Caption], sights: Sequence[Sight]) -> Scores:
    """Per cent of what captions say that is seen; what they leave out is not asked."""
    asked: dict[str, list[bool]] = {}
    for caption, sight in zip(captions, sights, strict=True):
        for question, right in verdicts(caption, sight):
            asked.setdefault(question, []).append(right)
    return {question: round(100 * float(np.mean(rights)), 1) for question, rights in sorted(asked.items())}


def verdicts(caption: Caption, sight: Sight) -> list[Verdict]:
    """Each question that the caption answers, and whether the picture answers it likewise."""
    found = [_match(mention, sight.things) for mention in caption.mentions]
    pairs = [(mention, seen) for mention, seen in zip(caption.mentions, found, strict=True) if seen]
    noted = [
        (key, said == getattr(sight, key)) for key in ("place", "time", "style") if (said := getattr(caption, key))
    ]
    if caption.ground:
        noted.append(("ground", caption.ground.removeprefix("light ") == sight.ground))
    if caption.mentions:
        noted.append((("one thing", "two things", "three things")[len(found) - 1], all(found)))
        noted.append(("nothing else", len(sight.things) <= len({mention.thing for mention in caption.mentions})))
    for pair in pairs:
        noted += _details(*pair)
    if len(found) == 2 and all(mention.colour in COLOURS for mention in caption.mentions):
        coloured = all(mention.colour == seen.colour for mention, seen in pairs)
        noted.append((BOUND, coloured and len(pairs) == 2))
        noted += [("two things' colours", coloured)] if len(pairs) == 2 else []
    return noted


def _match(mention: Mention, things: Sequence[Seen]) -> Seen | None:
    return next((seen for seen in things if seen.thing == mention.thing), None)


def _details(mention: Mention, seen: Seen) -> list[Verdict]:
    noted = [("count, one" if mention.count == 1 else "count, several", mention.count == seen.count)]
    if mention.colour in COLOURS:
        noted.append(("colour", mention.colour == seen.colour))
    if mention.position:
        noted.append(("position", mention.position == side_of(seen.x)))
    return noted


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
