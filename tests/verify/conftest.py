"""The studio's home with tiny models, as the engine's tests have it."""

from tests.engine.conftest import settings

__all__ = ["settings"]
