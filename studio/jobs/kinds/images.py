"""Pictures that somebody waits for, all of one form."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Pictures", priority="interactive", one_fault_ends=True, limited=True, referred=False)
