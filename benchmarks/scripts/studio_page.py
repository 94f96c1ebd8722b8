"""The page up, and an image asked for as soon as it answers; the file of the image is printed."""

import sys

from studio.events import Done
from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve

home, prompt = sys.argv[1:]
with Studio(Settings.load(home=home, port=0)) as studio, serve(studio):
    job = studio.submit(Recipe(prompt=prompt, model="starter", seed=7), COMMAND_LINE)
    *_, end = job.follow()
    if not isinstance(end, Done):
        raise TypeError(end)
    print(job.results[0].path, flush=True)
