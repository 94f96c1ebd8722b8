"""What makes a control map of a picture: one file is one control."""

from studio.controls.base import Control
from studio.registry import Registry

CONTROLS: Registry[Control] = Registry("studio.controls", "CONTROL", Control)  # type: ignore[type-abstract]
