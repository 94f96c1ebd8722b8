"""The way that one picture went, for many others; one that cannot be made is told, and the others are."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Repeat for others", referred=False)
