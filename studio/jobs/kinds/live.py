"""A picture that is drawn while its maker still chooses; the next one takes its place."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Live", priority="interactive", one_fault_ends=True, limited=True, referred=False)
