"""Candidates of one recipe, to choose from."""

from studio.jobs.kinds.base import PASSES, Kind

KIND = Kind("Candidates", one_fault_ends=True, limited=True, measured=PASSES)
