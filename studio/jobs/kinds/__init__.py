"""The kinds of jobs: one file is one kind, the file's name is its id."""

from studio.jobs.kinds.base import Kind
from studio.registry import Registry

KINDS: Registry[Kind] = Registry("studio.jobs.kinds", "KIND", Kind)
