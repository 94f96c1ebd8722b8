"""A picture made again, to be held against what it was."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Replay", priority="interactive", one_fault_ends=True, limited=True, referred=False)
