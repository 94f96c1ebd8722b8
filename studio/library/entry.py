"""The values of the library: a picture as it is listed, a page of them, boards, facets, and what came from what."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

# How a page of pictures is sorted.
Order = Literal["newest", "oldest", "score"]
# What a picture was to another one that was made from it.
Role = Literal["init_image", "mask_image", "mask_sketch", "control", "variation"]


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """What the file of a picture tells, as the index keeps it: each of these is a column of it.

    `digest` is of its pixels (SHA-256), `created` in seconds since 1970. `tool` wrote it, where that is another one.
    `safety` is what came of the safety layer, `watermark` the id in it.
    """

    id: str
    digest: str
    width: int
    height: int
    bytes: int
    created: float
    name: str = ""
    tool: str = ""
    task: str = ""
    kind: str = ""
    job: str = ""
    item: int | None = None
    prompt: str = ""
    negative_prompt: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    scheduler: str = ""
    seconds: float | None = None
    safety: str = ""
    watermark: str = ""


FACTS = tuple(one.name for one in fields(PictureFacts))


@dataclass(frozen=True, kw_only=True)
class Entry(PictureFacts):
    """A picture of the library: what its file tells, and what its owner says of it.

    `path` is the file, None where it is not there any more. `binned` is in seconds since 1970, None for one that is not
    in the bin. `tint` is the mean of its colours, 0xRRGGBB, None while nobody has looked.
    """

    path: Path | None
    tint: int | None = None
    models: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    star: bool = False
    rating: int | None = None
    note: str = ""
    binned: float | None = None


@dataclass(frozen=True)
class Page:
    """Some pictures of a search; `total` is how many it finds, `next` where the next page begins, empty at the end."""

    entries: tuple[Entry, ...]
    total: int
    next: str


@dataclass(frozen=True)
class Board:
    """A board: pictures that somebody put together. `cover` is the id of the newest, None where it is empty."""

    id: str
    name: str
    created: float
    count: int
    cover: str | None


@dataclass(frozen=True)
class Facet:
    """A model, LoRA, tag or board that pictures have, and how many of them; `term` finds these."""

    name: str
    count: int
    term: str


@dataclass(frozen=True)
class Sum:
    """How many pictures there are of one sort, in the bin or not, and their bytes."""

    binned: bool
    star: bool
    task: str
    kind: str
    count: int
    bytes: int


@dataclass(frozen=True)
class Link:
    """A picture that another one came from, or that was made from it, and what it was there.

    `entry` is None where the library has no such picture; then `digest` may still be that of a stored input.
    """

    role: Role
    digest: str
    entry: Entry | None


@dataclass(frozen=True)
class Tree:
    """A picture with what it came from, or what was made from it, in the same way below each."""

    link: Link
    below: tuple["Tree", ...] = ()
