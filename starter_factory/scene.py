"""What a picture shows, as a value, and random scenes: which things, where, of what size, colour and look.

Things stand side by side in columns, as tall as their number allows; the words for where and how large they are (left,
small ...) are read off, so that a caption may leave them out and still be true.
"""

import random
from dataclasses import dataclass, replace
from itertools import combinations
from zlib import crc32

from starter_factory.places import PLACES, TIMELESS
from starter_factory.sprites import COLOURS, DRAWN_BY_US, aspect
from starter_factory.things import THINGS, Thing

TIMES = ("day", "sunset", "night", "dawn")
STYLES = ("illustration", "flat", "cartoon", "3d", "comic", "pencil sketch", "watercolour", "pixel art")
STYLE_WEIGHTS = (6, 40, 5, 36, 4, 3, 3, 3)
SETS_OF_STYLE = {"flat": ("flat",), "cartoon": ("detailed",), "3d": ("3d",)}
# Flat and 3D art are of one outline. What a word without a look means should not be a mean of many outlines: so these
# are most of what is drawn, a look that has others is named, and nothing is turned about.
ONE_OUTLINE = ("flat", "3d", "3d")
OWN_OUTLINES = ("illustration", "cartoon")
POSES = ("standing", "waving", "cheering", "jumping", "walking", "running", "sitting")
POSE_WEIGHTS = (3, 3, 3, 2, 2, 2, 2)
PLAIN = "plain"
PASTEL, BRIGHT = "pastel", "bright"
GROUNDS = ("white", "black", "red", "orange", "yellow", "green", "blue", "purple", "pink", "grey")
SIZES = ("small", "medium", "large")
# The height of each of so many things in a row, in shares of the picture's shorter side; the larger of the two, where a
# thing is wider than tall, is its width. A denoiser learns a shape anew at each size, and a prompt that does not say
# the size means the mean of all: so there are few, and how many there are settles which.
HEIGHTS = {1: 0.66, 2: 0.44, 3: 0.293, 4: 0.195}
SMALLER = {1: 0.293, 2: 0.293}
SMALL_SHARE = 0.15
# Where the middle of a single thing may be.
LARGE_COLUMNS, SMALL_COLUMNS = (1 / 3, 1 / 2, 2 / 3), (1 / 6, 1 / 2, 5 / 6)
# Where feet stand on the ground and keels in water, and the middle of what flies.
GROUND_LINE, WATER_LINE, AIR_LINE = 0.9, 0.73, 0.38
# People are so many times as tall as a thing of the same size.
TALLER = 1.15
UNFIT = {"space": ("pencil sketch", "watercolour"), PLAIN: ("watercolour",)}
HELD_OUT = 40
# The share of scenes of so many things, none before another, that a denoiser learns from: all where it is not told.
PAINTED = {0: 0.6, 1: 0.5, 2: 0.7}
# The seeds of what it learns from instead: none that anything is measured by.
OTHERS = 2**40
LEFT_UNTIL, RIGHT_FROM = 0.39, 0.61

