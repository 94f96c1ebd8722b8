"""The gate: an ASGI application around the whole server. What it does not let in, nothing behind it ever sees."""

import logging
import re
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio import hf_space
from studio.errors import (
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    Refused,
    StudioError,
    Unauthorized,
    UnknownHost,
    WrongContentType,
)
from studio.gate import folders, identity, origin
from studio.gate.answers import refusal
from studio.gate.bodies import (
    MOST_OPEN,
    MOST_UPLOADING,
    Held,
    Open,
    check_form,
    check_json,
    counted,
    replayed,
    too_large,
    whole,
)
from studio.gate.doors import MEGABYTE, MOST_FORM, WRITE, Door, dialect, door
from studio.gate.folders import Folders
from studio.logs import FACTS
from studio.settings import Settings

# The hub shows a Space within a page of its own.
HUB = ("https://huggingface.co", "https://*.huggingface.co")
# Set in the scope by whoever finds what was asked for to be at fault: Gradio answers that with 500, which it is not.
FAULTY = "studio.faulty"
# Where a request's scope holds what its JSON says.
PAYLOAD = "studio.said"
# What of an address is a secret.
SECRET = re.compile(r"(?<=/account/join/).*")
HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[\w.-]{1,253})(:\d{1,5})?", re.ASCII)
# Where people sign in, and the pages that send them there.
LOGIN, PAGES = "/account/login", ("/", "/account")
CLOSED = {"Connection": "close", "Cache-Control": "no-store"}
YEAR = 365 * 24 * 3600

log = logging.getLogger(__name__)


