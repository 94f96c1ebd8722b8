"""The starter's language: captions of scenes, with synonyms and free order, and the list of every word in them.

What a caption leaves out has one meaning (the middle, by day, standing, an illustration), so that it can be learned;
only place and colour may be left to chance.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starter_factory.first.scene import (
    COLOURS,
    KINDS,
    NATURAL_COLOURS,
    PLACES,
    POSES,
    POSITIONS,
    SIZES,
    STYLES,
    TIMES,
    Scene,
    Subject,
)

Words = Mapping[str, tuple[str, ...]]

NOUNS: Words = {
    "house": ("house", "house", "home", "cottage"),
    "tree": ("tree", "tree", "leafy tree"),
    "car": ("car", "car", "automobile"),
    "boat": ("boat", "boat", "sailboat", "sailing boat", "ship"),
    "castle": ("castle", "castle", "fortress"),
    "balloon": ("balloon", "hot air balloon"),
    "tent": ("tent", "tent", "camping tent"),
    "cat": ("cat", "cat", "kitten"),
    "flower": ("flower", "flower", "blossom"),
    "person": ("person", "person", "man", "woman"),
}
COLOUR_WORDS: Words = {colour: (colour,) for colour in COLOURS} | {"purple": ("purple", "purple", "violet")}
SIZE_WORDS: Words = {"small": ("small", "little"), "medium": ("",), "large": ("large", "big", "huge")}
POSITION_WORDS: Words = {
    "left": ("on the left", "on the left", "on the left side", "to the left"),
    "middle": ("in the middle", "in the center", "in the centre"),
    "right": ("on the right", "on the right", "on the right side", "to the right"),
}
POSE_WORDS: Words = {
    "standing": ("standing",),
    "waving": ("waving", "waving hello"),
    "cheering": ("cheering", "with raised arms", "with both arms up"),
    "jumping": ("jumping", "jumping up", "leaping"),
}
PLACE_WORDS: Words = {
    "meadow": ("in a meadow", "in the meadow", "in a green field", "in the countryside"),
    "beach": ("at the beach", "on the beach", "by the sea", "at the seaside"),
    "city": ("in the city", "in a city", "in town", "on a city street"),
    "forest": ("in the forest", "in a forest", "in the woods"),
    "mountains": ("in the mountains", "in front of mountains", "in the alps"),
    "desert": ("in the desert", "in a desert", "among sand dunes"),
    "snow": ("in the snow", "in winter", "in a snowy landscape"),
}
TIME_WORDS: Words = {
    "day": ("by day", "on a sunny day", "at noon", "in daylight"),
    "sunset": ("at sunset", "at dusk", "in the evening"),
    "night": ("at night", "by night", "under the moon", "at midnight"),
    "dawn": ("at dawn", "at sunrise", "in the early morning"),
}
STYLE_WORDS: Words = {
    "illustration": ("illustration", "flat illustration", "drawing"),
    "pencil sketch": ("pencil sketch", "pencil drawing", "sketch"),
    "watercolour": ("watercolour", "watercolor", "watercolour painting"),
    "pixel art": ("pixel art", "pixel art", "pixel art style"),
}
FILLERS = ("", "", "", "", "beautiful", "lovely", "pretty", "nice")
OPENINGS = (*("",) * 4, "a picture of ", "an image of ", "a photo of ", "a painting of ", "a scene with ", "there is ")
ENDINGS = ("", "", "", "", "", "", ", detailed", ", high quality", ", beautiful light", ", masterpiece")
TABLES = (NOUNS, COLOUR_WORDS, SIZE_WORDS, POSITION_WORDS, POSE_WORDS, PLACE_WORDS, TIME_WORDS, STYLE_WORDS)
FRAME = "a an the and with of in on by to landscape scene shirt wearing next beside"


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence about a scene; `free` names what it leaves to chance: "place", or the number of a subject's colour."""

    text: str
    free: frozenset[str | int] = frozenset()


def describe(scene: Scene, rng: random.Random) -> Caption:
    """One of the many captions of the scene."""
    say_place = not scene.subjects or rng.random() > 0.1
    free: set[str | int] = set() if say_place else {"place"}
    place = rng.choice(PLACE_WORDS[scene.place]) if say_place else ""
    time = rng.choice(TIME_WORDS[scene.time]) if scene.time != "day" or rng.random() < 0.4 else ""
    style = rng.choice(STYLE_WORDS[scene.style]) if scene.style != "illustration" or rng.random() < 0.2 else ""
    named = []
    for number, subject in enumerate(scene.subjects):
        say_colour = subject.colour not in NATURAL_COLOURS[subject.kind] or rng.random() < 0.6
        if not say_colour:
            free.add(number)
        named.append(_name(subject, say_colour, rng))
    if rng.random() < 0.2:
        text = _as_tags(scene, named, [place, time, style], rng)
    else:
        text = _as_sentence(scene, named, [place, time], style, rng)
    return Caption(re.sub(r"\s+", " ", text + rng.choice(ENDINGS)).strip(" ,"), frozenset(free))


