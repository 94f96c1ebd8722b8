"""Model families: one file each, facts only."""

from studio.families.base import Family
from studio.registry import Registry

FAMILIES: Registry[Family] = Registry("studio.families", "FAMILY", Family)