class Gate:
    """Lets in what `DOORS` names, from where it may come, and says who asks: `identity.of_scope`."""

    def __init__(self, app: ASGIApp, settings: Settings, accounts: identity.Accounts | None = None) -> None:
        """Without `accounts` nobody has to sign in."""
        self._app = app
        self._settings = settings
        self._accounts = accounts
        # The hub stands before a Space, and may be all that is seen of those behind it.
        most_open, most_uploading = (None, None) if hf_space.name() else (MOST_OPEN, MOST_UPLOADING)
        self._held, self._open, self._uploading = Held(), Open(most_open), Open(most_uploading)
        self._folders = Folders(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            # Nothing here speaks over websockets.
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer, begun = _Answer(scope, send, self._settings), time.monotonic()
        try:
            await self._answer(scope, receive, answer)
        finally:
            _note(scope, answer.status, time.monotonic() - begun)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        scope[folders.KEY] = self._folders
        try:
            with self._held.room(_json_bytes(scope)):
                receive = await self._admit(scope, receive, answer)
                if scope["method"] == "HEAD":
                    # Most of Gradio's addresses know no HEAD; of the answer the server sends the head alone.
                    scope = {**scope, "method": "GET"}
                turn = identity.of_scope(scope).turn
                with self._open.one(turn), self._uploading.one(turn) if _brings(scope) else nullcontext():
                    await self._app(scope, receive, answer)
        except StudioError as error:
            if answer.begun:
                raise
            if isinstance(error, Unauthorized) and scope["path"] in PAGES:
                await RedirectResponse(LOGIN, 303, CLOSED)(scope, receive, answer)
                return
            await refusal(self._folders.error(error), dialect(scope["path"]), close=True)(scope, receive, answer)

    async def _admit(self, scope: Scope, receive: Receive, answer: "_Answer") -> Receive:
        """Let a request in and say who sent it; StudioError where it may not come in."""
        headers = Headers(scope=scope)
        self._check_name(headers)
        if "\0" in scope["path"]:
            raise MalformedRequest("The address contains an invalid character.")
        found = door(scope["path"])
        if found is None:
            raise NotFound("There is nothing at this address.")
        if scope["method"] not in found.methods:
            raise MethodNotAllowed(f"This address takes {' and '.join(sorted(found.methods))} only.")
        is_link = found.opens_to_links(scope["method"]) and origin.is_navigation(headers)
        if origin.is_foreign(headers, self._settings) and not is_link:
            raise Refused("This request came from another site.", "Open the studio's own page and try again there.")
        scope[identity.KEY] = who = self._identify(scope, headers, answer)
        if self._accounts and not found.public:
            _check_role(found, scope["method"], who)
        return await _taken(found, scope, headers, receive, self._settings)

    def _check_name(self, headers: Headers) -> None:
        hosts = [*headers.getlist("host"), *headers.getlist("x-forwarded-host")]
        own = all(HOST.fullmatch(host) and origin.is_own_name(origin.host_name(host), self._settings) for host in hosts)
        if len(headers.getlist("host")) != 1 or not own:
            raise UnknownHost(
                "The studio does not answer to this name.",
                "Use the address that it printed, or add the name to STUDIO_HOSTNAMES.",
            )

    def _identify(self, scope: Scope, headers: Headers, answer: "_Answer") -> identity.Identity:
        if self._accounts:
            return self._account(scope, headers, self._accounts)
        name = identity.cookie_name(scope)
        kind, secret = identity.presented(headers, cookie_parser(headers.get("cookie", "")), name)
        address = _address(scope, headers, self._settings)
        here = self._is_here(scope, headers)
        if secret is None and scope["path"] == "/":
            kind, secret = "browser", identity.new_secret()
            answer.give(name, secret, secure=origin.is_secure(scope, headers))
        if secret is None and here and dialect(scope["path"]):
            return replace(identity.PROGRAM, address=address)
        if secret is None:
            return identity.Identity("nobody", identity.nobody(), here, address)
        return identity.Identity(kind, identity.owner_by(secret), here, address)

    def _account(self, scope: Scope, headers: Headers, accounts: identity.Accounts) -> identity.Identity:
        """Whose account asks; nobody's where there is none."""
        cookies = cookie_parser(headers.get("cookie", ""))
        kind, secret = identity.presented(headers, cookies, identity.session_name(scope))
        found = accounts.holder(kind, secret) if secret else None
        found = found or identity.Identity("nobody", identity.nobody(), role="viewer")
        return replace(found, address=_address(scope, headers, self._settings))

    def _is_here(self, scope: Scope, headers: Headers) -> bool:
        """Whether this comes from this machine itself, and the studio is for nobody else."""
        client = (scope.get("client") or ("", 0))[0]
        return (
            self._settings.alone
            and not hf_space.name()
            and origin.is_loopback(client)
            and origin.is_loopback(origin.host_name(headers.get("host", "")))
            and not origin.is_through_proxy(headers)
        )


def _note(scope: Scope, status: int, seconds: float) -> None:
    """Tell the log of a request: what was asked for, never with what; whose it is, by a name that is no right."""
    if log.isEnabledFor(logging.INFO):
        who = scope.get(identity.KEY)
        path = SECRET.sub("*", scope["path"])[:200]
        facts = {"method": scope["method"], "path": path, "status": status, "ms": round(1000 * seconds)}
        whose = {"account": who.name} if who and who.name else {}
        log.info("%s %s: %d", scope["method"], path, status, extra={FACTS: facts | whose})


def _check_role(found: Door, method: str, who: identity.Identity) -> None:
    """Unauthorized where nobody signed in, Refused where the account may not do this."""
    if not who.known:
        raise Unauthorized("This studio requires an account.", f"Sign in at {LOGIN}, or send a token.")
    role = found.needed(method)
    if not who.may(role):
        yours, wanted = identity.in_words(who.role), identity.in_words(role)
        raise Refused(f"Your account is {yours}’s; this is for {wanted}.", "Ask the studio's operator.")


class _Answer:
    """Sends an answer with the headers that all of them have."""

    def __init__(self, scope: Scope, send: Send, settings: Settings) -> None:
        self.begun = False
        self.status = 0
        self._scope = scope
        self._send = send
        self._settings = settings
        self._cookie = ""

    def give(self, name: str, secret: str, *, secure: bool) -> None:
        """Have the browser keep a secret. Within the hub's page, it is another site's cookie, and has to say so."""
        kept = f"{name}={secret}; Path=/; HttpOnly; Max-Age={YEAR}"
        framed = secure and hf_space.name()
        site = "None; Secure; Partitioned" if framed else "Lax; Secure" if secure else "Lax"
        self._cookie = f"{kept}; SameSite={site}"

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            if message["status"] == 500 and self._scope.get(FAULTY):
                message["status"] = 422
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            # Nobody but the studio's own page reads its answers.
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
            headers.update(_security())
            if self._cookie:
                headers.append("Set-Cookie", self._cookie)
        await self._send(message)


async def _taken(found: Door, scope: Scope, headers: Headers, receive: Receive, settings: Settings) -> Receive:
    """What the request brings, as far as its door takes it."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    says_nothing = not kind and headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    # Gradio's own addresses always want something.
    brings = scope["method"] in WRITE and not (says_nothing and dialect(scope["path"]))
    if found.takes == "json" and brings:
        if kind != "application/json":
            raise WrongContentType("This address takes application/json only.")
        _check_length(headers, found.most_bytes)
        body = await whole(receive, found.most_bytes)
        scope[PAYLOAD] = check_json(body)
        return replayed(body, receive)
    if found.takes == "upload" and brings:
        if kind != "multipart/form-data":
            raise WrongContentType("This address takes files as multipart/form-data only.")
        most = settings.max_upload_mb * MEGABYTE
        _check_length(headers, most)
        return counted(receive, most)
    if found.takes == "form" and brings:
        if kind != "application/x-www-form-urlencoded":
            raise WrongContentType("This address takes a form only.")
        _check_length(headers, MOST_FORM)
        body = await whole(receive, MOST_FORM)
        scope[PAYLOAD] = check_form(body)
        return replayed(body, receive)
    return counted(receive, 0)


def _brings(scope: Scope) -> bool:
    """Whether a request brings files."""
    found = door(scope["path"])
    return found is not None and found.takes == "upload" and scope["method"] in WRITE


def _json_bytes(scope: Scope) -> int:
    """How much JSON a request may bring, by what it says, and by its door where it says nothing."""
    found, length = door(scope["path"]), Headers(scope=scope).get("content-length", "")
    if found is None or found.takes != "json" or scope["method"] not in WRITE:
        return 0
    return min(int(length), found.most_bytes) if length.isdecimal() else found.most_bytes


def _check_length(headers: Headers, most_bytes: int) -> None:
    """Refuse at once what says by itself that it is too long."""
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise MalformedRequest("The request's Content-Length is not a number.")
    if int(length) > most_bytes:
        raise too_large(most_bytes)


def _security() -> Mapping[str, str]:
    """What keeps other sites from framing, reading and guessing."""
    ancestors = " ".join(["'self'", *(HUB if hf_space.name() else ())])
    common = {
        "Content-Security-Policy": f"frame-ancestors {ancestors}; base-uri 'self'; object-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    if hf_space.name():
        return common
    return {**common, "X-Frame-Options": "SAMEORIGIN", "Cross-Origin-Opener-Policy": "same-origin"}


def _address(scope: Scope, headers: Headers, settings: Settings) -> str:
    """Where it came from: the last address that a proxy names which is believed; else the other end of the line."""
    client: Any = scope.get("client") or ("", 0)
    forwarded = headers.get("x-forwarded-for")
    if forwarded and (hf_space.name() or origin.is_own_proxy(str(client[0]), settings)):
        return forwarded.rpartition(",")[2].strip()[:64]
    return str(client[0])
