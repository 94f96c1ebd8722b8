"""What is served: each door with the methods it opens for, what it takes, and how much of it. The rest is closed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from studio.gate.identity import Role

KILOBYTE, MEGABYTE = 2**10, 2**20
# What all widgets of the page say together, with the small copies of pictures in them.
MOST_JSON = 16 * MEGABYTE
# JSON that holds whole pictures.
MOST_PICTURES = 64 * MEGABYTE
READ: frozenset[str] = frozenset({"GET", "HEAD"})
# A stream that lasts has no head alone.
LISTEN: frozenset[str] = frozenset({"GET"})
WRITE: frozenset[str] = frozenset({"POST"})
REMOVE: frozenset[str] = frozenset({"DELETE"})

Takes = Literal["nothing", "json", "upload", "form"]
# A form of a few words.
MOST_FORM = 64 * KILOBYTE
# The languages in which programs ask, beside Gradio's own: in each an error has its own form.
Dialect = Literal["studio", "openai", "a1111"]
PROGRAMS: Mapping[str, Dialect] = {
    "/v1/": "openai",
    **dict.fromkeys(("/sdapi/", "/controlnet/", "/queue/"), "a1111"),
    **dict.fromkeys(("/api/", "/mcp", "/account", "/healthz", "/readyz", "/metrics"), "studio"),
}


@dataclass(frozen=True)
class Door:
    """One path, or all that match it, and what may be done there.

    `linked` doors open for a click on another site; all others only for the studio's own page and for programs. Behind
    `owned` ones lies what is one owner's, and everybody else finds nothing there. Where there are accounts, `public`
    ones alone open without one, and `role` is what an account has to be: for changes, or an admin's for all.
    """

    path: str
    what: str
    methods: frozenset[str] = READ
    takes: Takes = "nothing"
    linked: bool = False
    owned: bool = False
    public: bool = False
    role: Role = "viewer"
    most_bytes: int = MOST_JSON

    def needed(self, method: str) -> Role:
        """What an account has to be, to come in with this method."""
        return "viewer" if method in READ and self.role != "admin" else self.role

    def opens_to_links(self, method: str) -> bool:
        """Whether a click on another site may come in: to look, never to change anything."""
        return self.linked and method in READ

    def fits(self, path: str) -> bool:
        """Whether a request's path is one of this door's."""
        return re.fullmatch(self.path, path) is not None


DOORS = (
    Door("/", "the page", linked=True),
    Door(r"/login/huggingface|/login/callback|/logout", "signing in on a Space", linked=True),
    Door(r"/(assets|static|studio/(theme|web))/.+|/theme\.css|/gradio_api/theme\.css", "scripts, styles and fonts"),
    Door(r"/(favicon\.ico|robots\.txt)", "what browsers ask for by themselves", public=True),
    Door("/account/login", "signing in", READ | WRITE, "form", linked=True, public=True),
    Door(r"/account/join/[^/]+", "taking up an invitation", READ | WRITE, "form", linked=True, public=True),
    Door(r"/account/huggingface(/callback)?", "signing in with Hugging Face", linked=True, public=True),
    Door("/account", "your account, its tokens and password", linked=True),
    Door(r"/account/(logout|password|take-over|tokens|tokens/[^/]+/revoke)", "changing it", WRITE, "form"),
    Door(r"/account/admin/.+", "looking after accounts and invitations", WRITE, "form", role="admin"),
    Door(r"/config/?|/gradio_api/(info/?|openapi\.json)", "what the page is made of, for programs"),
    Door("/gradio_api/app_id", "which start of the studio answers, for a page that had lost it"),
    Door("/gradio_api/startup-events", "what the server asks itself when it starts", public=True),
    Door("/(healthz|readyz)", "whether the studio lives, and takes jobs", public=True),
    Door("/metrics", "figures for operators, at this machine or for an admin", role="admin"),
    Door(r"/studio/pictures/.+", "a picture", owned=True),
    Door(r"/studio/thumbnails/.+", "a picture in small", owned=True),
    Door(r"/studio/zips/.+", "pictures as one file", LISTEN, owned=True),
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
    Door("/gradio_api/upload", "bringing a file", WRITE, "upload", role="creator"),
    Door(r"/v1/models(/.+)?", "models, as OpenAI lists them"),
    Door("/v1/images/generations", "pictures, as OpenAI is asked for them", WRITE, "json", role="creator"),
    Door("/v1/images/edits", "changed pictures, as OpenAI is asked for them", WRITE, "upload", role="creator"),
    Door(
        r"/sdapi/v1/(txt2img|img2img|extra-single-image|extra-batch-images|interrogate)|/controlnet/detect",
        "pictures, as A1111 is asked for them",
        WRITE,
        "json",
        role="creator",
        most_bytes=MOST_PICTURES,
    ),
    Door("/sdapi/v1/png-info", "what a picture tells, as A1111 is asked", WRITE, "json", most_bytes=MOST_PICTURES),
    Door("/sdapi/v1/progress", "how far a job is, as A1111 is asked", owned=True),
    Door("/sdapi/v1/(interrupt|skip)", "stopping a job, as A1111 is asked", WRITE, "json", owned=True),
    Door("/sdapi/v1/options", "what was chosen for requests to A1111", READ | WRITE, "json", owned=True),
    Door(
        "/sdapi/v1/(refresh-(checkpoints|vae|loras|embeddings)|(un|re)load-checkpoint)",
        "what A1111 has to be told, and this studio not",
        WRITE,
        "json",
    ),
    Door(r"/sdapi/v1/[a-z-]+|/controlnet/[a-z_]+|/queue/status", "what there is, as A1111 lists it"),
    Door("/mcp", "what agents ask for by MCP", WRITE, "json", most_bytes=MOST_PICTURES),
    Door(r"/api/pictures/.+", "a picture, for programs", owned=True),
    Door("/api/jobs", "your jobs, and putting one in line", READ | WRITE, "json", owned=True, role="creator"),
    Door(r"/api/jobs/[^/]+", "a job, and forgetting it", READ | REMOVE, owned=True, role="creator"),
    Door(r"/api/jobs/[^/]+/events", "what happens to a job", LISTEN, owned=True),
    Door(r"/api/jobs/[^/]+/images/\d+", "a picture of a job", owned=True),
    Door(r"/api/jobs/[^/]+/(cancel|retry)", "stopping a job, or making it again", WRITE, owned=True, role="creator"),
    Door(r"/api/library(/[^/]+(/thumbnail)?)?", "your pictures, searched", owned=True),
    Door("/api/inputs", "bringing a picture", WRITE, "upload", role="creator"),
    Door(r"/api/(openapi|recipe\.schema)\.json", "what programs can ask for, and what a recipe is"),
)


def door(path: str) -> Door | None:
    """The door of a request's path; None where there is none."""
    return next((one for one in DOORS if one.fits(path)), None)


