"""Pictures of recipes through the studio: the whole way of a job, saving and previews included."""

import json
import sys
import tempfile
from functools import partial
from pathlib import Path

from rounds import serve

from studio.events import Done
from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio


def picture(studio: Studio, recipe: Recipe) -> None:
    """One picture: submitted, and followed to its end."""
    *_, end = studio.submit(recipe, COMMAND_LINE).follow()
    if not isinstance(end, Done):
        raise TypeError(end)


with tempfile.TemporaryDirectory() as home, Studio(Settings.load(home=Path(home)), durable=False) as studio:
    recipes = [Recipe.make(**values) for values in json.loads(sys.argv[1])]
    serve(*[partial(picture, studio, recipe) for recipe in recipes])
