"""Captions of scenes, with synonyms and free order, and every word in them.

Each of place, time, style, colour, position and pose is left out with a known share: what is left out is free, and what
is said is always true. A thing that is smaller than it could be is nearly always said to be small. Where nothing
says which is where, things are named from left to right: were their order free, a denoiser would begin with the mean of
all orders, and things would take each other's shape.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from starter_factory.people import has_long_hair
from starter_factory.places import PLACES
from starter_factory.scene import GROUNDS, OWN_OUTLINES, PASTEL, PLAIN, POSES, STYLES, TIMES, Scene, Subject
from starter_factory.sprites import DRAWN_BY_US, NATURAL, PAINT, sprite
from starter_factory.things import THINGS, WORDS_AHEAD, Thing

Words = Mapping[str, tuple[str, ...]]

# How often each is said where it can be.
SAID = {
    "place": 0.72,
    "time": 0.5,
    "style": 0.5,
    # One in which things have another outline than in the rest.
    "style of its own outlines": 0.9,
    "colour": 0.62,
    "own colour": 0.3,
    "position": 0.4,
    # Whether things are named from left to right where nothing says which is where.
    "order": 1.0,
    "small": 0.95,
    "large": 0.25,
    "pose": 0.6,
    "ground": 0.7,
    # A colour that a thing seldom has is nearly always said, so that a cat without a word about it is no green one.
    "strange colour": 0.88,
}
# All that can be seen of how a scene was meant; a thing's own colour is no such thing.
EVERYTHING = {**dict.fromkeys(SAID, 1.0), "own colour": 0.0}

COLOUR_WORDS: Words = {colour: (colour,) for colour in NATURAL} | {
    "purple": ("purple", "purple", "violet"),
    "grey": ("grey", "gray"),
}
SIZE_WORDS: Words = {"small": ("small", "small", "little", "tiny"), "large": ("large", "big", "big", "huge")}
POSITION_WORDS: Words = {
    "left": ("on the left", "on the left", "on the left side", "at the left"),
    "middle": ("in the middle", "in the center", "in the centre"),
    "right": ("on the right", "on the right", "on the right side", "at the right"),
}
POSE_WORDS: Words = {
    "standing": ("standing",),
    "waving": ("waving", "waving hello"),
    "cheering": ("cheering", "with raised arms", "with both arms up"),
    "jumping": ("jumping", "jumping up", "leaping"),
    "walking": ("walking", "walking", "on foot"),
    "running": ("running", "running fast", "jogging"),
    "sitting": ("sitting", "sitting down", "seated"),
}
PLACE_WORDS: Words = {
    "meadow": ("in a meadow", "in the meadow", "in a green field", "in the countryside"),
    "beach": ("at the beach", "on the beach", "by the sea", "at the seaside"),
    "city": ("in the city", "in a city", "in town", "on a city street"),
    "forest": ("in the forest", "in a forest", "in the woods"),
    "mountains": ("in the mountains", "in front of mountains", "in the alps"),
    "desert": ("in the desert", "in a desert", "among sand dunes"),
    "snow": ("in the snow", "in winter", "in a snowy landscape"),
    "lake": ("at a lake", "by the lake", "at the lake"),
    "space": ("in space", "in outer space", "among the stars"),
    "underwater": ("underwater", "under water", "under the sea", "at the bottom of the sea"),
    "room": ("in a room", "in the room", "at home", "indoors"),
}
TIME_WORDS: Words = {
    "day": ("by day", "on a sunny day", "at noon", "in daylight"),
    "sunset": ("at sunset", "at dusk", "in the evening"),
    "night": ("at night", "by night", "in the moonlight", "at midnight"),
    "dawn": ("at dawn", "at sunrise", "in the early morning"),
}
STYLE_WORDS: Words = {
    "illustration": ("illustration", "storybook illustration", "drawing"),
    "flat": ("flat vector art", "flat design", "clip art", "flat icon style"),
    "cartoon": ("cartoon", "cartoon style", "cartoon"),
    "3d": ("3d render", "3d", "3d style", "3d model"),
    "comic": ("comic", "comic style", "comic book style", "ink drawing"),
    "pencil sketch": ("pencil sketch", "pencil drawing", "sketch"),
    "watercolour": ("watercolour", "watercolor", "watercolour painting"),
    "pixel art": ("pixel art", "pixel art", "pixel art style"),
}
COUNT_WORDS = {2: ("two", "two", "2", "a pair of"), 3: ("three", "three", "3"), 4: ("four", "four", "4")}
RELATION_WORDS: Words = {
    "in front of": ("in front of", "in front of", "before"),
    "behind": ("behind",),
    "on top of": ("on top of", "on"),
    "under": ("under", "below"),
    "left of": ("to the left of", "left of"),
    "right of": ("to the right of", "right of"),
    "": ("next to", "beside"),
}
RELATIONS = tuple(relation for relation in RELATION_WORDS if relation)
OPPOSITE = {"in front of": "behind", "on top of": "under", "left of": "right of"}
FILLERS = ("beautiful", "lovely", "pretty", "nice", "cute")
OPENINGS = (*("",) * 5, "a picture of ", "an image of ", "a photo of ", "a painting of ", "a scene with ", "there is ")
ENDINGS = (*("",) * 8, ", detailed", ", high quality", ", beautiful light", ", masterpiece")
PLAIN_OPENINGS = ("an icon of ", "a sticker of ", "a symbol of ", "an emoji of ")
IRREGULAR = {
    "man": "men",
    "woman": "women",
    "person": "people",
    "puppy": "puppies",
    "pony": "ponies",
    "bunny": "bunnies",
}
FRAME = "a an the and with of in on by to landscape scene shirt wearing next beside plain background light pastel empty"

TABLES = (COLOUR_WORDS, SIZE_WORDS, POSITION_WORDS, POSE_WORDS, PLACE_WORDS, TIME_WORDS, STYLE_WORDS, RELATION_WORDS)


@dataclass(frozen=True, slots=True)
class Mention:
    """What a caption says of one subject; None is unsaid."""

    thing: str
    count: int
    colour: str | None = None
    position: str | None = None
    size: str | None = None
    pose: str | None = None


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence about a scene and what it says: None is left out. Mentions are in the sentence's order.

    `relation` is that of the first mention to the second.
    """

    text: str
    place: str | None = None
    time: str | None = None
    style: str | None = None
    ground: str | None = None
    relation: str | None = None
    mentions: tuple[Mention, ...] = ()


