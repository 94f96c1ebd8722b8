"""Where memory went."""

from typing_extensions import TypedDict


class HeldThing(TypedDict):
    """Something that is loaded; bytes on the device, and beside it in the computer's memory."""

    kind: str
    name: str
    device_bytes: int
    ram_bytes: int
    in_use: bool
    how: str


class Memory(TypedDict):
    """What the device has and, where that has memory of its own, the computer; and whether who asks may free it."""

    device: str
    device_bytes: int
    device_free: int
    ram_bytes: int | None
    ram_free: int | None
    held: list[HeldThing]
    may_free: bool


class MemoryLook(TypedDict):
    """The same; nothing where the studio does not know."""

    memory: Memory | None


class Freed(TypedDict):
    """How many bytes of weights were given back."""

    freed: int
