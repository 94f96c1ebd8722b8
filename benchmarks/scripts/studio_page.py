"""The page up as `studio run` has it, and an image asked for as soon as it answers; its file is printed."""

import sys

from studio.cli.run import begin
from studio.settings import Settings

home, prompt = sys.argv[1:]
settings = Settings.load(home=home, port=0)
begun = begin(settings)

from studio.events import Done  # noqa: E402 - as `studio run` does it, after that
from studio.gate.identity import COMMAND_LINE  # noqa: E402
from studio.recipe import Recipe  # noqa: E402
from studio.studio import Studio  # noqa: E402
from studio.ui import serve  # noqa: E402

with Studio(settings, begun=begun) as studio, serve(studio):
    job = studio.submit(Recipe(prompt=prompt, model="starter", seed=7), COMMAND_LINE)
    *_, end = job.follow()
    if not isinstance(end, Done):
        raise TypeError(end)
    print(job.results[0].path, flush=True)
