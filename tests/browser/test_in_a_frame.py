"""A Space within the hub's page, in a real browser that keeps no cookies of other sites, over TLS."""

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Frame, Playwright, expect

from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import ARGUMENTS, PATIENCE_MS, WITH_WINDOWS, executable
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser

HUB, SPACE = "huggingface.co", "ann-studio.hf.space"
AROUND = f'<!doctype html><title>The hub</title><iframe src="https://{SPACE}/" width="1200" height="800"></iframe>'
# What Chromium keeps in its preferences: no cookies of other sites, which is what browsers do, or none at all.
NO_OTHERS = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}
NONE = {"profile": {"default_content_setting_values": {"cookies": 2}}}


class Proxy(StreamRequestHandler):
    """The hub's page, and before the Space, what ends TLS as the hub's proxy does."""

    place = ("", 0)

    def handle(self) -> None:
        head = b""
        while (line := self.rfile.readline()).strip():
            head += b"" if line.lower().startswith(b"connection:") else line
        if not head:  # a connection that was only opened in advance
            return
        if f"host: {HUB}".encode() in head.lower():
            answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(AROUND)}\r\n\r\n{AROUND}"
            self.wfile.write(answer.encode())
            return
        lengths = [line.partition(b":")[2] for line in head.splitlines() if line.lower().startswith(b"content-length:")]
        with create_connection(self.place) as studio:
            studio.sendall(head + b"Connection: close\r\nX-Forwarded-Proto: https\r\n\r\n")
            studio.sendall(self.rfile.read(int(lengths[0]) if lengths else 0))
            while part := studio.recv(65536):
                self.wfile.write(part)


class Server(ThreadingTCPServer):
    daemon_threads = True
    # A browser cuts what it does not want any more.
    handle_error = lambda *_: None  # noqa: E731


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPACE_ID", "ann/studio")
        patch.setenv("SPACE_HOST", SPACE)
        settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0)
        painter = Painter(inputs=InputStore.of(settings))
        painter.ready.set()
        with Studio(settings, backend=painter) as studio:
            yield studio


@pytest.fixture(scope="module")
def port(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the TLS server of both names."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-days", "2", "-subj", f"/CN={HUB}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *named], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serve(studio) as address, Server(("127.0.0.1", 0), Proxy) as server:
        Proxy.place = ("127.0.0.1", urlsplit(address).port or 0)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def browser(playwright: Playwright, folder: Path, port: int, preferences: object) -> Iterator[BrowserContext]:
    """A browser with these preferences, for which both names are this machine's."""
    (folder / "Default").mkdir(parents=True)
    (folder / "Default" / "Preferences").write_text(json.dumps(preferences))
    names = ", ".join(f"MAP {name} 127.0.0.1:{port}" for name in (HUB, SPACE))
    context = playwright.chromium.launch_persistent_context(
        folder,
        executable_path=executable(playwright.chromium, WITH_WINDOWS),
        args=[*ARGUMENTS, f"--host-resolver-rules={names}", "--ignore-certificate-errors"],
    )
    try:
        yield context
    finally:
        context.close()


def framed(context: BrowserContext) -> Frame:
    """The Space within the hub's page."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"https://{HUB}/")
    frame = page.frame(url=f"https://{SPACE}/")
    assert frame
    frame.wait_for_selector("#stage[data-ready]", state="attached")
    return frame


def test_in_a_frame_without_cookies_of_other_sites_a_visitor_sees_the_own_pictures(
    playwright: Playwright, port: int, tmp_path: Path
) -> None:
    with browser(playwright, tmp_path / "profile", port, NO_OTHERS) as context:
        frame = framed(context)
        expect(frame.locator("#status")).to_contain_text("Painter")
        expect(frame.locator("#status [role=alert]")).to_have_count(0)
        frame.locator("#field-prompt textarea").fill("a boat")
        frame.locator("#generate").click()
        seen = frame.locator("#stage img[src*='studio/pictures/']").first
        expect(seen).to_be_visible()
        frame.wait_for_function("() => document.querySelector(\"#stage img[src*='studio/pictures/']\").naturalWidth")


def test_where_no_cookie_is_kept_the_page_says_so_and_offers_its_own_window(
    playwright: Playwright, port: int, tmp_path: Path
) -> None:
    with browser(playwright, tmp_path / "profile", port, NONE) as context:
        frame = framed(context)
        said = frame.locator("#status [role=alert]")
        expect(said).to_contain_text("cookie")
        with context.expect_page() as opened:
            said.get_by_role("link", name="Open in its own window").click()
        expect(opened.value).to_have_url(f"https://{SPACE}/")
