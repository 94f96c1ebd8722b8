"""The page's frame: model picker, what the device is doing, and the tabs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from html import escape
from typing import Any

from studio import hf_space
from studio.studio import Studio
from studio.ui import fields
from studio.ui.fast_gradio import gr
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.memory_panel import MemoryPanel, device_line
from studio.ui.model_picker import ModelPicker
from studio.ui.owner import identify
from studio.ui.page import Page
from studio.ui.queue_panel import QueuePanel, in_words
from studio.ui.workspace import Workspace

TITLE = "Image Studio"
# Seconds between two looks at whether the model is loaded.
WARM = 0.1
# How often Gradio's cache is cleared, and how old what is cleared is, in seconds: what was stored of it stays.
CACHED = (3600, 86400)
MARK = f'<h1 class="mark">{TITLE}</h1>'
CHECK = "Every finished picture is checked before it is shown, by a machine that makes mistakes."
CHECKS = {"on": "Output check blurs", "strict": "Output check withholds"}
# Where a browser keeps no cookie, as in a frame of another site's page where it blocks those.
STRANGER = (
    '<span role="alert">Your browser blocks this page’s cookie, so it cannot show you your pictures. '
    '<a href="./" target="_blank" rel="noopener">Open in its own window</a></span>'
)
LOST = "Pictures are lost when this Space restarts: save what you like."
ACCOUNT = '<a class="account" href="/account">Account</a>'
TOOLS = """
<button type="button" class="tool" data-tool="light" aria-label="Light or dark" title="Light or dark"></button>
<button type="button" class="tool" data-tool="sheet" aria-label="Keyboard" title="Keyboard (?)">?</button>
"""


def page(studio: Studio) -> Any:
    """The whole page as Gradio Blocks."""
    with Page(title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=CACHED) as blocks:
        with gr.Row(elem_id="header"):
            Island("mark", MARK)
            picker = ModelPicker(studio)
            model = _model_value(studio)
            Island(Id.ABOUT, '<p class="about"></p>')
            status = MemoryPanel(studio).widget
            if hf_space.name():
                _on_a_space(signs_in=not studio.accounts.required(studio.settings))
            QueuePanel(studio)
            if studio.accounts.required(studio.settings):
                Island("account", ACCOUNT)
            Island("tools", TOOLS, module="shell")
        Workspace(studio, blocks, model, picker)
        _wire_status(blocks, studio, status)
    return blocks


def _on_a_space(*, signs_in: bool) -> None:
    """A visitor may have the Space himself, and be known in every browser; where there are accounts, by those."""
    with gr.Row(elem_id="visit"):
        gr.DuplicateButton("Duplicate this Space", variant="secondary")
        if signs_in and hf_space.signs_in():
            gr.LoginButton("Sign in", "Sign out {}", variant="secondary", size="sm", icon=None)


def _model_value(studio: Studio) -> Any:
    """What programs choose a model by, and what holds the one that the picker chose."""
    return fields.Choice(
        fields.models(studio),
        value=studio.settings.model,
        label="Model",
        show_label=False,
        interactive=True,
        elem_id="model-value",
    )


def _coming(studio: Studio) -> str:
    """What is being downloaded, in a word."""
    running = [one.progress for one in studio.downloads.all() if one.state == "running"]
    shares = [f"{one.name}, {100 * one.bytes // max(one.total_bytes, 1)} %" for one in running]
    return f"Downloading {' and '.join(shares)}" if shares else ""


async def _loading(studio: Studio) -> AsyncIterator[bool]:
    """Whether the model is being loaded: now, and once it is not any more. A thread would be held by each page."""
    first = loading = studio.warming
    yield first
    while loading:
        await asyncio.sleep(WARM)
        loading = studio.warming
    if first:
        yield loading


def alerts(studio: Studio) -> Iterator[str]:
    """What went wrong that concerns everybody."""
    if studio.jobs.halted:
        yield studio.jobs.halted.hint
    if studio.database.incident:
        yield studio.database.incident.message


def _doing(studio: Studio) -> list[str]:
    """What the studio is at: what is loaded or downloaded, the device, what went wrong, the line."""
    parts = [device_line(studio)]
    if coming := _coming(studio):
        parts.insert(0, f'<span class="busy">{escape(coming)}</span>')
    parts += [f'<span role="alert">{escape(words)}</span>' for words in alerts(studio)]
    if words := in_words(studio):
        parts.append(f'<span class="line-of-jobs">{words}</span>')
    if studio.warming:
        name = studio.catalogue[studio.settings.model].name
        parts.insert(0, f'<span class="busy">Loading {escape(name)}</span>')
    return parts


def _kept_here(studio: Studio) -> list[str]:
    """What becomes of pictures."""
    parts = []
    if studio.settings.output_check != "off":
        parts.append(f'<span title="{CHECK}">{CHECKS[studio.settings.output_check]}</span>')
    if hf_space.name() and not hf_space.images():
        parts.append(f'<span title="{LOST}">Nothing is kept</span>')
    return parts


def _wire_status(blocks: Any, studio: Studio, status: Any) -> None:
    def look(request: gr.Request) -> str:
        first = [] if identify(request).known else [STRANGER]
        return "".join([*first, *_doing(studio), *_kept_here(studio)])

    async def arrive(request: gr.Request) -> AsyncIterator[str]:
        async for _ in _loading(studio):
            yield look(request)

    private = {"concurrency_limit": None, "api_visibility": "private", "show_progress": "hidden"}
    blocks.load(arrive, None, [status], **private)
    # A look that is asked for while one is on its way comes after it: a job may have ended meanwhile.
    status.again(look, None, [status], queue=False, trigger_mode="always_last", **private)
