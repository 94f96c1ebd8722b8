"""Serving the page: what Gradio would decide by itself is decided here."""

import gc
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil

from studio import hf_space
from studio.accounts.hub_login import check_set_up, offered
from studio.errors import InvalidSetting
from studio.gate.doors import MEGABYTE
from studio.settings import Settings
from studio.studio import CACHE, Studio
from studio.ui import theme, web
from studio.ui.app import PageApp
from studio.ui.compression import Beginning
from studio.ui.island import beginning
from studio.ui.patience import Patient
from studio.ui.shell import page
from studio.ui.size_picker import SizePicker
from studio.ui.workspace import in_order, strip_css

# What Gradio keeps of pages that are open: a quarter of a megabyte each; the least recently used is forgotten.
SESSIONS = 256
# Connections at once, and the bytes of a request's head.
CONNECTIONS, MOST_HEAD = 4096, 2**16
# Listeners that may follow something at once, and pages with news on the way to them.
LISTENERS = 2 * CONNECTIONS
# Between two looks for calls of listeners: the thousand in a second that Gradio makes take a twentieth of a core.
LOOK_SECONDS = 0.02
SELDOM = 24 * 3600
# Between two looks for uploads that are old.
SWEEP_SECONDS = 3600.0
FIRST = "studio accounts add NAME --role admin"
# What Gradio is told whatever the studio.
ALWAYS: dict[str, Any] = {
    "prevent_thread_lock": True,
    "quiet": True,
    "show_error": True,
    "share": False,
    "inbrowser": False,
    "ssr_mode": False,
    "run_history": False,
    "enable_monitoring": False,
    "footer_links": [],
    # Else Gradio gives up where this machine takes longer than three seconds to answer itself, as a busy one may.
    "_frontend": False,
    "pwa": False,
    # Listeners at once; what each does in a thread is short (`Page.create_limiter`).
    "max_threads": LISTENERS,
    "favicon_path": str(theme.FAVICON),
    "state_session_capacity": SESSIONS,
}


def launch(studio: Studio) -> None:
    """Serve the page, say where, and return when interrupted; InvalidSetting where it cannot be served there."""
    with serve(studio) as address, suppress(KeyboardInterrupt):
        print("\n".join(_greeting(address, studio)), flush=True)  # noqa: T201 - what the person at it waits for
        threading.Event().wait()


@contextmanager
def serve(studio: Studio) -> Iterator[str]:
    """The page's address, served while the block lasts; the model is loaded as soon as the page answers.

    InvalidSetting where the port is taken or the host is not this machine's.
    """
    settings = studio.settings
    _check_meant(studio)
    port = _free_port(settings)
    blocks = _launched(studio, port)
    # What the page is built of lives as long as the program: no collection need look at it.
    gc.collect()
    gc.freeze()
    studio.warm()
    try:
        with _swept(studio):
            yield f"http://{_written(_reached(settings.host))}:{port}/"
    finally:
        _close(blocks)


def _launched(studio: Studio, port: int) -> Any:
    """The page's Blocks, served at this port by a thread."""
    settings = studio.settings
    # Read by Gradio as its widgets are made: pictures that it keeps for a page, in the data folder and not in /tmp.
    os.environ["GRADIO_TEMP_DIR"] = str(settings.home / CACHE)
    blocks = page(studio)
    blocks.queue(default_concurrency_limit=None, api_open=False)
    blocks._queue.sleep_when_free = LOOK_SECONDS  # noqa: SLF001 - there is no other way to it
    # It would look through all listeners for Gradio's own progress bars, of which there are none.
    blocks._queue.progress_update_sleep_when_free = SELDOM  # noqa: SLF001 - there is no other way to it
    blocks.launch(
        server_name=settings.host,
        server_port=port,
        theme=theme.theme(),
        css=theme.css() + SizePicker(studio).css() + strip_css(),
        max_file_size=settings.max_upload_mb * MEGABYTE,
        _app=PageApp(studio, Beginning(web.announced(beginning(blocks)), theme.head(first=in_order()[0][0]))),
        **ALWAYS,
    )
    _bound(blocks.server.config)
    blocks._queue.pending_messages_per_session.max_size = LISTENERS  # noqa: SLF001 - there is no other way to it
    return blocks


