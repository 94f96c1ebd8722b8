"""The picker of models: what each is, what it needs against what is free, how quick it is here; one for all tabs."""

from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import TypedDict

from studio import hub, hub_cache
from studio.backends.base import MemoryUse
from studio.catalogue.models import Model
from studio.errors import StudioError
from studio.gate.identity import Identity
from studio.library.speeds import seconds_by_model
from studio.presets.favourites import Favourites
from studio.studio import Studio
from studio.ui import hosted_choices
from studio.ui.consent import Consent
from studio.ui.events import Act, Event, Name, Nothing, served
from studio.ui.form import Form
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.schemas.model_picker import Fit, PickerModel, PickerModels

# What a picture takes beside the weights, as a part of those: an estimate, for the sizes that models are used at.
BESIDE = 0.2
MINUTE, HOUR = 60, 3600


class OfTab(TypedDict):
    """The tab that is looked at."""

    tab: Name


class Favouring(TypedDict):
    """Whether a model is a favourite."""

    id: Name
    liked: bool


class Fetching(TypedDict):
    """A model to download."""

    key: Name


class Picking(Event):
    """A model that was chosen."""

    id: Name


class ModelPicker:
    """The button that says which model is chosen, and what its panel asks of the server."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.consent = Consent(studio)
        self._favourites = Favourites(studio.database, "models")
        acts: Mapping[str, Act] = {
            "models": self._models,
            "favour": self._favour,
            "fetch": self._fetch,
            "agree": self._agree,
        }
        self.widget = Island(
            f"{Id.FIELD}model",
            '<div class="model-place"></div>',
            module="model_picker",
            events=("pick",),
            acts=served(acts, looks=["models"]),
        )

    def adopt(self, form: Form) -> None:
        """Learn of the form, which knows what each tab does."""
        self.form = form

    def _models(self, event: OfTab, who: Identity) -> PickerModels:
        liked, seconds = self._favourites.names(who), seconds_by_model(self.studio.database)
        use = self.studio.backend.memory_use()
        shared: _Shared = {"liked": liked, "seconds": seconds, "use": use}
        return {
            "models": [self._entry(model, event["tab"], shared) for model in self._all(event["tab"])],
            "memory": _memory_words(use),
            "disk": f"{hub.in_words(hub_cache.free_bytes(hub_cache.root()))} free on the disk",
            "fetches": self.studio.weights.may_download(who) and not hub.is_off(),
        }

    def _all(self, tab: str) -> Iterator[Model]:
        """Those of this machine, then those that others host."""
        yield from self.studio.catalogue.values()
        for _, name in hosted_choices.offered(self.studio, self.form.tasks.get(tab), None):
            yield hosted_choices.choice(self.studio, name)

    def _entry(self, model: Model, tab: str, shared: "_Shared") -> PickerModel:
        hosted = isinstance(model, hosted_choices.HostedChoice)
        here = hosted or self.studio.catalogue.present(model)
        item = None if hosted else self.studio.items.model(model.id)
        coming = item is not None and not here and self.studio.downloads.is_coming(item)
        size = 0 if item is None else (item.size_bytes if here else item.download_bytes or 0)
        needed = int(size * (1 + BESIDE))
        return {
            "id": model.id,
            "name": model.name,
            "family": f"Hosted by {model.endpoint.place}"
            if isinstance(model, hosted_choices.HostedChoice)
            else model.family_facts().name,
            "summary": "" if hosted else model.summary,
            "licence": "" if hosted else model.licence,
            "state": "hosted" if hosted else "here" if here else "coming" if coming else "away",
            "key": item.key if item and not here and item.repo else "",
            "size": hub.in_words(size) if size else "",
            "bytes": size,
            "needs": f"needs about {hub.in_words(needed)}" if size else "",
            "fit": _fit(needed, shared["use"]) if size else "",
            "speed": in_words(shared["seconds"].get(model.id)),
            "liked": model.id in shared["liked"],
            "cannot": self.form.cannot(model.id, tab) if tab in self.form.tasks else "",
            "fault": self._fault(model) if here and not hosted else "",
        }

    def _fault(self, model: Model) -> str:
        """What keeps a model from being used, though it is here."""
        try:
            self.studio.catalogue.check(model)
        except StudioError as fault:
            return fault.sentence
        return ""

    def _favour(self, event: Favouring, who: Identity) -> dict[str, Any]:
        self._favourites.mark(event["id"], who, liked=event["liked"])
        return {}

    def _fetch(self, event: Fetching, who: Identity) -> dict[str, Any]:
        self.studio.weights.download(event["key"], who)
        return {}

    def _agree(self, event: Nothing, who: Identity) -> dict[str, Any]:
        del event
        self.consent.agree(who)
        return {}


class _Shared(TypedDict):
    """What is asked once for all models."""

    liked: frozenset[str]
    seconds: Mapping[str, float]
    use: MemoryUse | None


def in_words(seconds: float | None) -> str:
    """How long a picture takes here; empty where none was made yet."""
    if seconds is None:
        return ""
    if seconds < 1.5 * MINUTE:
        whole = max(1, round(seconds) if seconds < 10 else 5 * round(seconds / 5))
        words = "a minute" if whole >= 55 else "a second" if whole == 1 else f"{whole} seconds"
    elif seconds < 1.5 * HOUR:
        words = f"{round(seconds / MINUTE)} minutes" if seconds < HOUR - MINUTE else "an hour"
    else:
        words = f"{round(seconds / HOUR)} hours"
    return f"about {words} a picture here"


def _free(use: MemoryUse) -> int:
    """What a model could have: what is free, and what the studio holds itself."""
    return min(use.device_bytes, use.device_free + sum(one.device_bytes for one in use.held))


def _fit(needed: int, use: MemoryUse | None) -> Fit:
    """How what is needed goes into what there is: whole, in parts and more slowly, or hardly."""
    if use is None:
        return ""
    return "fits" if needed <= _free(use) else "tight" if needed <= use.device_bytes + (use.ram_free or 0) else "large"


def _memory_words(use: MemoryUse | None) -> str:
    return f"{hub.in_words(_free(use))} of {hub.in_words(use.device_bytes)} memory free for a model" if use else ""
