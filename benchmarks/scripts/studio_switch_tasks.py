"""What is held in memory before ten switches between tasks, and after them."""

from benchmarks.switch import studio_and_tasks
from benchmarks.switch_memory import switch_among

with studio_and_tasks() as (studio, tasks):
    switch_among(studio, tasks)
