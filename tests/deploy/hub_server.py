"""A model hub on loopback: of its endpoints those that a deployment calls, with what they remember.

It speaks to the real client, so it is made after that client's requests; what the hub itself would say beside that is
what its documentation and other people's logs show of it.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import yaml
from huggingface_hub import SpaceHardware
from huggingface_hub.constants import SPACES_SDK_TYPES

TOKEN = "hf_" + "lOOpback" * 5
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
# Places that take no token of the hub.
STORES = ("/objects/", "/cas/")
LARGE = (".safetensors", ".webp", ".woff2")
WHO = {
    "type": "user",
    "name": "ann",
    "isPro": False,
    "orgs": [{"name": "club"}],
    "auth": {"type": "access_token", "accessToken": {"displayName": "here", "role": "write"}},
}


@dataclass
class Space:
    """What the hub keeps of one."""

    hardware: str = "cpu-basic"
    visibility: str = "public"
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.safetensors filter=lfs\n"})
    # What is known of a large file, by its path: digest and size.
    large: dict[str, tuple[str, int]] = field(default_factory=dict)
    commits: list[str] = field(default_factory=lambda: ["0" * 40])
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    sleep_seconds: int | None = None
    stage: str = "NO_APP_FILE"


@dataclass
class Hub:
    """The hub's memory; `refusals` answer a request whose "METHOD path" they match, `builds` are a build's stages."""

    endpoint: str = ""
    who: dict[str, Any] = field(default_factory=lambda: dict(WHO))
    spaces: dict[str, Space] = field(default_factory=dict)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str, dict[str, str]]] = field(default_factory=dict)
    builds: tuple[str, ...] = ("BUILDING", "APP_STARTING", "RUNNING")
    log: tuple[str, ...] = ("--> pip install -r requirements.txt\n", "--> Pushing image\n")
    error: str | None = None
    requests: list[str] = field(default_factory=list)
    # What came by xet: hashes of chunks put together, and how many lists of them.
    xorbs: set[str] = field(default_factory=set)
    shards: int = 0
    _building: list[str] = field(default_factory=list)

    def asked(self, method: str) -> list[str]:
        """The paths that were asked for so."""
        return [line.split(" ", 1)[1] for line in self.requests if line.startswith(f"{method} ")]

    def runtime(self, space: Space) -> dict[str, Any]:
        if self._building:
            space.stage = self._building.pop(0)
        hardware = {"current": space.hardware, "requested": space.hardware}
        said = {"stage": space.stage, "hardware": hardware, "volumes": space.volumes, "sha": space.commits[-1]}
        return said | ({"errorMessage": self.error} if self.error else {})

    def build_again(self) -> None:
        """Leave off a build that goes on."""
        self._building = list(self.builds)

    def commit(self, space: Space, lines: list[dict[str, Any]]) -> str:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                space.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                # What came as chunks (xet) is not put together here.
                space.files[value["path"]] = self.objects.get(value["oid"], b"")
                space.large[value["path"]] = value["oid"], value["size"]
            elif line["key"] == "deletedFile":
                del space.files[value["path"]]
                space.large.pop(value["path"], None)
        space.commits.append(hashlib.sha1(json.dumps(lines).encode()).hexdigest())
        self.build_again()
        return space.commits[-1]


class RefusedError(Exception):
    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"
    # Else a head that is sent before its body costs 40 ms.
    disable_nagle_algorithm = True

    def do(self) -> None:
        hub, url = self.server.hub, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        line = f"{self.command} {url.path}"
        hub.requests.append(line)
        try:
            answer = self._answer_of(line, url.path, body)
        except RefusedError as refused:
            self._answer(
                refused.status, {"error": refused.message}, {"X-Error-Message": refused.message, **refused.headers}
            )
            return
        if isinstance(answer, tuple):
            self._stream(answer)
        else:
            self._answer(200, answer, {})

    def _answer_of(self, line: str, path: str, body: bytes) -> Any:
        hub = self.server.hub
        for pattern, (status, message, headers) in hub.refusals.items():
            if re.search(pattern, line):
                raise RefusedError(status, message, headers)
        if not path.startswith(STORES) and self.headers.get("authorization") != f"Bearer {TOKEN}":
            raise RefusedError(401, "Invalid credentials in Authorization header")
        for pattern, act in ROUTES:
            if found := re.fullmatch(pattern, line):
                return act(hub, *found.groups(), body)
        raise RefusedError(404, f"no such endpoint: {line}")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do  # noqa: N815

    def _answer(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, lines: tuple[str, ...]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for line in lines:
            self.wfile.write(f"data: {json.dumps({'data': line, 'timestamp': '2026-01-01T00:00:00Z'})}\n\n".encode())
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub


@contextmanager
def running() -> Iterator[Hub]:
    """A hub that answers while the block lasts."""
    hub = Hub()
    server = _Server(hub)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _space(hub: Hub, name: str) -> Space:
    if name not in hub.spaces:
        raise RefusedError(404, "Repository not found", {"X-Error-Code": "RepoNotFound"})
    return hub.spaces[name]


def _create(hub: Hub, body: bytes) -> Any:
    asked = json.loads(body)
    name = f"{asked['organization'] or hub.who['name']}/{asked['name']}"
    if name in hub.spaces:
        raise RefusedError(409, "You already created this space repo")
    hub.spaces[name] = Space(
        asked.get("hardware", "cpu-basic"),
        asked.get("visibility", "public"),
        secrets={pair["key"]: pair["value"] for pair in asked.get("secrets", ())},
        variables={pair["key"]: pair["value"] for pair in asked.get("variables", ())},
        volumes=asked.get("volumes", []),
        sleep_seconds=asked.get("sleepTimeSeconds"),
    )
    return {"url": f"{hub.endpoint}/spaces/{name}"}


def _info(hub: Hub, name: str, *_: Any) -> Any:
    return {"id": name, "sha": _space(hub, name).commits[-1]}


def _tree(hub: Hub, name: str, *_: Any) -> Any:
    space = _space(hub, name)
    return [_entry(path, content, space.large.get(path)) for path, content in sorted(space.files.items())]


def _entry(path: str, content: bytes, large: tuple[str, int] | None) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    if large is None:
        return {"type": "file", "path": path, "size": len(content), "oid": blob}
    oid, size = large
    lfs = {"oid": oid, "size": size, "pointerSize": 130}
    return {"type": "file", "path": path, "size": size, "oid": blob, "lfs": lfs}


def validate(content: str) -> list[str]:
    """What the hub finds wrong in a README's head, by its documented rules."""
    head = yaml.safe_load(content.split("---")[1])
    rules: dict[str, Callable[[Any], bool]] = {
        "sdk": lambda value: value in SPACES_SDK_TYPES,
        "emoji": lambda value: len(value) <= 2,
        "colorFrom": lambda value: value in COLOURS,
        "colorTo": lambda value: value in COLOURS,
        "short_description": lambda value: len(value) <= 60,
        "python_version": lambda value: re.fullmatch(r"3\.\d+(\.\d+)?", value) is not None,
        "suggested_hardware": lambda value: value in {hardware.value for hardware in SpaceHardware},
        "app_file": lambda value: isinstance(value, str),
        "hf_oauth": lambda value: isinstance(value, bool),
        "hf_oauth_scopes": lambda value: value == ["inference-api"],
    }
    return [
        f'"{name}" must be otherwise than {head[name]!r}'
        for name, rule in rules.items()
        if name in head and not rule(head[name])
    ]


