"""Models: all that has weights, what is here and what can be had; downloads in the background, and what is removed."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from studio import hub, hub_cache
from studio.downloads.items import TITLES, Item
from studio.downloads.queue import OVER, Download
from studio.gate.identity import Identity
from studio.transfer import words
from studio.ui import fields
from studio.ui.events import QUICK, Act, Name, Nothing, served
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates
from studio.ui.island import Island
from studio.ui.schemas import models as schemas
from studio.ui.schemas.models import AllWeights, Weights
from studio.ui.tabs.base import Panel, Tab, TabContext

# Fields that are chosen from what is here.
CHOSEN = ("model", "hires_model", "upscaler", "hires_upscaler")

Answer = dict[str, Any]


class Keyed(TypedDict):
    """One of all that has weights."""

    key: Name


class Models(Tab):
    """The tab; it makes nothing."""

    label = "Models"
    order = 85

    def build(self, context: TabContext) -> Panel:
        return ModelsPanel(context)


class ModelsPanel(Panel):
    """What the script asks of the server; only who may decide about this machine changes anything."""

    def __init__(self, context: TabContext) -> None:
        self.studio = context.studio
        self.form = context.form
        acts: Mapping[str, Act] = {
            "all": self._all,
            "look": self._look,
            "fetch": self._fetch,
            "cancel": self._cancel,
            "dismiss": self._dismiss,
            "remove": self._remove,
        }
        self.widget = Island(
            "models",
            '<section class="models" aria-label="Models"></section>',
            module="models_tab",
            events=("arrive",),
            acts=served(acts, looks=["all", "look"]),
        )

    def wire(self) -> None:
        chosen = {key: one for key, one in self.form.widgets.items() if key.rpartition("/")[2] in CHOSEN}
        model = self.form.widgets["model"]

        def arrive(values: Mapping[Any, Any]) -> Updates:
            now = self.form.model(values[model])
            return {
                widget: gr.update(choices=fields.choices(key.rpartition("/")[2], now, self.studio))
                for key, widget in chosen.items()
            }

        self.widget.arrive(arrive, {model}, list(chosen.values()), **QUICK)

    def _all(self, event: Nothing, who: Identity) -> AllWeights:
        """Everything, with what whoever asks may do."""
        del event
        for known in (self.studio.catalogue, self.studio.controlnets):
            if known.faults:
                known.refresh()
        used, coming = self.studio.used.times(), {one.item.key: one for one in self.studio.downloads.all()}
        items = [_item(item, used.get(item.key), coming.get(item.key), keeps=who.keeps) for item in self.studio.items]
        faults = [*self.studio.catalogue.faults.values(), *self.studio.controlnets.faults.values()]
        return {
            "kinds": [{"id": kind, "title": title} for kind, title in TITLES.items()],
            "items": items,
            "faults": [fault.sentence for fault in faults] if who.keeps else [],
            "here": hub.in_words(sum(item["bytes"] for item in items if item["state"] == "here")),
            "free": hub.in_words(hub_cache.free_bytes(hub_cache.root())),
            "off": hub.is_off(),
            "fetches": self.studio.weights.may_download(who),
            "removes": who.keeps,
        }

    def _look(self, _: Nothing) -> dict[str, list[schemas.Download]]:
        """How far the downloads are."""
        return {"coming": [_coming(one) for one in self.studio.downloads.all()]}

    def _fetch(self, event: Keyed, who: Identity) -> Answer:
        self.studio.weights.download(event["key"], who)
        return {}

    def _cancel(self, event: Keyed, who: Identity) -> Answer:
        self.studio.weights.cancel(event["key"], who)
        return {}

    def _dismiss(self, event: Keyed, who: Identity) -> Answer:
        self.studio.weights.forget(event["key"], who)
        return {}

    def _remove(self, event: Keyed, who: Identity) -> Answer:
        self.studio.weights.remove(self.studio.items[event["key"]], who)
        return {}


def _item(item: Item, used: float | None, download: Download | None, *, keeps: bool) -> Weights:
    here = item.here
    size = item.size_bytes if here else item.download_bytes or 0
    fault = item.fault if here else None
    return {
        "key": item.key,
        "kind": item.kind,
        "id": item.id,
        "name": item.name,
        "summary": item.summary,
        "family": item.family_name,
        "licence": item.licence,
        "page": f"https://huggingface.co/{item.repo}" if item.repo else "",
        "state": "here" if here else "away",
        "bytes": size,
        "size": hub.in_words(size) if size else "",
        "unfinished": hub.in_words(there) if not here and (there := item.unfinished_bytes) else "",
        "used": used,
        "place": str(item.place) if keeps and item.place and not item.comes_along else "",
        "own": item.repo is None or item.comes_along,
        "ours": item.comes_along,
        "fault": fault.sentence if fault else "",
        "coming": _coming(download) if download else None,
    }


def _coming(download: Download) -> schemas.Download:
    progress, fault = download.progress, download.fault
    return {
        "key": download.item.key,
        "name": download.item.name,
        "state": download.state,
        "over": download.state in OVER,
        "line": words(progress).partition(": ")[2],
        "share": progress.bytes / progress.total_bytes if progress.total_bytes else None,
        "fault": fault.sentence if fault else "",
    }


TAB = Models()
