"""Requests as no browser and no library sends them, over bare sockets to the page's own server."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import UPLOADS, Studio
from studio.ui import serve
from tests.ui.painter import Painter

JOIN = "gradio_api/queue/join"
BODY = json.dumps({"data": [], "fn_index": 0, "session_hash": "raw"})
JSON = "Content-Type: application/json"
PART = '--b\r\nContent-Disposition: form-data; name="n"\r\n\r\nx\r\n'
FORM = "Content-Type: multipart/form-data; boundary=b"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0)
    with Studio(settings, backend=Painter(inputs=InputStore.of(settings))) as studio:
        yield studio


@pytest.fixture(scope="module")
def port(studio: Studio) -> Iterator[int]:
    with serve(studio) as address:
        yield urlsplit(address).port or 0


def answer(port: int, line: str, *headers: str, body: str = "", host: str | None = "") -> tuple[int, str]:
    """The status and all of what comes back for these bytes; 0 where the connection is only closed."""
    named = [] if host is None else [f"Host: {host or f'127.0.0.1:{port}'}"]
    sent = "\r\n".join([line, *named, *headers, "Connection: close", "", body]).encode("latin-1")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.settimeout(30)
        try:
            raw.sendall(sent)
            came = b""
            while part := raw.recv(65536):
                came += part
        except ConnectionError:
            came = b""
    text = came.decode("latin-1")
    return (int(text.split(" ", 2)[1]) if text else 0), text


def post(*headers: str, path: str = JOIN, body: str = BODY) -> tuple[str, tuple[str, ...], str]:
    return f"POST /{path} HTTP/1.1", (*headers, f"Content-Length: {len(body)}"), body


# By which name: the status for each, and whether the page is given.
@pytest.mark.parametrize(
    ("host", "status"),
    [
        (None, 400), ("", 421), ("localhost.", 200), ("localhost.:{port}", 200), ("[::1]:{port}", 200),
        ("[0:0:0:0:0:0:0:1]", 200), ("[::ffff:127.0.0.1]:{port}", 200), ("127.1", 421), ("2130706433", 421),
        ("0x7f.0.0.1", 421), ("localhost.evil.example", 421), ("evil.localhost.example", 421),
        ("127.0.0.1:{port}@evil.example", 421), ("127.0.0.1 evil.example", 421), ("127.0.0.1:99999999", 421),
        ("localhost:{port}, evil.example", 421), ("[::1%lo]", 421), ("127.0.0.1\t", 200), ("evil.example:{port}", 421),
    ],
)  # fmt: skip
def test_only_this_machine_s_own_names_are_answered(port: int, host: str | None, status: int) -> None:
    host = " " if host == "" else host
    assert answer(port, "GET / HTTP/1.1", host=host and host.replace("{port}", str(port)))[0] == status


def test_an_old_request_without_a_name_is_refused(port: int) -> None:
    assert answer(port, "GET / HTTP/1.0", host=None)[0] == 421


def test_two_names_are_none(port: int) -> None:
    assert answer(port, "GET / HTTP/1.1", "Host: evil.example")[0] in (400, 421)


def test_a_whole_address_in_the_first_line_names_no_other_host(port: int) -> None:
    assert answer(port, "GET http://evil.example/ HTTP/1.1", host="evil.example")[0] == 421


@pytest.mark.parametrize(
    "headers",
    [
        ["Origin: null"],
        ["Origin: http://127.0.0.1.evil.example"],
        ["Origin: http://localhost:1"],
        ["Origin: https://127.0.0.1"],
        ["Origin: "],
        ["Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: Cross-Site"],
        ["Sec-Fetch-Site: same-site"],
        ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: none, cross-site"],
        ["Origin: http://127.0.0.1:{port}", "Origin: http://evil.example"],
        ["X-Forwarded-Host: evil.example", "Origin: http://evil.example"],
        ["Referer: http://evil.example/", "Origin: http://evil.example"],
    ],
)
def test_nothing_of_another_origin_asks_for_anything(port: int, headers: list[str]) -> None:
    line, more, body = post(JSON, *(one.replace("{port}", str(port)) for one in headers))
    assert answer(port, line, *more, body=body)[0] in (403, 421)


@pytest.mark.parametrize(
    "line",
    [
        "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", "GET /studio/theme/%2e%2e/%2e%2e/pyproject.toml HTTP/1.1",
        "GET //evil.example/ HTTP/1.1", "GET /\\evil.example HTTP/1.1", "GET /studio/theme/..%5c..%5cx HTTP/1.1",
        "GET /studio/pictures/../../x HTTP/1.1", "GET /gradio_api/file=..%2f..%2fetc%2fpasswd HTTP/1.1",
        "GET /gradio_api//queue/join HTTP/1.1", "GET /gradio_api/file=//127.0.0.1/share HTTP/1.1",
        "GET /monitoring HTTP/1.1", "GET /gradio_api/proxy=http://127.0.0.1 HTTP/1.1", "GET /%00 HTTP/1.1",
        "GET /docs HTTP/1.1", "GET /gradio_api/deep_link?session_hash=x HTTP/1.1", "GET * HTTP/1.1",
        "GET /static/../../../etc/passwd HTTP/1.1", "GET /assets/%2e%2e%2f%2e%2e%2findex.html HTTP/1.1",
    ],
)  # fmt: skip
def test_no_spelling_of_a_path_leads_elsewhere(port: int, line: str) -> None:
    status, text = answer(port, line)
    assert status in (0, 400, 403, 404, 405), text[:300]
    assert "root:" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO", "get", "POST"])
def test_the_page_takes_no_other_method(port: int, method: str) -> None:
    status, text = answer(port, f"{method} / HTTP/1.1", "Content-Length: 0")
    assert status in (400, 405), text[:300]
    assert "access-control" not in text.lower()


def test_a_method_in_a_header_or_the_address_is_none(port: int) -> None:
    assert answer(port, f"GET /{JOIN}?_method=POST HTTP/1.1", "X-HTTP-Method-Override: POST")[0] == 405


def test_only_the_head_is_sent_where_only_that_was_asked_for(port: int) -> None:
    status, text = answer(port, "HEAD /config HTTP/1.1")
    assert status == 200
    assert not text.partition("\r\n\r\n")[2]


def test_a_stream_of_news_has_no_head_alone(port: int) -> None:
    assert answer(port, "HEAD /gradio_api/heartbeat/raw HTTP/1.1")[0] == 405


@pytest.mark.parametrize("ranges", ["bytes=0-", "bytes=-1", "bytes=9-1", "x", "bytes=" + ",".join(["0-1"] * 3000)])
def test_parts_of_files_are_given_or_refused_and_never_many_times_over(port: int, ranges: str) -> None:
    status, text = answer(port, "GET /studio/theme/favicon.svg HTTP/1.1", f"Range: {ranges}")
    assert status in (200, 206, 400, 416)
    assert len(text) < 100_000


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((JSON, "Transfer-Encoding: chunked"), "5\r\nhello\r\n0\r\n\r\n"),
        ((JSON, "Transfer-Encoding: chunked"), "zz\r\n"),
        ((JSON, "Transfer-Encoding: chunked", "Content-Length: 4"), "5\r\nhello\r\n0\r\n\r\n"),
        ((JSON, "Content-Length: 2", "Content-Length: 4"), "{}xx"),
        ((JSON, "Content-Length: -1"), "{}"),
        ((JSON, "Content-Length: 99999999999999999999"), "{}"),
        ((JSON, "Content-Encoding: gzip", "Content-Length: 2"), "{}"),
        (("Content-Type: application/json, text/plain", "Content-Length: 2"), "{}"),
        (("Content-Type: text/plain", JSON, "Content-Length: 2"), "{}"),
    ],
)
def test_a_body_that_does_not_say_rightly_what_it_is_is_refused(port: int, headers: tuple[str, ...], body: str) -> None:
    status, text = answer(port, f"POST /{JOIN} HTTP/1.1", *headers, body=body)
    assert 400 <= status < 500, text[:300]


def test_a_form_of_five_thousand_parts_is_refused(port: int, studio: Studio) -> None:
    line, more, body = post(FORM, path="gradio_api/upload", body=PART * 5000 + "--b--\r\n")
    # It may be told before all of them are sent, which ends the connection.
    assert answer(port, line, *more, body=body)[0] in (0, 400)
    assert not [path for path in (studio.settings.home / UPLOADS).rglob("*") if path.is_file()]


@pytest.mark.parametrize("header", ["X: " + "x" * 200_000, *["\r\n".join(f"X{n}: {n}" for n in range(20_000))]])
def test_a_head_without_end_is_refused(port: int, header: str) -> None:
    assert answer(port, "GET / HTTP/1.1", header)[0] in (0, 400, 431)


def test_nothing_speaks_over_websockets(port: int) -> None:
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    for path in ("/", "/gradio_api/queue/join", "/gradio_api/stream/x"):
        status, text = answer(port, f"GET {path} HTTP/1.1", *upgrade, "Connection: Upgrade")
        assert status != 101, text[:200]
        assert status < 500


def test_a_header_that_hides_another_request_is_refused(port: int, studio: Studio) -> None:
    hidden = f"POST /{JOIN} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{JSON}\r\nContent-Length: 2\r\n\r\n{{}}"
    both = ("Content-Length: 0", "Transfer-Encoding: chunked")
    status, text = answer(port, "POST /gradio_api/reset HTTP/1.1", *both, JSON, body=hidden)
    assert 400 <= status < 500
    assert text.count("HTTP/1.1 ") == 1


def test_the_studio_stands_after_all_of_that(port: int, studio: Studio, tmp_path: Path) -> None:
    assert answer(port, "GET / HTTP/1.1")[0] == 200
    assert not studio.jobs.unfinished()
