"""Pictures that people name by an address: from public places alone, within bounds, and by one function for all."""

import ast
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from studio import safe_fetch
from studio.errors import Busy, InvalidRequest
from studio.safe_fetch import bring, is_public
from tests.picture_site import NAME, Site, picture_site, png, sending
from tests.sources import STUDIO, naming

PRIVATE = (
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "198.18.0.1", "224.0.0.251", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.9",
    "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::",
    "2002:a00:1::1", "2001:0:7f00:1::",
)  # fmt: skip
NOT_FETCHED = (
    "http://127.0.0.1/x.png", "http://localhost/x.png", "http://127.1/x.png", "http://2130706433/x.png",
    "http://0x7f000001/x.png", "http://0177.0.0.1/x.png", "http://[::1]/x.png", "http://[::ffff:127.0.0.1]/x.png",
    "http://[::ffff:7f00:1]/x.png", "http://[64:ff9b::7f00:1]/x.png", "http://0/x.png", "http://[fe80::1%25lo]/x.png",
    "http://169.254.169.254/latest/meta-data", "https://10.0.0.1/x.png", "http://8.8.8.8:22/x.png",
    "https://8.8.8.8:80/x.png", "http://user:word@8.8.8.8/x.png", "http://[bad/x.png", "http://8.8.8.8:99999/x.png",
    "http:///x.png", "http://8.8.8.8\\@127.0.0.1/x.png", "ftp://8.8.8.8/x.png", "file:///etc/passwd", "//8.8.8.8/x.png",
    "gopher://8.8.8.8/x", "http://ⓛocalhost/x.png", "http://1 27.0.0.1/x.png", "",
)  # fmt: skip


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with picture_site(monkeypatch) as site:
        yield site


@pytest.mark.parametrize("place", PRIVATE)
def test_no_private_place_is_public_however_it_is_written(place: str) -> None:
    assert not is_public(place)


@pytest.mark.parametrize("place", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_a_place_of_the_internet_is_public(place: str) -> None:
    assert is_public(place)


def test_this_machine_s_own_addresses_are_not_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_fetch, "_own_addresses", lambda: {"8.8.8.8"})
    assert not is_public("8.8.8.8")


@pytest.mark.parametrize("address", NOT_FETCHED)
def test_an_address_that_leads_to_no_public_place_is_not_gone_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_fetch, "_get", lambda *_: pytest.fail("it was gone to"))
    with pytest.raises(InvalidRequest) as caught:
        bring(address, "image")
    assert (caught.value.field, caught.value.hint) == ("image", "Send the picture itself.")


def test_a_name_of_which_one_place_is_private_is_not_gone_to(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 80)) for place in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    with pytest.raises(InvalidRequest, match="not a public address"):
        bring("http://two-faced.example/x.png")


def test_a_name_is_looked_up_once_and_its_place_is_gone_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    looked_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **kw: asked.append(host) or looked_up(host, *more, **kw)
    )
    assert bring(site.address()) == png()
    assert [host for host in asked if host == NAME] == [NAME], "a second answer could lead elsewhere"
    assert site.hosts == [NAME]


def test_where_a_place_leads_on_to_is_looked_at_anew(site: Site) -> None:
    site.answers["/on"] = sending(b"", Location="/boat.png")
    assert bring(site.address("/on")) == png()
    for number, private in enumerate(("http://10.0.0.1/x.png", "http://[::1]/x.png", "file:///etc/passwd", "//0/x")):
        site.answers[f"/{number}"] = sending(b"", Location=private)
        with pytest.raises(InvalidRequest):
            bring(site.address(f"/{number}"))
    site.answers["/round"] = sending(b"", Location="/round")
    with pytest.raises(InvalidRequest, match="too often"):
        bring(site.address("/round"))


def test_what_is_too_large_or_packed_is_not_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answers["/packed"] = sending(b"x", **{"Content-Encoding": "gzip"})
    monkeypatch.setattr(safe_fetch, "MOST_BROUGHT", 100)
    for path, words in {"/boat.png": "too large", "/packed": "compressed"}.items():
        with pytest.raises(InvalidRequest, match=words):
            bring(site.address(path))


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["head", "body"])
def test_what_comes_byte_by_byte_is_late_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start or b"HTTP/1.1 200 OK\r\nX: ")
        try:
            while True:
                handler.wfile.write(b"x")
        except OSError:  # nobody listens any more
            return

    def slow(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile = _Slow(handler.wfile)  # type: ignore[assignment]
        drip(handler)

    site.answers["/slow"] = slow
    monkeypatch.setattr(safe_fetch, "BRING_SECONDS", 0.5)
    with pytest.raises(InvalidRequest, match="did not arrive"):
        bring(site.address("/slow"))


class _Slow:
    """A file that takes its time over each write."""

    def __init__(self, file: object) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        import time

        time.sleep(0.02)
        self._file.write(data)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def test_so_many_are_fetched_at_once_and_others_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(safe_fetch, "BRINGING", threading.BoundedSemaphore(1))
    with safe_fetch.BRINGING, pytest.raises(Busy) as caught:
        bring("http://127.0.0.1/x.png")
    assert caught.value.wait_seconds
    with pytest.raises(InvalidRequest):
        bring("http://127.0.0.1/x.png")


# Whatever opens a connection, and where: each module goes to addresses that are written here or in the settings of
# whoever runs the studio. What a person or a service names is for `safe_fetch` alone.
OPENS = {"Client", "AsyncClient", "DefaultHttpx2Client", "urlopen", "urlretrieve", "create_connection", "HfApi"}
OPENS |= {"get_async_session", "get_session", "hf_hub_download", "snapshot_download", "InferenceClient"}
LIBRARIES = ("requests", "httpx", "httpx2", "safehttpx")
ALLOWED = {
    "accounts/hub_login.py": "Hugging Face, or the provider of a Space",
    "civitai/site.py": "the site of the settings; files and pictures by safe_fetch",
    "deploy/hub.py": "Hugging Face",
    "deploy/watch.py": "the Space that was just made",
    "hosted/client.py": "a host of the settings",
    "hosted/providers/huggingface.py": "a host of the settings",
    "hosted/providers/openai.py": "a host of the settings",
    "hub.py": "Hugging Face",
    "safe_fetch.py": "what others name",
    "transfer.py": "Hugging Face",
}


def test_nothing_else_goes_to_an_address() -> None:
    found = set()
    for path, tree in naming(rf"\b({'|'.join(OPENS)})\(", rf"\b({'|'.join(LIBRARIES)})\s*\."):
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            module = getattr(getattr(called, "value", None), "id", "")
            if name in OPENS or (module in LIBRARIES and name in ("get", "stream")):
                found.add(path.relative_to(STUDIO).as_posix())
    assert found - ALLOWED.keys() == set(), "it has to go by safe_fetch"


def test_gradio_fetches_by_it_too() -> None:
    from studio.ui.fast_gradio import FETCHES, gr

    files = __import__("importlib").import_module("gradio.processing_utils")
    assert gr
    for name, own in FETCHES.items():
        assert getattr(files, name) is own
