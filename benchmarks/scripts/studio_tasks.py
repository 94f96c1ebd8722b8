"""A picture of each task that people switch between, through the studio."""

from functools import partial

from rounds import serve

from benchmarks.switch import studio_and_tasks, through_the_studio

with studio_and_tasks() as (studio, tasks):
    serve(*[partial(through_the_studio, studio, recipe) for recipe in tasks])
