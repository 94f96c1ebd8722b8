"""People in any pose: scenes for what learns poses, which needs far more than the named ones."""

import random
from dataclasses import replace

from starter_factory.first.illustrator import joints
from starter_factory.first.scene import KINDS, Scene, is_held_out, random_scene, random_subject
from starter_factory.posing import free_angles
from studio import openpose

NAMED_SHARE = 0.2
COMPANION_SHARE = 0.2
SIZE_WEIGHTS = {"small": 1, "medium": 3, "large": 4}


def person_scene(seed: int) -> Scene:
    """The random scene of this seed with one person, free of held-out pairs; most poses have no name."""
    rng = random.Random(seed)
    while True:
        scene = _random_scene(rng)
        if not is_held_out(scene):
            return scene


def _random_scene(rng: random.Random) -> Scene:
    scene = random_scene(rng)
    places = ["left", "right"] if rng.random() < COMPANION_SHARE else [rng.choice(("left", "middle", "right"))]
    size = rng.choices([*SIZE_WEIGHTS], weights=[*SIZE_WEIGHTS.values()])[0] if len(places) == 1 else "medium"
    kinds = ["person", *rng.sample([kind for kind in KINDS if kind != "person"], len(places) - 1)]
    rng.shuffle(kinds)
    subjects = [random_subject(rng, kind, place, size) for kind, place in zip(kinds, places, strict=True)]
    if rng.random() > NAMED_SHARE:
        free = free_angles(rng)
        subjects = [replace(each, pose=None, angles=free) if each.kind == "person" else each for each in subjects]
    return replace(scene, subjects=tuple(subjects))


def people(scene: Scene, width: int, height: int) -> list[openpose.Person]:
    """The scene's people with those of their joints that lie in the picture."""
    return [
        {name: (x, y) for name, (x, y) in person.items() if 0 <= x < width and 0 <= y < height}
        for person in joints(scene, width, height)
    ]