# Degrees from hanging down, outwards and up, of upper and lower limb: right arm, left arm, right leg, left leg.
LimbAngles = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one thing stands: `x` its middle, `y` its foot, shares of width and height; `tall` of the shorter side."""

    x: float
    y: float
    tall: float
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing, or several alike; `colour` None is the thing's own. `look` varies what no caption says, 0 to 1."""

    thing: str
    spots: tuple[Spot, ...]
    size: str
    art: str
    colour: str | None = None
    pose: str | None = None
    look: float = 0.0
    angles: LimbAngles | None = None

    @property
    def middle(self) -> float:
        """Where it is across the picture, a share of the width; of several alike, the middle of all."""
        return sum(spot.x for spot in self.spots) / len(self.spots)

    @property
    def position(self) -> str | None:
        """Left, middle or right, where the whole of it is; None for a row across the picture."""
        if len(self.spots) > 1 and max(spot.x for spot in self.spots) - min(spot.x for spot in self.spots) > 0.4:
            return None
        return "left" if self.middle < LEFT_UNTIL else "right" if self.middle > RIGHT_FROM else "middle"


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture; `subjects` from back to front. `relation` names how the last stands to the one before it.

    A plain ground has `ground`, its colour, and `tone`; `seed` settles the free details.
    """

    place: str
    time: str
    style: str
    subjects: tuple[Subject, ...] = ()
    relation: str | None = None
    ground: str | None = None
    tone: str = BRIGHT
    seed: int = 0


def training_scene(seed: int) -> Scene:
    """The random scene of this seed, free of held-out pairs."""
    rng = random.Random(seed)
    while is_held_out(scene := random_scene(rng)):
        pass
    return scene


def crowded_scene(seed: int) -> Scene:
    """The training scene of this seed; some with few things, which are learned soon, give way to another."""
    rng, scene = random.Random(f"crowded {seed}"), training_scene(seed)
    while not scene.relation and rng.random() >= PAINTED.get(len(scene.subjects), 1.0):
        scene = training_scene(rng.randrange(OTHERS))
    return scene


def free_scene(seed: int) -> Scene:
    """The training scene with its things off their lines, smaller or larger; those that touch stay where they are."""
    scene, rng = training_scene(seed), random.Random(f"free {seed}")
    if scene.relation:
        return scene
    return replace(scene, subjects=tuple(_moved(subject, rng) for subject in scene.subjects))


def _moved(subject: Subject, rng: random.Random) -> Subject:
    growth, across, down = rng.uniform(0.7, 1.12), rng.uniform(-0.16, 0.16), rng.uniform(-0.1, 0.1)
    tall = growth * subject.spots[0].tall
    return replace(
        subject,
        spots=tuple(
            replace(spot, x=spot.x + across, y=min(0.97, max(spot.y + down, tall + 0.03)), tall=tall)
            for spot in subject.spots
        ),
    )


def held_out_scene(seed: int) -> Scene:
    """The random scene of this seed with at least one held-out pair."""
    rng = random.Random(seed)
    while not is_held_out(scene := random_scene(rng)):
        pass
    return scene


def is_held_out(scene: Scene) -> bool:
    """Whether the scene shows a pair of colour and thing, or of two things, that training never draws: one in 40.

    Which pairs they are hangs on their names alone, so that it stays when things are added.
    """
    painted = [f"{subject.colour} {subject.thing}" for subject in scene.subjects if subject.colour]
    names = sorted({subject.thing for subject in scene.subjects})
    together = [f"{one} and {other}" for one, other in combinations(names, 2)]
    return any(crc32(pair.encode()) % HELD_OUT == 0 for pair in (*painted, *together))


def drawn_scene(seed: int) -> Scene:
    """The random scene of this seed with our own drawings alone: it needs no art, and may be held out."""
    return random_scene(random.Random(seed), "illustration")


def random_scene(rng: random.Random, look: str | None = None) -> Scene:
    """Any scene: most with one or two subjects, some with three or none, a third on a plain ground."""
    count = rng.choices((0, 1, 2, 3), weights=(4, 48, 37, 11))[0]
    place = PLAIN if count and rng.random() < 0.35 else rng.choice(list(PLACES))
    style = look or _random_style(place, rng)
    things = [_random_thing(rng, style) for _ in range(count)]
    relation = rng.choice(("in front of", "on top of")) if count == 2 and rng.random() < 0.3 else None
    if relation == "on top of" and not _stackable(things):
        relation = "in front of"
    plain = place == PLAIN
    return Scene(
        place=place,
        time="day" if plain or place in TIMELESS else rng.choices(TIMES, weights=(40, 20, 24, 16))[0],
        style=style,
        subjects=_related(things, place, style, relation, rng) if relation else _placed(things, place, style, rng),
        relation=relation,
        ground=rng.choice(GROUNDS) if plain else None,
        tone=rng.choice((PASTEL, BRIGHT)),
        seed=rng.randrange(2**31),
    )


def _random_style(place: str, rng: random.Random) -> str:
    """Any look; a pencil draws no black space, and no plain ground is painted."""
    while (style := rng.choices(STYLES, weights=STYLE_WEIGHTS)[0]) in UNFIT.get(place, ()):
        pass
    return style


def _stackable(things: list[Thing]) -> bool:
    """Whether the second can lie on the first: things of the ground, no people."""
    return all(thing.habit == "ground" and thing.group != "people" for thing in things)


def _random_thing(rng: random.Random, style: str) -> Thing:
    """Any thing that is drawn in that style; those drawn by us somewhat more often, people, who vary most, far more."""
    usable = [thing for thing in THINGS.values() if fits(thing, style)]
    if style == "illustration":
        return rng.choice(usable)
    return rng.choices(usable, weights=[14 if t.group == "people" else 2 if t.drawn else 1 for t in usable])[0]


def with_thing(scene: Scene, name: str, rng: random.Random) -> Scene:
    """The scene with one of its things exchanged for this one; as it is where that is not drawn in its style."""
    thing = THINGS[name]
    if any(subject.thing == name for subject in scene.subjects) or not scene.subjects or not fits(thing, scene.style):
        return scene
    at = rng.randrange(len(scene.subjects))
    one = scene.subjects[at]
    fresh = subject_of(thing, one.size, one.spots, art_of(thing, scene.style, rng), rng)
    return replace(scene, subjects=(*scene.subjects[:at], fresh, *scene.subjects[at + 1 :]))


def fits(thing: Thing, style: str) -> bool:
    """Whether the thing is drawn in that style."""
    if style == "illustration":
        return thing.drawn
    return bool(thing.art) or style not in SETS_OF_STYLE or thing.group == "people"


def _placed(things: list[Thing], place: str, style: str, rng: random.Random) -> tuple[Subject, ...]:
    """Each thing in a column of its own, several alike in as many."""
    counts = [_random_count(thing, rng) for thing in things]
    if sum(counts) > max(HEIGHTS):
        counts = [1] * len(things)
    columns = _columns(sum(counts))
    subjects = []
    for thing, count in zip(things, counts, strict=True):
        own, columns = columns[:count], columns[count:]
        subjects.append(_subject(thing, own, sum(counts), place, art_of(thing, style, rng), rng))
    return tuple(sorted(subjects, key=lambda subject: subject.spots[0].y))


def _random_count(thing: Thing, rng: random.Random) -> int:
    weights = (84, 9, 5, 2) if thing.group != "people" else (90, 10, 0, 0)
    return rng.choices((1, 2, 3, 4), weights=weights)[0]


def _columns(count: int) -> list[float]:
    """The middles of so many columns."""
    return [(number + 0.5) / count for number in range(count)]


def _subject(thing: Thing, columns: list[float], among: int, place: str, art: str, rng: random.Random) -> Subject:
    """A thing in these columns of a picture of `among` things."""
    small = among in SMALLER and rng.random() < SMALL_SHARE
    extent = SMALLER[among] if small else HEIGHTS[among]
    size = "small" if small else "large" if among == 1 else "medium"
    if among == 1:
        columns = [rng.choice(SMALL_COLUMNS if small else LARGE_COLUMNS)]
    tall = _tall(thing, art, extent)
    spots = tuple(Spot(x, foot_of(thing, tall, place), tall) for x in columns)
    return subject_of(thing, size, spots, art, rng)


def _tall(thing: Thing, art: str, extent: float) -> float:
    """The height of a thing whose larger side is `extent`; people are taller than things."""
    return extent / max(1.0, aspect(thing, art)) * (TALLER if thing.group == "people" else 1.0)


def foot_of(thing: Thing, tall: float, place: str) -> float:
    """Where its lowest point is: on the ground, in the air or water by its habit, in the middle of a plain ground."""
    if place in (PLAIN, "space") or (place == "underwater" and thing.habit != "ground"):
        return 0.5 + tall / 2
    if thing.habit == "air":
        return max(AIR_LINE + tall / 2, tall + 0.03)
    if thing.habit == "water" and place in ("beach", "lake"):
        return WATER_LINE
    return GROUND_LINE


def _related(things: list[Thing], place: str, style: str, relation: str, rng: random.Random) -> tuple[Subject, ...]:
    """Two things of which the second is before the first, or upon it."""
    arts = [art_of(thing, style, rng) for thing in things]
    back, front = things
    plain = place == PLAIN
    if relation == "on top of":
        below, above = _tall(back, arts[0], HEIGHTS[2]), _tall(front, arts[1], HEIGHTS[3])
        foot = 0.5 + 0.48 * (below + above) if plain else GROUND_LINE
        spots = (Spot(0.5, foot, below), Spot(0.5, foot - 0.97 * below, above))
        sizes = ("medium", "medium")
    else:
        behind, before = _tall(back, arts[0], HEIGHTS[1]), _tall(front, arts[1], HEIGHTS[2])
        foot = min(0.46 + behind / 2, 0.9) if plain else 0.82
        spots = (Spot(0.5, foot, behind), Spot(rng.choice((0.3, 0.7)), min(0.95, foot + 0.1), before))
        sizes = ("large", "medium")
    return tuple(
        subject_of(thing, size, (spot,), art, rng)
        for thing, size, spot, art in zip(things, sizes, spots, arts, strict=True)
    )


def subject_of(thing: Thing, size: str, spots: tuple[Spot, ...], art: str, rng: random.Random) -> Subject:
    people = thing.group == "people"
    return Subject(
        thing=thing.name,
        spots=spots,
        size=size,
        art=art,
        colour=rng.choice(COLOURS) if people or thing.art is None or rng.random() < thing.paint else None,
        pose=rng.choices(POSES, weights=POSE_WEIGHTS)[0] if people else None,
        look=rng.random(),
    )


def art_of(thing: Thing, style: str, rng: random.Random) -> str:
    """Which picture of it: that of the style, or the usual outline where the style is one of the whole picture."""
    if thing.art is None or style == "illustration":
        return DRAWN_BY_US
    art: str = rng.choice(SETS_OF_STYLE.get(style, ONE_OUTLINE))
    return art
