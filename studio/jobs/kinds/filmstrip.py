"""A picture made again, with what each of its steps predicts."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Filmstrip", priority="interactive", one_fault_ends=True, limited=True, referred=False, each_step=True)
