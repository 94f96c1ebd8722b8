"""A set of candidates through the studio: all of it made, measured and ranked. No seed comes twice."""

import itertools
import json
import sys

from rounds import serve

from benchmarks.base import current
from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe

recipe = Recipe.make(**json.loads(sys.argv[1]))
seeds = itertools.count(100, recipe.count)
with current().studio(durable=True) as studio:

    def whole_set() -> None:
        """Begin a set, and wait until all of it is made and measured."""
        set_id, serial = studio.candidates.begin([recipe.replace(seed=next(seeds))], COMMAND_LINE), -1
        while studio.candidates.busy(studio.candidates.get(set_id, COMMAND_LINE)):
            serial = studio.candidates.news(serial)

    serve(whole_set)