def describe(scene: Scene, rng: random.Random, shares: Mapping[str, float] = SAID) -> Caption:
    """One of the many captions of the scene; `shares` is how often each is said where it can be."""
    order, relation = _order(scene, rng, shares)
    positions = relation not in ("left of", "right of") and rng.random() < max(0.9, shares["position"])
    told = [(*_mention(one, rng, shares, alone=len(order) == 1, positions=positions), one.middle) for one in order]
    unsaid = relation is None and not any(mention.position for mention, _, _ in told)
    if unsaid and rng.random() < shares["order"]:
        told.sort(key=lambda mentioned: mentioned[2])
    mentions, names = [mention for mention, _, _ in told], [name for _, name, _ in told]
    said = _setting(scene, rng, shares)
    caption = Caption("", said["place"], said["time"], said["style"], said["ground"], relation, tuple(mentions))
    text = _as_tags(caption, names, rng) if rng.random() < 0.2 else _as_sentence(caption, names, rng)
    ending = rng.choice(ENDINGS)
    whole = re.sub(r"(\s*,)+", ",", re.sub(r"\s+", " ", text + ending)).strip(" ,")
    return Caption(whole, caption.place, caption.time, caption.style, caption.ground, relation, caption.mentions)


def _order(scene: Scene, rng: random.Random, shares: Mapping[str, float]) -> tuple[list[Subject], str | None]:
    """The subjects as they are mentioned, and how the first stands to the second if that is said."""
    if scene.relation:
        back, front = scene.subjects
        return ([front, back], scene.relation) if rng.random() < 0.6 else ([back, front], OPPOSITE[scene.relation])
    order = list(scene.subjects)
    rng.shuffle(order)
    if len(order) == 2 and rng.random() < 0.5 * shares["position"]:
        one, other = order
        if abs(one.middle - other.middle) > 0.2:
            return order, "left of" if one.middle < other.middle else "right of"
    return order, None


def _setting(scene: Scene, rng: random.Random, shares: Mapping[str, float]) -> dict[str, str | None]:
    plain = scene.place == PLAIN
    say_place = not scene.subjects or rng.random() < shares["place"]
    timed = scene.place not in ("space", "underwater", PLAIN)
    time_share = shares["time"] ** (2 if scene.place == "room" else 1)
    return {
        "place": scene.place if say_place else None,
        "time": scene.time if timed and rng.random() < time_share else None,
        "style": scene.style if rng.random() < shares[_style_share(scene)] else None,
        "ground": _ground(scene) if plain and say_place and rng.random() < shares["ground"] else None,
    }


