"""What requests to Gradio's own addresses may say, and whose their sessions and events are: an id alone is no right."""

import json
from collections import OrderedDict
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

from pydantic import BaseModel, Field, StringConstraints, ValidationError
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.errors import InvalidRequest, NotFound, Refused
from studio.gate.gate import PAYLOAD
from studio.gate.identity import Identity, check_creates, of_scope
from studio.safe_fetch import WEB
from studio.ui.events import in_words

# How many files one request may name by their address.
MOST_NAMED = 8
# As many sessions and events are known at once; the least recently used are forgotten.
MOST_KNOWN = 20_000
API = "/gradio_api/"
# What Gradio would look up another page by; there is one.
NO_PAGES = {"page", "deep_link"}
Kind = TypeVar("Kind", bound=BaseModel)
Session = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
# A page that was open over a restart is told so, as Gradio tells it.
LOST = {"msg": "unexpected_error", "message": "404: Not Found", "session_not_found": True, "success": False}


class Asking(BaseModel):
    """A call of a listener."""

    data: Annotated[list[Any], Field(max_length=2000)] = Field(default_factory=list)
    session_hash: Session | None = None
    fn_index: Annotated[int, Field(ge=0)] | None = None
    trigger_id: Annotated[int, Field(ge=0)] | None = None
    event_id: Session | None = None


class Letting(BaseModel):
    """What is let go of."""

    session_hash: Session
    event_id: Session
    fn_index: Annotated[int, Field(ge=0)] = 0


class Elements(BaseModel):
    """A call of a function that an element of the page was given."""

    component_id: Annotated[int, Field(ge=0)]
    fn_name: Annotated[str, StringConstraints(max_length=100)]
    session_hash: Session
    data: Any


class Requests:
    """Stands between the gate and Gradio: refuses in words what Gradio would break at."""

    def __init__(self, app: ASGIApp, page: Any) -> None:
        self._app = app
        self._page = page
        self._owners: OrderedDict[str, str] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and NO_PAGES & parse_qs(scope["query_string"].decode("latin-1")).keys():
            raise NotFound("There is no such page.")
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        way = scope["path"].removeprefix(API).rstrip("/").split("/")
        who = _rights(of_scope(scope))
        if scope["method"] == "POST" and way[0] != "upload":
            _check_named_files(scope[PAYLOAD], of_scope(scope))
            self._check_payload(way, scope[PAYLOAD], who)
            send = self._noting(send, who) if way[0] in ("queue", "call") else send
        elif await self._is_lost(way, scope, who):
            await StreamingResponse(iter([f"data: {json.dumps(LOST)}\n\n"]), media_type="text/event-stream")(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)

    def _check_payload(self, way: list[str], payload: Any, who: str) -> None:
        """StudioError where a request's JSON cannot be."""
        if way[0] == "component_server":
            self._own(_read(Elements, payload).session_hash, who)
        elif way[0] == "cancel":
            letting = _read(Letting, payload)
            self._own(letting.session_hash, who)
            self._own(letting.event_id, who)
        elif way[0] == "call":
            self._check_named(way, payload)
        elif way[0] in ("queue", "run"):
            asking = _read(Asking, payload)
            self._check_listener(asking, named=way[-1] if way[0] == "run" else "")
            if asking.session_hash is None and way[0] == "queue":
                raise InvalidRequest("session_hash is missing.")
            if asking.session_hash:
                self._own(asking.session_hash, who)

    def _check_listener(self, asking: Asking, named: str) -> None:
        blocks = self._page.get_blocks()
        listener = blocks.fns.get(asking.fn_index)
        if asking.fn_index is None:
            listener = next((one for one in blocks.fns.values() if named and one.api_name == named), None)
        if listener is None or listener.fn is None:
            raise NotFound("There is no such listener.")
        if len(asking.data) != len(listener.inputs):
            raise InvalidRequest(f"data has {len(asking.data)} values; this listener takes {len(listener.inputs)}.")

    def _check_named(self, way: list[str], payload: Any) -> None:
        """StudioError where a program calls what has no name for it, or not with what it takes."""
        name = way[-1]
        listener = next((one for one in self._page.get_blocks().fns.values() if one.api_name == name), None)
        if listener is None or listener.fn is None or listener.api_visibility == "private":
            raise NotFound(f"There is no endpoint {name}.")
        if not isinstance(payload, dict):
            raise InvalidRequest("The request's JSON is not an object.")
        given, taken = len(_read(Asking, payload).data), [one for one in listener.inputs if not one.skip_api]
        if given not in (len(taken), len(listener.inputs)):
            raise InvalidRequest(f"data has {given} values; this endpoint takes {len(taken)}.")

    async def _is_lost(self, way: list[str], scope: Scope, who: str) -> bool:
        """Whether a stream of news was asked for that there is none of; StudioError where it is another's."""
        queue = self._page.get_blocks()._queue  # noqa: SLF001 - there is no other way to it
        if way == ["queue", "data"]:
            session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
            _read_session(session)
            self._own(session, who)
            return session not in queue.pending_messages_per_session
        if way[0] == "heartbeat":
            _read_session(way[-1])
            self._own(way[-1], who)
        if way[0] == "call" and self._owners.get(way[-1]) != who:
            raise NotFound("There is no such event.")
        return False

    def _own(self, name: str, who: str) -> None:
        """Let a session or an event be this caller's; Refused where it is another's."""
        if self._owners.setdefault(name, who) != who:
            raise Refused("This belongs to another page or program.")
        self._owners.move_to_end(name)
        while len(self._owners) > MOST_KNOWN:
            self._owners.popitem(last=False)

    def _noting(self, send: Send, who: str) -> Send:
        """Remember whose the event is that the answer names."""
        body = bytearray()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.body" and len(body) < 1000:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    self._note(bytes(body), who)
            await send(message)

        return noting

    def _note(self, body: bytes, who: str) -> None:
        try:
            event = json.loads(body)["event_id"]
        except (ValueError, KeyError, TypeError):  # an answer that names none
            return
        self._own(str(event), who)


def _rights(who: Identity) -> str:
    """What a caller's sessions are bound to; callers without a secret share those of their address."""
    return who.owner if who.known else f"nobody at {who.address}"


def _check_named_files(payload: Any, who: Identity) -> None:
    """Refused, InvalidRequest where files are named by their address by somebody who may bring none, or too many."""
    named, layer = 0, [payload]
    while layer:
        one = layer.pop()
        if isinstance(one, dict):
            named += isinstance(one.get("path"), str) and bool(WEB.match(one["path"]))
        layer += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    if named:
        check_creates(who)
    if named > MOST_NAMED:
        raise InvalidRequest(f"{named} files are named by their address; the limit is {MOST_NAMED}.")


def _read(kind: type[Kind], payload: Any) -> Kind:
    try:
        return kind.model_validate(payload)
    except ValidationError as error:
        raise InvalidRequest(in_words(error)) from error


def _read_session(session: str) -> None:
    _read(Letting, {"session_hash": session, "event_id": "none"})
