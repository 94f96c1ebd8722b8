"""The providers of hosted models: one file is one language that services are asked in, the file's name is its id."""

from studio.hosted.providers.base import Provider
from studio.registry import Registry

# The contract is abstract; its members are not.
PROVIDERS: Registry[Provider] = Registry("studio.hosted.providers", "PROVIDER", Provider)  # type: ignore[type-abstract]
