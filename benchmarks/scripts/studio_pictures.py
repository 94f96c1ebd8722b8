"""Pictures of recipes through the studio: the whole way of a job, saving and previews included."""

import json
import sys
from functools import partial

from rounds import serve

from benchmarks.base import current
from studio.events import Done
from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe
from studio.studio import Studio


def picture(studio: Studio, recipe: Recipe) -> None:
    """One picture: submitted, and followed to its end."""
    *_, end = studio.submit(recipe, COMMAND_LINE).follow()
    if not isinstance(end, Done):
        raise TypeError(end)


given = json.loads(sys.argv[1])
with current().studio(**given["settings"]) as studio:
    recipes = [Recipe.make(**values) for values in given["recipes"]]
    serve(*[partial(picture, studio, recipe) for recipe in recipes])
