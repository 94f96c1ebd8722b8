"""Serving the page: what Gradio would decide by itself is decided here."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from starlette.middleware import Middleware

from studio.errors import SettingsError
from studio.grids.making import SHEETS
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import theme
from studio.ui.delivery import Delivery
from studio.ui.pictures import THUMBNAILS
from studio.ui.shapes import Shapes
from studio.ui.shell import page


def launch(studio: Studio) -> None:
    """Serve the page, say where, and return when interrupted; SettingsError where it cannot be served there."""
    with serve(studio) as address, suppress(KeyboardInterrupt):
        print(f"Image Studio is at {address}", flush=True)  # noqa: T201 - what the person at the terminal waits for
        threading.Event().wait()


@contextmanager
def serve(studio: Studio) -> Iterator[str]:
    """The page's address, served while the block lasts; the model is loaded as soon as the page answers.

    SettingsError where the port is taken or the host is not this machine's.
    """
    settings = studio.settings
    port = _free_port(settings)
    blocks = page(studio)
    _, address, _ = blocks.queue(default_concurrency_limit=None).launch(
        server_name=settings.host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        show_error=True,
        share=False,
        inbrowser=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        # Each waiting person's listener holds a thread while it follows the job.
        max_threads=settings.max_waiting + 40,
        allowed_paths=[
            *map(str, (studio.library.folder, studio.inputs.folder, theme.FOLDER)),
            *(str(settings.home / folder) for folder in (THUMBNAILS, SHEETS)),
        ],
        favicon_path=str(theme.FAVICON),
        theme=theme.theme(),
        css=theme.css() + Shapes(studio).css(),
        head=theme.head(),
        app_kwargs={"middleware": [Middleware(Delivery)]},
    )
    studio.warm()
    try:
        yield str(address)
    finally:
        _close(blocks)


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
    log.setLevel(level)


def _free_port(settings: Settings) -> int:
    """The settings' port, or a free one for 0; tried here because Gradio's message does not name the setting."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(
                f"The page cannot be served at {settings.host}, port {settings.port}: {error.strerror}.",
                "Choose another with --port or STUDIO_PORT (0 takes a free one), or end the program that uses it.",
            ) from error
        return int(probe.getsockname()[1])
