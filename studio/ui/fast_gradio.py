"""The one door through which gradio comes in: quiet towards the network, in half the time, and light on each call.

At every import gradio parses the source of its 81 component classes again to refresh the `.pyi` files that editors
read (`component_meta.create_or_modify_pyi`): 1.6 of 3.2 seconds, for nothing that runs. An import hook turns that
function off, and hides the package of MCP, which gradio loads wherever it is and which is served without gradio here.
Telemetry is switched off before the import, because gradio and the hub client read it there.

At the end of every call gradio makes a table of the last 10,000 calls for a monitoring page that is not served, and at
every step of one it looks through all of `sys.path` for matplotlib, twice: a third of what a call costs.

Whenever a page is begun, ended or queued, gradio makes an application of 80 routes for it; only the one is served that
`launch` is given. The others are left out: half of the time in which a page is made.

Whenever the page is asked for, gradio copies all that it is made of to the last string, level by level once more where
something is not to be copied: 150 of 200 ms. Here only what holds something is copied.

Where a program names a file by its address, gradio would take any number of bytes for any time, and ask another service
where a name leads: the studio's own function fetches it.
"""

import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync

from studio.large_imports import uncollected
from studio.safe_fetch import bring

QUIET = {
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SSR_MODE": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
SLOW, UNUSED = "gradio.component_meta", "mcp"


class _WithoutStubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads `gradio.component_meta` as it is, then makes its stub writer do nothing."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        del target
        if name == UNUSED:
            raise ModuleNotFoundError("It is not needed here.", name=name)
        if name != SLOW:
            return None
        self._found = importlib.machinery.PathFinder.find_spec(name, path)
        if self._found is None or self._found.origin is None:
            return None
        return importlib.util.spec_from_file_location(name, self._found.origin, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        if self._found is None or self._found.loader is None:
            raise ImportError(f"{SLOW} cannot be found.", name=SLOW)
        self._found.loader.exec_module(module)
        _without_stubs(module)


def _without_stubs(module: ModuleType) -> None:
    module.__dict__["create_or_modify_pyi"] = lambda *_: None


def _import_gradio() -> ModuleType:
    os.environ.update(QUIET)
    with uncollected():
        module = _imported()
        importlib.import_module("gradio.utils").__dict__.update(LIGHT)
        _without_drafts(importlib.import_module("gradio.routes").App)
        importlib.import_module("gradio.processing_utils").__dict__.update(FETCHES)
    return module


def _copied(config: Any) -> Any:
    """The same dictionaries, lists, tuples and sets anew, with the very values that are in them."""
    if isinstance(config, dict):
        return {key: _copied(value) for key, value in config.items()}
    # A tuple with names is a value.
    return type(config)(map(_copied, config)) if type(config) in (list, tuple, set) else config


# By the names that gradio calls them; nothing that the page calls draws with matplotlib.
LIGHT = {"MatplotlibBackendMananger": nullcontext, "safe_deepcopy": _copied}


def _without_drafts(app_class: Any) -> None:
    """Have an application made only of one that is given."""
    create = app_class.create_app

    def create_last(blocks: Any, app: Any = None, **more: Any) -> Any:
        return None if app is None else create(blocks, app=app, **more)

    app_class.create_app = staticmethod(create_last)


async def _download(url: str, cache_dir: str) -> str:
    """The path of what was at an address, in gradio's cache; InvalidRequest, Busy."""
    content = await run_sync(bring, url)
    files = importlib.import_module("gradio.processing_utils")
    return str(await run_sync(files.save_bytes_to_cache, content, "picture.bin", cache_dir))


async def _get(url: str) -> None:
    """Nothing here asks for an answer as it is."""
    raise RuntimeError(f"Nothing is fetched from {url}.")


# By the names that gradio calls them.
FETCHES = {"async_ssrf_protected_download": _download, "async_ssrf_protected_get": _get}


def _imported() -> ModuleType:
    if SLOW in sys.modules:
        _without_stubs(sys.modules[SLOW])
        return importlib.import_module("gradio")
    hook = _WithoutStubs()
    sys.meta_path.insert(0, hook)
    try:
        return importlib.import_module("gradio")
    finally:
        sys.meta_path.remove(hook)


if TYPE_CHECKING:
    import gradio as gr
else:
    gr = _import_gradio()

__all__ = ["gr"]