def _name(subject: Subject, say_colour: bool, rng: random.Random) -> str:
    noun, size = rng.choice(NOUNS[subject.kind]), rng.choice(SIZE_WORDS[subject.size])
    colour = rng.choice(COLOUR_WORDS[subject.colour]) if say_colour else ""
    dress = ""
    if subject.kind == "person" and colour and rng.random() < 0.7:
        dress, colour = rng.choice((f"in {colour}", f"in a {colour} shirt", f"wearing a {colour} shirt")), ""
    pose = ""
    if subject.pose is not None and (subject.pose != "standing" or rng.random() < 0.3):
        pose = rng.choice(POSE_WORDS[subject.pose])
    adjectives = [rng.choice(FILLERS) if rng.random() < 0.3 else "", size, colour]
    return " ".join(word for word in (*adjectives, noun, dress, pose) if word)


def _as_sentence(scene: Scene, named: list[str], setting: list[str], style: str, rng: random.Random) -> str:
    rng.shuffle(setting)
    where = " ".join(part for part in setting if part)
    things = _together(scene, named, rng)
    if things and where and rng.random() < 0.25:
        text = f"{where}, {things}"
    elif things:
        opening = "" if style else rng.choice(OPENINGS)
        text = f"{opening}{things}{rng.choice((' ', ', '))}{where}"
    else:
        text = f"{rng.choice(('a landscape', 'a scene', ''))} {where}"
    if not style:
        return text
    if things and not text.startswith(where) and rng.random() < 0.6:
        return f"{_article(style)} of {text}"
    return f"{text}, {style}"


def _together(scene: Scene, named: list[str], rng: random.Random) -> str:
    """The subjects and where they stand; the middle, and left before right, need not be said."""
    phrases = [_article(name) for name in named]
    if len(phrases) == 2:
        first, second = phrases
        if rng.random() < 0.3:
            return f"{first} {rng.choice(('and', 'and', 'next to', 'beside'))} {second}"
        if rng.random() < 0.2:
            return rng.choice((f"{first} to the left of {second}", f"{second} to the right of {first}"))
    parts = [
        f"{phrase} {rng.choice(POSITION_WORDS[subject.position])}"
        if subject.position != "middle" or rng.random() < 0.5
        else phrase
        for phrase, subject in zip(phrases, scene.subjects, strict=True)
    ]
    rng.shuffle(parts)
    return " and ".join(parts)


def _as_tags(scene: Scene, named: list[str], setting: list[str], rng: random.Random) -> str:
    """Comma lists: each subject with its position, then the bare words of the setting."""
    subjects = [
        f"{name} {rng.choice((subject.position, rng.choice(POSITION_WORDS[subject.position])))}"
        if subject.position != "middle" or rng.random() < 0.3
        else name
        for name, subject in zip(named, scene.subjects, strict=True)
    ]
    bare = [
        value if part and value in STYLES + PLACES + TIMES and rng.random() < 0.6 else part
        for part, value in zip(setting, (scene.place, scene.time, scene.style), strict=True)
    ]
    rng.shuffle(bare)
    return ", ".join(part for part in (*subjects, *bare) if part)


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def vocabulary() -> list[str]:
    """Every word that a caption can contain, in alphabetical order."""
    phrases: list[str] = [FRAME, *FILLERS, *OPENINGS, *ENDINGS, *PLACES, *TIMES, *STYLES, *POSITIONS]
    for table in TABLES:
        phrases.extend(phrase for choices in table.values() for phrase in choices)
    return sorted({word for phrase in phrases for word in words_of(phrase)})


def words_of(text: str) -> list[str]:
    """The lower-case words of a text."""
    return re.findall(r"[a-z]+", text.lower())


def word_groups() -> dict[str, list[str]]:
    """The vocabulary by meaning, as a page shows it to a creator."""
    return {
        "places": list(PLACES),
        "times": list(TIMES),
        "objects": list(KINDS),
        "colours": list(COLOURS),
        "positions": list(POSITIONS),
        "sizes": [size for size in SIZES if size != "medium"],
        "poses": list(POSES),
        "styles": list(STYLES),
    }
