"""What a picture shows, as a value, and random scenes: which things, where, of what size, colour and look.

Positions and sizes are continuous; the words for them (left, large ...) are read off, so that a caption may leave
them out and still be true.
"""

import random
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from zlib import crc32

from starter_factory.places import PLACES, TIMELESS
from starter_factory.sprites import COLOURS, DRAWN_BY_US, aspect
from starter_factory.things import THINGS, Thing

TIMES = ("day", "sunset", "night", "dawn")
STYLES = ("illustration", "flat", "cartoon", "3d", "comic", "pencil sketch", "watercolour", "pixel art")
STYLE_WEIGHTS = (6, 40, 5, 36, 4, 3, 3, 3)
SETS_OF_STYLE = {"flat": ("flat",), "cartoon": ("detailed",), "3d": ("3d",)}
# Flat and 3D art are of one outline. What a word without a look means should not be a mean of many outlines: so these
# are most of what is drawn, a look that has others is named, and few things are turned about.
ONE_OUTLINE = ("flat", "3d", "3d")
OWN_OUTLINES = ("illustration", "cartoon")
MIRRORED = 0.15
POSES = ("standing", "waving", "cheering", "jumping", "walking", "running", "sitting")
POSE_WEIGHTS = (3, 3, 3, 2, 2, 2, 2)
PLAIN = "plain"
PASTEL, BRIGHT = "pastel", "bright"
GROUNDS = ("white", "black", "red", "orange", "yellow", "green", "blue", "purple", "pink", "grey")
SIZES = ("small", "medium", "large")
# Heights of a single thing, in shares of the picture's shorter side.
HEIGHTS = {"small": (0.2, 0.31), "medium": (0.35, 0.5), "large": (0.56, 0.76)}
SIZE_WEIGHTS = (1, 3, 2)
# Heights on a grid. Each is one and a half times the one before: in a picture so many times larger, a small thing is as
# large as a medium one was, and need not be learned again.
STEP_OF = {"small": 0.293, "medium": 0.44, "large": 0.66}
STEPS = (0.13, 0.195, *STEP_OF.values())
# A lesson's thing stands on one of so many lines, a large one on the left, in the middle or on the right.
LESSON_LINES = 6
LESSON_SIZE_WEIGHTS = (1, 2, 4)
# People are so many times as tall as a thing of the same size.
TALLER = 1.15
UNFIT = {"space": ("pencil sketch", "watercolour"), PLAIN: ("watercolour",)}
HELD_OUT = 40
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
    def position(self) -> str | None:
        """Left, middle or right, where the whole of it is; None for a row across the picture."""
        x = sum(spot.x for spot in self.spots) / len(self.spots)
        if len(self.spots) > 1 and max(spot.x for spot in self.spots) - min(spot.x for spot in self.spots) > 0.4:
            return None
        return "left" if x < LEFT_UNTIL else "right" if x > RIGHT_FROM else "middle"


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


def lesson_scene(seed: int) -> Scene:
    """A training scene of one thing, mostly large and on a plain ground, in one of few places: what it looks like."""
    rng = random.Random(seed)
    while is_held_out(scene := random_scene(rng, lesson=True)):
        pass
    return on_grid(scene, LESSON_LINES, LESSON_LINES)


def on_grid(scene: Scene, columns: int, rows: int) -> Scene:
    """The scene with things on the lines of a grid, of few heights, none turned about: shapes are learned sooner so.

    A denoiser has to learn a thing anew at each of its sizes, and in each way that it lies across what is seen at once.
    Things that touch another stay where they are.
    """
    if scene.relation:
        return scene
    return replace(scene, subjects=tuple(_subject_on_grid(subject, columns, rows) for subject in scene.subjects))


