"""Cells of a comparison: prompts by models."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Comparison", each_pays=True, measured=("quick",))
