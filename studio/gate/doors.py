"""What is served: each door with the methods it opens for, what it takes, and how much of it. The rest is closed."""

import re
from dataclasses import dataclass
from typing import Literal

KILOBYTE, MEGABYTE = 2**10, 2**20
# What all widgets of the page say together, with the small copies of pictures in them.
MOST_JSON = 16 * MEGABYTE
READ: frozenset[str] = frozenset({"GET", "HEAD"})
# A stream that lasts has no head alone.
LISTEN: frozenset[str] = frozenset({"GET"})
WRITE: frozenset[str] = frozenset({"POST"})

Takes = Literal["nothing", "json", "upload"]


@dataclass(frozen=True)
class Door:
    """One path, or all that match it, and what may be done there.

    `linked` doors open for a click on another site; all others only for the studio's own page and for programs. Behind
    `owned` ones lies what is one owner's, and everybody else finds nothing there.
    """

    path: str
    what: str
    methods: frozenset[str] = READ
    takes: Takes = "nothing"
    linked: bool = False
    owned: bool = False

    def fits(self, path: str) -> bool:
        """Whether a request's path is one of this door's."""
        return re.fullmatch(self.path, path) is not None


DOORS = (
    Door("/", "the page", linked=True),
    Door(r"/login/huggingface|/login/callback|/logout", "signing in on a Space", linked=True),
    Door(r"/(assets|static|studio/(theme|web))/.+|/theme\.css|/gradio_api/theme\.css", "scripts, styles and fonts"),
    Door(r"/(favicon\.ico|robots\.txt)", "what browsers ask for by themselves"),
    Door(r"/config/?|/gradio_api/(info/?|openapi\.json|startup-events)", "what the page is made of, for programs"),
    Door(r"/studio/pictures/.+", "a picture", owned=True),
    Door(r"/gradio_api/file=.+", "what the mask editor was given", owned=True),
    Door(
        r"/gradio_api/(heartbeat/[^/]+|queue/data|queue/status|upload_progress)",
        "news of a request",
        LISTEN,
        owned=True,
    ),
    Door(r"/gradio_api/call/[^/]+/[^/]+", "news of a program's request", LISTEN, owned=True),
    Door(r"/gradio_api/(queue/join|run/[^/]+|call/[^/]+)/?", "asking for something", WRITE, "json"),
    Door(r"/gradio_api/(cancel|reset)/?", "letting go of what was asked for", WRITE, "json"),
    Door(r"/gradio_api/component_server/?", "what the page's own elements ask for", WRITE, "json"),
    Door("/gradio_api/upload", "bringing a file", WRITE, "upload"),
)


def door(path: str) -> Door | None:
    """The door of a request's path; None where there is none."""
    return next((one for one in DOORS if one.fits(path)), None)


def table() -> str:
    """All doors as the documentation shows them."""
    head = "| what | where | who | methods | from another site | takes |\n|---|---|---|---|---|---|\n"
    return head + "".join(map(_row, DOORS))


def _row(one: Door) -> str:
    plain = {r"(/\d+)?": "", "/?": "", "[^/]+": "*", ".+": "*", "\\": "", "|": "\\|"}
    where = one.path
    for pattern, words in plain.items():
        where = where.replace(pattern, words)
    linked = "by a link" if one.linked else "never"
    sizes = {"nothing": "", "json": f", {MOST_JSON // MEGABYTE} MB", "upload": ", `STUDIO_MAX_UPLOAD_MB`"}
    methods = ", ".join(sorted(one.methods))
    who = "its owner" if one.owned else "the page, programs"
    return f"| {one.what} | `{where}` | {who} | {methods} | {linked} | {one.takes}{sizes[one.takes]} |\n"