def _style_share(scene: Scene) -> str:
    return "style of its own outlines" if scene.style in OWN_OUTLINES else "style"


def _ground(scene: Scene) -> str:
    return (
        f"light {scene.ground}"
        if scene.tone == PASTEL and scene.ground not in ("white", "black")
        else f"{scene.ground}"
    )


def _mention(
    subject: Subject, rng: random.Random, shares: Mapping[str, float], *, alone: bool, positions: bool
) -> tuple[Mention, str]:
    """What is said of the subject, and the words for it without its position."""
    thing = THINGS[subject.thing]
    colour = _said_colour(subject, thing, rng, shares)
    size = subject.size if subject.size in SIZE_WORDS and rng.random() < shares[subject.size] else None
    pose = subject.pose if subject.pose and rng.random() < shares["pose"] else None
    share = shares["position"] * (1.0 if alone else 1.2)
    position = subject.position if positions and rng.random() < share else None
    mention = Mention(thing.name, len(subject.spots), colour, position, size, pose)
    return mention, _words_for(mention, subject, thing, rng)


def _said_colour(subject: Subject, thing: Thing, rng: random.Random, shares: Mapping[str, float]) -> str | None:
    if subject.colour:
        share = shares["strange colour" if thing.paint < 0.5 else "colour"]
        return subject.colour if rng.random() < share else None
    if subject.art == DRAWN_BY_US or rng.random() >= shares["own colour"]:
        return None
    return sprite(subject.thing, subject.art).natural


def _words_for(mention: Mention, subject: Subject, thing: Thing, rng: random.Random) -> str:
    noun = _noun(thing, subject, mention.count, rng)
    colour = rng.choice(COLOUR_WORDS[mention.colour]) if mention.colour else ""
    dress = ""
    if thing.group == "people" and colour and rng.random() < 0.75:
        dress, colour = rng.choice((f"in {colour}", f"in a {colour} shirt", f"wearing a {colour} shirt")), ""
    adjectives = [
        rng.choice(FILLERS) if rng.random() < 0.1 else "",
        rng.choice(SIZE_WORDS[mention.size]) if mention.size else "",
        colour,
    ]
    pose = rng.choice(POSE_WORDS[mention.pose]) if mention.pose else ""
    name = " ".join(word for word in (*adjectives, noun, dress, pose) if word)
    return f"{rng.choice(COUNT_WORDS[mention.count])} {name}" if mention.count > 1 else name


def _noun(thing: Thing, subject: Subject, count: int, rng: random.Random) -> str:
    if thing.group == "people":
        grown = ("woman", "girl") if has_long_hair(subject) else ("man", "boy")
        noun = rng.choice((thing.name, thing.name, *grown))
    else:
        noun = thing.name if rng.random() < 0.65 or not thing.words else rng.choice(thing.words)
    if count == 1:
        return noun
    return thing.many if noun == thing.name else plural(noun)


def plural(noun: str) -> str:
    """The plural of a name without its own in the table."""
    if " of " in noun:
        first, rest = noun.split(" of ")
        return f"{plural(first)} of {rest}"
    *before, last = noun.split(" ")
    last = IRREGULAR.get(last) or (f"{last}es" if last.endswith(("ch", "sh", "s", "x")) else f"{last}s")
    return " ".join([*before, last])


def _as_sentence(caption: Caption, names: Sequence[str], rng: random.Random) -> str:
    setting = [
        rng.choice(PLACE_WORDS[caption.place]) if caption.place and caption.place != PLAIN else "",
        rng.choice(TIME_WORDS[caption.time]) if caption.time else "",
    ]
    rng.shuffle(setting)
    where = " ".join(part for part in setting if part)
    style = rng.choice(STYLE_WORDS[caption.style]) if caption.style else ""
    things = _together(caption, names, rng)
    if caption.place == PLAIN:
        text = _on_plain_ground(caption, things, rng)
    elif things and where and rng.random() < 0.25:
        text = f"{where}, {things}"
    elif things:
        opening = rng.choice(OPENINGS) if not style else ""
        text = f"{opening}{things}{rng.choice((' ', ' ', ', '))}{where}"
    else:
        text = f"{rng.choice(('a landscape', 'a scene', 'an empty scene', ''))} {where}"
    if not style:
        return text
    artwork = not style.endswith(("style", "3d"))
    if artwork and things and not (where and text.startswith(where)) and rng.random() < 0.6:
        return f"{_with_article(style)} of {text}"
    return f"{text}, {style}" if rng.random() < 0.8 else f"{style}, {text}"