@contextmanager
def _swept(studio: Studio) -> Iterator[None]:
    """Clear old uploads every hour while the block lasts; a studio may run for months."""
    over = threading.Event()

    def sweep() -> None:
        while not over.wait(SWEEP_SECONDS):
            studio.sweep()

    thread = threading.Thread(target=sweep, name="sweep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _check_meant(studio: Studio) -> None:
    """InvalidSetting where other machines would reach the page and nobody has said twice that this is meant.

    Or where everybody has to sign in, and nobody can.
    """
    settings, accounts = studio.settings, studio.accounts
    if accounts.required(settings):
        check_set_up(settings)
        # Whoever made the Space looks after it, once they have signed in.
        if not accounts.has_admin() and not (offered(settings) and hf_space.name()):
            raise InvalidSetting("Everybody has to sign in, and there is no account yet.", f"Make one: {FIRST}.")
        return
    is_meant = settings.public and settings.accounts == "off"
    if settings.alone or is_meant or hf_space.name():
        return
    raise InvalidSetting(
        f"At {settings.host} everybody who reaches this machine could use the studio: its models, its disk and, where "
        "they are shared, its keys. There are no accounts.",
        f"Make one first: {FIRST}. Where all of them may use it without one, say so twice: --public --accounts off. "
        "Else leave --host out.",
    )


def _greeting(address: str, studio: Studio) -> list[str]:
    """What the terminal says: the address, and where others reach it, those too."""
    settings = studio.settings
    signed = "Everybody has to sign in; studio accounts says who can."
    if settings.alone or hf_space.name():
        return [f"Image Studio is at {address}", *([signed] if studio.accounts.required(settings) else [])]
    port = address.rstrip("/").rpartition(":")[2]
    others = [f"http://{_written(host)}:{port}/" for host in _addresses(settings.host)]
    open_to_all = "Everybody who reaches that can use it; there is no login."
    return [
        f"Image Studio is at {' and '.join(others or [address])}",
        signed if studio.accounts.required(settings) else open_to_all,
    ]


def _addresses(host: str) -> list[str]:
    """The addresses of this machine that other machines use, where the page is served at `host`."""
    if not _is_everywhere(host):
        return [host]
    families = {socket.AF_INET} if ":" not in host else {socket.AF_INET, socket.AF_INET6}
    held = (one for several in psutil.net_if_addrs().values() for one in several if one.family in families)
    found = [one.address.partition("%")[0] for one in held]
    return [address for address in found if not ipaddress.ip_address(address).is_loopback]


def _reached(host: str) -> str:
    """The address at which this machine itself reaches the page."""
    if _is_everywhere(host):
        return "::1" if ":" in host else "127.0.0.1"
    return host


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def _written(host: str) -> str:
    """An address as it stands in a URL."""
    return f"[{host.strip('[]')}]" if ":" in host else host


def _close(blocks: Any) -> None:
    """End the server within about a second, with its thread.

    uvicorn would wait until the last page is closed, because each holds an event stream, and Gradio gives that up after
    five seconds with the thread still there. What is cut off instead, uvicorn logs as errors with their tracebacks.
    """
    log = logging.getLogger("uvicorn.error")
    level = log.level
    log.setLevel(logging.CRITICAL)
    blocks.server.config.timeout_graceful_shutdown = 1
    blocks.close(verbose=False)
    gc.unfreeze()
    log.setLevel(level)


def _bound(config: Any) -> None:
    """Bound what connections cost; uvicorn reads these for each new one."""
    config.limit_concurrency = CONNECTIONS
    config.h11_max_incomplete_event_size = MOST_HEAD
    config.http_protocol_class = Patient


def _free_port(settings: Settings) -> int:
    """The settings' port, or a free one for 0; tried here because Gradio's message does not name the setting."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise InvalidSetting(
                f"The page cannot be served at {settings.host}, port {settings.port}: {error.strerror}.",
                "Choose another with --port or STUDIO_PORT (0 takes a free one), or end the program that uses it.",
            ) from error
        return int(probe.getsockname()[1])
