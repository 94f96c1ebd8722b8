"""What may take offence at a prompt: one file is one filter."""

from studio.registry import Registry
from studio.safety.prompt_filters.base import Filter

FILTERS: Registry[Filter] = Registry("studio.safety.prompt_filters", "FILTER", Filter)  # type: ignore[type-abstract]
