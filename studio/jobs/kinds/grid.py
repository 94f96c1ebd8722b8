"""The cells of a grid."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Grid")
