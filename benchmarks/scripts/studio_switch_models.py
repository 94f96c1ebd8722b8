"""What is held in memory before twenty switches between two models, and after them."""

from benchmarks.base import current
from benchmarks.switch_memory import switch_among
from studio.settings import ASSETS
from studio.studio import Studio

SWITCHES = 20
# Room for one model and its pictures.
ROOM_GB = {"starter": 0.2, "sd15": 3.0}

suite = current()
with suite.settings(memory_gb=ROOM_GB[suite.name]) as settings:
    folder = settings.folder("models")
    names = ["one", "other"]
    for name in names:
        (folder / name).symlink_to(suite.model or ASSETS / "starter", target_is_directory=True)
    with Studio(settings, durable=False) as studio:
        recipe = suite.recipe.replace(steps=2)
        switch_among(studio, [recipe.replace(model=name) for name in names], SWITCHES)
