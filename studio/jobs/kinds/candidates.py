"""Candidates of one recipe, to choose from."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Candidates", one_fault_ends=True, limited=True)
