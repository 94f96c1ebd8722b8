"""The starter's family: one file is one member, which is trained, written and measured there."""

from starter_factory.first.family.base import Member
from studio.registry import Registry

MEMBERS: Registry[Member] = Registry("starter_factory.first.family", "MEMBER", Member)  # type: ignore[type-abstract]