def _validate(_: Hub, body: bytes) -> Any:
    if wrong := validate(json.loads(body)["content"]):
        raise RefusedError(400, wrong[0])
    return {"errors": [], "warnings": []}


def _preupload(hub: Hub, name: str, body: bytes) -> Any:
    _space(hub, name)
    files = json.loads(body)["files"]
    large = {f["path"]: f["path"].endswith(LARGE) or f["size"] > 10_000_000 for f in files}
    return {
        "files": [
            {"path": p, "uploadMode": "lfs" if big else "regular", "shouldIgnore": False} for p, big in large.items()
        ]
    }


def _batch(hub: Hub, _: str, body: bytes) -> Any:
    asked = json.loads(body)["objects"]
    return {"transfer": "basic", "objects": [_action(hub, one["oid"], one["size"]) for one in asked]}


def _action(hub: Hub, oid: str, size: int) -> dict[str, Any]:
    upload = {} if oid in hub.objects else {"actions": {"upload": {"href": f"{hub.endpoint}/objects/{oid}"}}}
    return {"oid": oid, "size": size, **upload}


def _put(hub: Hub, oid: str, body: bytes) -> Any:
    assert hashlib.sha256(body).hexdigest() == oid
    hub.objects[oid] = body
    return {}


def _xet_token(hub: Hub, *_: Any) -> Any:
    return {"casUrl": f"{hub.endpoint}/cas", "exp": 4102444800, "accessToken": "for the store alone"}


