"""The starter's family: one file is one member, which is trained, stored and measured there."""

from starter_factory.family.base import Member
from studio.registry import Registry

MEMBERS: Registry[Member] = Registry("starter_factory.family", "MEMBER", Member)  # type: ignore[type-abstract]
