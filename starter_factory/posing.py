"""People in any pose: scenes for what learns poses, which needs far more than the named ones."""

import random
from dataclasses import replace

from starter_factory.draw import joints
from starter_factory.scene import (
    LimbAngles,
    Scene,
    Spot,
    Subject,
    art_of,
    foot_of,
    is_held_out,
    random_scene,
    subject_of,
)
from starter_factory.things import THINGS
from studio import openpose

NAMED_SHARE = 0.2
COMPANION_SHARE = 0.25
HEIGHTS = (0.36, 0.86)
# Half the width of outstretched arms, in a person's height.
REACH = 0.36
PERSON = THINGS["person"]


def person_scene(seed: int, look: str | None = None) -> Scene:
    """The random scene of this seed with one person, free of held-out pairs; most poses have no name."""
    rng = random.Random(seed)
    while True:
        scene = random_scene(rng, look)
        if scene.subjects and scene.relation is None:
            peopled = _with_person(scene, rng)
            if not is_held_out(peopled):
                return peopled


def _with_person(scene: Scene, rng: random.Random) -> Scene:
    """The place with somebody in it, at times beside one of its things."""
    companions = [each for each in scene.subjects if each.thing != PERSON.name and len(each.spots) == 1]
    beside = rng.choice(companions) if companions and rng.random() < COMPANION_SHARE else None
    tall = rng.uniform(*HEIGHTS)
    left, right = 0.0, 1.0
    if beside:
        tall = min(tall, 0.6)
        left, right = (0.0, beside.spots[0].x) if beside.spots[0].x > 0.5 else (beside.spots[0].x, 1.0)
    reach = min(REACH * tall, (right - left) / 2)
    spot = Spot(rng.uniform(left + reach, right - reach), _foot(tall, scene.place, rng), tall, rng.random() < 0.5)
    size = "small" if tall < 0.36 else "medium" if tall < 0.6 else "large"
    person = subject_of(PERSON, size, (spot,), art_of(PERSON, scene.style, rng), rng)
    if rng.random() > NAMED_SHARE:
        person = replace(person, pose=None, angles=free_angles(rng))
    return replace(scene, subjects=_from_back_to_front([person, *([beside] if beside else [])]))


def _foot(tall: float, place: str, rng: random.Random) -> float:
    """Where somebody stands, more freely than in the pictures that the denoiser learns."""
    return min(0.97, max(tall + 0.03, foot_of(PERSON, tall, place) + rng.uniform(-0.1, 0.06)))


def _from_back_to_front(subjects: list[Subject]) -> tuple[Subject, ...]:
    return tuple(sorted(subjects, key=lambda subject: subject.spots[0].y))


def free_angles(rng: random.Random) -> LimbAngles:
    """Limbs that bend as people's do, and are not hidden behind the body."""
    arms = []
    for _ in range(2):
        upper = rng.uniform(5, 165)
        # From a hand on the hip to a hand above the head.
        arms.append((upper, min(205.0, max(5.0 if upper < 45 else -35.0, upper + rng.uniform(-110, 110)))))
    legs = []
    for _ in range(2):
        upper = rng.uniform(0, 15) if rng.random() < 0.4 else rng.uniform(0, 85)
        legs.append((upper, max(-25.0, upper - rng.uniform(0, 80))))
    return (*arms, *legs)


def people(scene: Scene, width: int, height: int) -> list[openpose.Person]:
    """The scene's people with those of their joints that lie in the picture."""
    return [
        {name: (x, y) for name, (x, y) in person.items() if 0 <= x < width and 0 <= y < height}
        for person in joints(scene, width, height)
    ]