def _on_plain_ground(caption: Caption, things: str, rng: random.Random) -> str:
    """A thing for itself: an icon, or whatever stands before one colour."""
    opening = rng.choice(PLAIN_OPENINGS) if rng.random() < 0.4 and not caption.style else ""
    if caption.ground:
        return f"{opening}{things} on {_with_article(caption.ground)} background"
    return f"{opening}{things}" if opening and rng.random() < 0.6 else f"{opening}{things} on a plain background"


def _together(caption: Caption, names: Sequence[str], rng: random.Random) -> str:
    """The subjects, and where they are if that is said."""
    phrases = [
        _with_article(name, mention) + (f" {rng.choice(POSITION_WORDS[mention.position])}" if mention.position else "")
        for name, mention in zip(names, caption.mentions, strict=True)
    ]
    if caption.relation:
        return f"{phrases[0]} {rng.choice(RELATION_WORDS[caption.relation])} {phrases[1]}"
    if len(phrases) == 2:
        return f"{phrases[0]} {rng.choice(('and', 'and', 'and', *RELATION_WORDS['']))} {phrases[1]}"
    return ", ".join(phrases[:-1]) + (" and " if len(phrases) > 1 else "") + phrases[-1] if phrases else ""


def _as_tags(caption: Caption, names: Sequence[str], rng: random.Random) -> str:
    """Comma lists: subjects with their positions, then the bare words of the setting."""
    if caption.relation:
        subjects = [f"{names[0]} {rng.choice(RELATION_WORDS[caption.relation])} {names[1]}"]
    else:
        subjects = [
            f"{name} {rng.choice((mention.position, *POSITION_WORDS[mention.position]))}" if mention.position else name
            for name, mention in zip(names, caption.mentions, strict=True)
        ]
    bare = []
    if caption.place == PLAIN:
        bare.append(f"{caption.ground} background" if caption.ground else "plain background")
    elif caption.place:
        bare.append(rng.choice((caption.place, *PLACE_WORDS[caption.place])))
    if caption.time:
        bare.append(rng.choice((caption.time, caption.time, *TIME_WORDS[caption.time])))
    if caption.style:
        bare.append(rng.choice(STYLE_WORDS[caption.style]))
    rng.shuffle(bare)
    return ", ".join((*subjects, *bare))


def _with_article(name: str, mention: Mention | None = None) -> str:
    if mention and mention.count > 1:
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word that the tokenizer knows as one, those of things to come included, in alphabetical order."""
    return tuple(sorted({*known_words(), *_words(WORDS_AHEAD), *_words(map(plural, WORDS_AHEAD))}))


@cache
def known_words() -> tuple[str, ...]:
    """Every word that a caption can contain, in alphabetical order."""
    phrases: list[str] = [FRAME, *FILLERS, *OPENINGS, *ENDINGS, *PLAIN_OPENINGS]
    phrases += [*PLACES, *TIMES, *STYLES, *POSES, *GROUNDS, *POSITION_WORDS, *IRREGULAR.values()]
    for table in (*TABLES, COUNT_WORDS):
        phrases.extend(phrase for choices in table.values() for phrase in choices)
    for thing in THINGS.values():
        phrases += [thing.name, thing.many, *thing.words, *(plural(word) for word in thing.words)]
    return tuple(sorted(_words(phrases)))


def _words(phrases: Iterable[str]) -> set[str]:
    return {word for phrase in phrases for word in words_of(phrase)}


def words_of(text: str) -> list[str]:
    """The lower-case words of a text; each digit is one."""
    return re.findall(r"[a-z]+|[0-9]", text.lower())


def word_groups() -> dict[str, list[str]]:
    """The words that tell something, by what they are for, as a page shows them to a creator."""
    groups: dict[str, list[str]] = {"places": list(PLACES), "times": list(TIMES), "styles": list(STYLES)}
    for thing in THINGS.values():
        groups.setdefault(thing.group, []).append(thing.name)
    return groups | {
        "colours": list(PAINT),
        "positions": list(POSITION_WORDS),
        "sizes": list(SIZE_WORDS),
        "counts": ["two", "three", "four"],
        "poses": list(POSES),
        "relations": ["in front of", "behind", "on top of", "next to"],
        "backgrounds": [f"on a {ground} background" for ground in ("white", "black", "yellow", "blue")],
    }
