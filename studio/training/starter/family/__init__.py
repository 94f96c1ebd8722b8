"""The starter's family: one file is one member, which is trained, written and measured there."""

from studio.registry import Registry
from studio.training.starter.family.base import Member

MEMBERS: Registry[Member] = Registry("studio.training.starter.family", "MEMBER", Member)  # type: ignore[type-abstract]