def dialect(path: str) -> Dialect | None:
    """The language of the programs' addresses, by a request's path; None for the page and all that belongs to it."""
    return next((found for start, found in PROGRAMS.items() if path.startswith(start)), None)


def table() -> str:
    """All doors as the documentation shows them."""
    head = "| what | where | whose | with accounts | methods | from another site | takes |"
    return f"{head}\n|---|---|---|---|---|---|---|\n" + "".join(map(_row, DOORS))


def _row(one: Door) -> str:
    plain = {r"(/.+)?": "", "/?": "", "[^/]+": "*", ".+": "*", r"\d+": "*", "\\": "", "|": "\\|"}
    where = one.path
    for pattern, words in plain.items():
        where = where.replace(pattern, words)
    linked = "by a link" if one.linked else "never"
    sizes = {
        "nothing": "",
        "json": f", {one.most_bytes // MEGABYTE} MB",
        "upload": ", `STUDIO_MAX_UPLOAD_MB`",
        "form": f", {MOST_FORM // KILOBYTE} KB",
    }
    methods = ", ".join(sorted(one.methods))
    whose = "its owner" if one.owned else "the page, programs"
    who = "anybody" if one.public else one.role
    return f"| {one.what} | `{where}` | {whose} | {who} | {methods} | {linked} | {one.takes}{sizes[one.takes]} |\n"