def _chunk(*_: Any) -> Any:
    raise RefusedError(404, "nobody has this chunk")


def _xorb(hub: Hub, name: str, *_: Any) -> Any:
    hub.xorbs.add(name)
    return {"was_inserted": True}


def _shard(hub: Hub, *_: Any) -> Any:
    hub.shards += 1
    return {"type": "result", "result": 1}


def _commit(hub: Hub, name: str, body: bytes) -> Any:
    lines = [json.loads(line) for line in body.splitlines()]
    space = _space(hub, name)
    if lines[0]["value"].get("parentCommit", space.commits[-1]) != space.commits[-1]:
        raise RefusedError(412, "A commit has happened since")
    oid = hub.commit(space, lines)
    return {"commitUrl": f"{hub.endpoint}/spaces/{name}/commit/{oid}", "commitOid": oid}


def _pair(kind: str) -> Callable[..., Any]:
    def put(hub: Hub, name: str, body: bytes) -> Any:
        pair = json.loads(body)
        getattr(_space(hub, name), kind)[pair["key"]] = pair["value"]
        return {}

    return put


def _variables(hub: Hub, name: str, *_: Any) -> Any:
    return {key: {"value": value} for key, value in _space(hub, name).variables.items()}


def _forget(hub: Hub, name: str, body: bytes) -> Any:
    del _space(hub, name).variables[json.loads(body)["key"]]
    return {}


def _hardware(hub: Hub, name: str, body: bytes) -> Any:
    space, asked = _space(hub, name), json.loads(body)
    space.hardware, space.sleep_seconds = asked["flavor"], asked.get("sleepTimeSeconds")
    return hub.runtime(space)


def _volumes(hub: Hub, name: str, body: bytes) -> Any:
    _space(hub, name).volumes = json.loads(body)["volumes"]
    return {}


def _bucket(hub: Hub, name: str, body: bytes) -> Any:
    hub.buckets.setdefault(name, json.loads(body))
    return {"url": f"{hub.endpoint}/buckets/{name}"}


NAME = r"([\w.-]+/[\w.-]+)"
SPACE = rf"/api/spaces/{NAME}"
# What the client calls; the first that matches answers.
ROUTES: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("GET /api/whoami-v2", lambda hub, *_: hub.who),
    ("POST /api/repos/create", _create),
    ("POST /api/validate-yaml", _validate),
    (rf"GET {SPACE}(?:/revision/\w+)?", _info),
    (rf"GET {SPACE}/tree/\w+", _tree),
    (rf"POST {SPACE}/preupload/main", _preupload),
    (rf"POST /spaces/{NAME}\.git/info/lfs/objects/batch", _batch),
    (r"PUT /objects/(\w+)", _put),
    (rf"GET {SPACE}/xet-write-token/main", _xet_token),
    (r"GET /cas/v\d/chunks/.+", _chunk),
    (r"POST /cas/v\d/xorbs/\w+/(\w+)", _xorb),
    (r"POST /cas/(?:v\d/)?shards?(?:/.*)?", _shard),
    (rf"POST {SPACE}/commit/main", _commit),
    (rf"GET {SPACE}/runtime", lambda hub, name, *_: hub.runtime(_space(hub, name))),
    (rf"GET {SPACE}/logs/build", lambda hub, *_: tuple(hub.log)),
    (rf"POST {SPACE}/secrets", _pair("secrets")),
    (rf"POST {SPACE}/variables", _pair("variables")),
    (rf"GET {SPACE}/variables", _variables),
    (rf"DELETE {SPACE}/variables", _forget),
    (rf"POST {SPACE}/hardware", _hardware),
    (rf"POST {SPACE}/restart", lambda hub, name, *_: hub.runtime(_space(hub, name))),
    (rf"PUT {SPACE}/volumes", _volumes),
    (rf"POST /api/buckets/{NAME}", _bucket),
)
