"""What a picture of the starter's world shows: the words it knows, one scene as a value, and random scenes."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

PLACES = ("meadow", "beach", "city", "forest", "mountains", "desert", "snow")
TIMES = ("day", "sunset", "night", "dawn")
STYLES = ("illustration", "pencil sketch", "watercolour", "pixel art")
KINDS = ("house", "tree", "car", "boat", "castle", "balloon", "tent", "cat", "flower", "person")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black")
POSITIONS = ("left", "middle", "right")
SIZES = ("small", "medium", "large")
POSES = ("standing", "waving", "cheering", "jumping")

# Where a caption leaves the colour out, the subject has one of these.
NATURAL_COLOURS: Mapping[str, tuple[str, ...]] = {
    "house": ("red", "yellow"),
    "tree": ("green",),
    "car": ("red", "blue"),
    "boat": ("white", "red"),
    "castle": ("white",),
    "balloon": ("red", "orange"),
    "tent": ("orange", "green"),
    "cat": ("orange", "black"),
    "flower": ("red", "pink"),
    "person": ("blue", "red"),
}

# Pairs that training never draws, so that following them is shown to be understanding and not memory.
HELD_OUT_COLOURS = frozenset(
    {("car", "purple"), ("house", "green"), ("cat", "blue"), ("tree", "orange"), ("boat", "pink")}
    | {("castle", "red"), ("balloon", "white"), ("tent", "yellow"), ("flower", "black"), ("person", "orange")}
)
HELD_OUT_PLACES = frozenset(
    {("car", "snow"), ("house", "desert"), ("cat", "forest"), ("tree", "beach"), ("boat", "mountains")}
    | {("castle", "city"), ("balloon", "snow"), ("tent", "city"), ("flower", "desert"), ("person", "mountains")}
)


# Degrees from hanging down, outwards and up, of upper and lower limb: right arm, left arm, right leg, left leg.
LimbAngles = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing or person; `shift` moves it (in picture sides), `mirrored` and `look` vary what no caption says.

    A person's `angles` stand in for those of the named pose, which no caption then says.
    """

    kind: str
    colour: str
    position: str = "middle"
    size: str = "medium"
    pose: str | None = None
    shift: tuple[float, float] = (0.0, 0.0)
    mirrored: bool = False
    look: float = 0.0
    angles: LimbAngles | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture: at most two subjects, from left to right; `seed` settles the free details of the background."""

    place: str
    time: str = "day"
    style: str = "illustration"
    subjects: tuple[Subject, ...] = ()
    seed: int = 0


def is_held_out(scene: Scene) -> bool:
    """Whether the scene shows a pair that training never draws."""
    return any(
        (subject.kind, subject.colour) in HELD_OUT_COLOURS or (subject.kind, scene.place) in HELD_OUT_PLACES
        for subject in scene.subjects
    )


def training_scene(seed: int) -> Scene:
    """The random scene of this seed, free of held-out pairs."""
    return _draw_until(seed, held_out=False)


def held_out_scene(seed: int) -> Scene:
    """The random scene of this seed with at least one held-out pair."""
    return _draw_until(seed, held_out=True)


def random_scene_of(seed: int) -> Scene:
    """The random scene of this seed, held out or not."""
    return random_scene(random.Random(seed))


def _draw_until(seed: int, *, held_out: bool) -> Scene:
    rng = random.Random(seed)
    while True:
        scene = random_scene(rng)
        if is_held_out(scene) == held_out:
            return scene


def random_scene(rng: random.Random) -> Scene:
    """Any scene: half of them with one subject, nearly half with two, some with none."""
    count = rng.choices((0, 1, 2), weights=(6, 50, 44))[0]
    return Scene(
        place=rng.choice(PLACES),
        time=rng.choices(TIMES, weights=(40, 20, 25, 15))[0],
        style=rng.choices(STYLES, weights=(55, 15, 15, 15))[0],
        subjects=_random_subjects(rng, count),
        seed=rng.randrange(2**31),
    )


def _random_subjects(rng: random.Random, count: int) -> tuple[Subject, ...]:
    """Two subjects stand left and right and are never of one kind: their colours must be told apart by the words."""
    if count == 2:
        kinds = rng.sample(KINDS, 2)
        sizes = ("small", "medium")
        return tuple(
            random_subject(rng, kind, position, rng.choices(sizes, weights=(1, 4))[0])
            for kind, position in zip(kinds, ("left", "right"), strict=True)
        )
    return tuple(
        random_subject(rng, rng.choice(KINDS), rng.choice(POSITIONS), rng.choices(SIZES, weights=(1, 3, 2))[0])
        for _ in range(count)
    )


def random_subject(rng: random.Random, kind: str, position: str, size: str) -> Subject:
    """Any subject of this kind, of any colour."""
    return Subject(
        kind=kind,
        colour=rng.choice(COLOURS),
        position=position,
        size=size,
        pose=rng.choice(POSES) if kind == "person" else None,
        shift=(rng.uniform(-0.02, 0.02), rng.uniform(-0.015, 0.015)),
        mirrored=rng.random() < 0.5,
        look=rng.random(),
    )