def _subject_on_grid(subject: Subject, columns: int, rows: int) -> Subject:
    thing = THINGS[subject.thing]
    wide = max(1.0, aspect(thing, subject.art)) / (TALLER if thing.group == "people" else 1.0)
    extent = wide * max(spot.tall for spot in subject.spots)
    if extent >= HEIGHTS[subject.size][0]:
        step = STEP_OF[subject.size]
    else:  # made smaller for want of room
        step = max((step for step in STEPS if step <= 1.2 * extent), default=STEPS[0])
    return replace(
        subject,
        spots=tuple(
            Spot(round(spot.x * columns) / columns, round(spot.y * rows) / rows, step / wide) for spot in subject.spots
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


def random_scene(rng: random.Random, look: str | None = None, *, lesson: bool = False) -> Scene:
    """Any scene: most with one or two subjects, some with three or none, a quarter on a plain ground.

    A `lesson` has a single thing, most are large and on a plain ground.
    """
    count = 1 if lesson else rng.choices((0, 1, 2, 3), weights=(5, 52, 33, 10))[0]
    plain = count > 0 and rng.random() < (0.7 if lesson else 0.25)
    place = PLAIN if plain else rng.choice(list(PLACES))
    style = look or _random_style(place, rng)
    things = [_random_thing(rng, style) for _ in range(count)]
    relation = rng.choice(("in front of", "on top of")) if count == 2 and rng.random() < 0.3 else None
    if relation == "on top of" and not _stackable(things):
        relation = "in front of"
    return Scene(
        place=place,
        time="day" if plain or place in TIMELESS else rng.choices(TIMES, weights=(40, 20, 24, 16))[0],
        style=style,
        subjects=_placed(things, place, style, relation, rng, lesson=lesson),
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
    """Any thing that is drawn in that style; those drawn by us, which all styles share, somewhat more often."""
    usable = [thing for thing in THINGS.values() if fits(thing, style)]
    if style == "illustration":
        return rng.choice(usable)
    return rng.choices(usable, weights=[4 if t.group == "people" else 2 if t.drawn else 1 for t in usable])[0]


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


def _placed(
    things: list[Thing], place: str, style: str, relation: str | None, rng: random.Random, *, lesson: bool
) -> tuple[Subject, ...]:
    if relation:
        return _related(things, place, style, relation, rng)
    subjects = []
    for thing, column in zip(things, _columns(len(things), rng), strict=True):
        art = art_of(thing, style, rng)
        size = _fitting_size(len(things), rng, LESSON_SIZE_WEIGHTS if lesson else SIZE_WEIGHTS)
        number = 1 if lesson else _random_count(thing, rng)
        spots = _spots(thing, aspect(thing, art), HEIGHTS[size], number, column, place, rng)
        subjects.append(subject_of(thing, size, spots, art, rng))
    return tuple(sorted(subjects, key=lambda subject: subject.spots[0].y))


def _random_count(thing: Thing, rng: random.Random) -> int:
    weights = (84, 9, 5, 2) if thing.group != "people" else (90, 10, 0, 0)
    return rng.choices((1, 2, 3, 4), weights=weights)[0]


def _columns(count: int, rng: random.Random) -> list[tuple[float, float]]:
    """Parts of the width, one for each thing."""
    if count < 2:
        return [(0.0, 1.0)] * count
    edges = [0.0, *(number / count + rng.uniform(-0.06, 0.06) for number in range(1, count)), 1.0]
    return list(pairwise(edges))


def _fitting_size(count: int, rng: random.Random, weights: tuple[int, ...]) -> str:
    size = rng.choices(SIZES, weights=weights)[0]
    return rng.choice(("small", "medium")) if count == 3 or (count == 2 and size == "large") else size


def _spots(
    thing: Thing,
    wide: float,
    heights: tuple[float, float],
    count: int,
    column: tuple[float, float],
    place: str,
    rng: random.Random,
) -> tuple[Spot, ...]:
    """Spots in a row for things `wide` times as wide as tall; they lie within the column."""
    room = column[1] - column[0]
    tall = rng.uniform(*heights) / max(1.0, wide) * (TALLER if thing.group == "people" else 1.0)
    mirrored = rng.random() < MIRRORED
    tall = min(tall, 1.05 * room / (wide * count))
    step = min(room / count, 1.25 * tall * wide)
    start = column[0] + rng.uniform(0, 1) * max(0.0, room - count * step) + step / 2
    y = foot_of(thing, tall, place, rng)
    spread = 0.1 * tall if count > 1 else 0.0
    return tuple(
        Spot(start + number * step, y + rng.uniform(-spread, spread), tall * rng.uniform(1 - spread, 1), mirrored)
        for number in range(count)
    )


def foot_of(thing: Thing, tall: float, place: str, rng: random.Random) -> float:
    """Where its lowest point is: on the ground, in the air or water by its habit, anywhere on a plain ground."""
    if place in (PLAIN, "space") or (place == "underwater" and thing.habit != "ground"):
        freedom = max(0.0, 0.47 - tall / 2) * (0.6 if place == PLAIN else 1)
        return 0.5 + rng.uniform(-1, 1) * freedom + tall / 2
    if thing.habit == "air":
        return rng.uniform(0.06 + tall, max(0.08 + tall, 0.76))
    if thing.habit == "water" and place in ("beach", "lake"):
        return rng.uniform(0.64, 0.76)
    return rng.uniform(max(0.8, tall + 0.05), 0.95)


def _related(things: list[Thing], place: str, style: str, relation: str, rng: random.Random) -> tuple[Subject, ...]:
    """Two things of which the second is before the first, or upon it."""
    arts = [art_of(thing, style, rng) for thing in things]
    shapes = [aspect(thing, art) for thing, art in zip(things, arts, strict=True)]
    extent, x = rng.uniform(0.46, 0.66), rng.uniform(0.36, 0.64)
    if relation == "on top of":
        extent *= 0.72
        below = extent / max(1.0, shapes[0])
        above = extent * rng.uniform(0.6, 0.85) / max(1.0, shapes[1])
        foot = rng.uniform(0.86, 0.95) if place != PLAIN else 0.5 + 0.45 * (below + above)
        spots = (_spot(x, foot, below, rng), _spot(x + rng.uniform(-0.03, 0.03), foot - 0.97 * below, above, rng))
    else:
        behind = extent / max(1.0, shapes[0])
        before = extent * rng.uniform(0.55, 0.8) / max(1.0, shapes[1])
        foot = rng.uniform(0.72, 0.8) if place != PLAIN else 0.5 + behind / 2 - rng.uniform(0, 0.1)
        aside = rng.choice((-1, 1)) * rng.uniform(0.08, 0.2)
        nearer = min(0.96, foot + rng.uniform(0.08, 0.16))
        spots = (_spot(x, foot, behind, rng), _spot(x + aside, nearer, before, rng))
    return tuple(
        subject_of(thing, _size_of(spot.tall * max(1.0, shape)), (spot,), art, rng)
        for thing, spot, shape, art in zip(things, spots, shapes, arts, strict=True)
    )


def _spot(x: float, foot: float, tall: float, rng: random.Random) -> Spot:
    return Spot(x, foot, tall, rng.random() < MIRRORED)


def _size_of(extent: float) -> str:
    return "small" if extent < 0.33 else "medium" if extent < 0.53 else "large"


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
