"""All measures of the model as it stands: unseen captions, renders as the ceiling, wrong captions as chance."""

import random
from typing import Any

from starter_factory.captions import describe
from starter_factory.draw import draw
from starter_factory.measures import agreement, difference, variety
from starter_factory.probe import Probe, look
from starter_factory.sampling import FIRST_UNSEEN, paint, pipeline_of
from starter_factory.scene import training_scene
from starter_factory.store import Stored
from starter_factory.training import Session


def measure(stored: Stored, live: Session | None, count: int, thing: str, seeds: int) -> dict[str, Any]:
    """Scores by name; `thing` is what the pictures that are compared show, `seeds` how many there are."""
    probe, pipeline = stored.fill_probe(Probe()), pipeline_of(stored, live)
    numbers = range(FIRST_UNSEEN, FIRST_UNSEEN + count)
    scenes = [training_scene(seed) for seed in numbers]
    captions = [describe(scene, random.Random(seed)) for scene, seed in zip(scenes, numbers, strict=True)]
    sights = look(probe, paint(pipeline, [caption.text for caption in captions]))
    same = paint(pipeline, [f"a {thing}"] * seeds)
    return {
        "renders": agreement(captions, look(probe, [draw(scene).image for scene in scenes])),
        "generated": agreement(captions, sights),
        "wrong captions": agreement(captions[1:] + captions[:1], sights),
        f"{seeds} pictures of a {thing}": {**variety(thing, look(probe, same)), "difference": difference(same)},
    }
