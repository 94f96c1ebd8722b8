"""The library of LoRAs on the page: what is told of each file, its small picture, favourites and notes."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from studio import hf_space, hub
from studio.catalogue.loras import LoraFile
from studio.catalogue.models import Model
from studio.civitai.looking_up import LookUp
from studio.errors import ModelError, Refused
from studio.families import FAMILIES
from studio.gate.identity import Identity
from studio.presets.favourites import MOST_NOTED, Favourites, FileNotes
from studio.studio import Studio
from studio.ui.events import Act, Name
from studio.ui.form import Form
from studio.ui.lora_adding import LoraAdding
from studio.ui.pictures import thumbnail
from studio.ui.schemas.loras import LoraDetails, LoraEntry, LoraFacts, LoraLibrary

SIDE = 192
# As much of the notes is told with each card; the rest when it is opened.
NOTES = 160


class Modelled(TypedDict):
    """For which model."""

    model: Name | None


class Several(TypedDict):
    """Files by their names."""

    names: Annotated[list[Name], Field(max_length=1000)]


class One(TypedDict):
    """A file by its name."""

    name: Name


class Favouring(One):
    """Whether a file is a favourite."""

    liked: bool


class Noting(One):
    """What is noted of a file."""

    text: Annotated[str, StringConstraints(max_length=MOST_NOTED)]


# What of the acts only looks.
LOOKS = ("library", "pictures", "details", "saying")


class LoraBrowser:
    """The library, for one page."""

    def __init__(self, studio: Studio, form: Form) -> None:
        self.studio = studio
        self.form = form
        self._loras = studio.prompt_assets.loras
        self._favourites = Favourites(studio.database, "loras")
        self._notes = FileNotes(studio.database, "loras")
        self._look_up = LookUp(studio.settings, studio.inputs)
        self._site = self._look_up.site
        self._adding = LoraAdding(studio, self._site)

    @property
    def acts(self) -> Mapping[str, Act]:
        """What the page may call."""
        return {
            "library": self._library,
            "pictures": self._pictures,
            "details": self._details,
            "favour": self._favour,
            "note": self._note,
            "identify": self._identify,
            **self._adding.acts,
        }

    def card(self, name: str, model: Model) -> LoraFacts:
        """What is told of a LoRA in the stack, and what keeps it from being put on this model."""
        try:
            file = self._loras.for_model(name, model)
        except ModelError as error:
            return {"fault": error.sentence, "words": [], "picture": ""}
        return {"fault": "", "words": list(file.trigger_words), "picture": self._picture(file)}

    def _library(self, event: Modelled, who: Identity) -> LoraLibrary:
        """All LoRAs, told for this model; the small pictures are asked for apart."""
        self._loras.refresh()
        model, liked, noted = self.form.model(event["model"]), self._favourites.names(who), self._notes.all()
        used = {facet.name: facet for facet in self.studio.index.facets(who)["lora"]}
        return {
            "loras": [
                {
                    **self._entry(file, model),
                    "liked": file.name in liked,
                    "noted": noted.get(file.name, ""),
                    "used": used[file.name].count if file.name in used else 0,
                    "term": used[file.name].term if file.name in used else "",
                }
                for file in self._loras.values()
            ],
            "faults": [error.sentence for error in self._loras.faults.values()],
            "disk": who.here,
            "keeps": who.keeps,
            "site": self._site.name if who.keeps and not hf_space.name() else "",
        }

    def _entry(self, file: LoraFile, model: Model) -> LoraEntry:
        unusable = file.why_not()
        return {
            "name": file.name,
            "family": FAMILIES[file.family].name if file.family else "",
            "fits": file.fits(model.family) and not unusable,
            "fault": str(unusable) if unusable else "",
            "rank": file.rank,
            "size": hub.in_words(file.bytes),
            "bytes": file.bytes,
            "added": file.path.stat().st_mtime,
            "words": list(file.trigger_words),
            "notes": file.notes[:NOTES],
        }

    def _pictures(self, event: Several) -> dict[str, dict[str, str]]:
        """The addresses of small pictures; empty for a file that has none."""
        known = (name for name in event["names"] if name in self._loras)
        return {"pictures": {name: self._picture(self._loras[name]) for name in known}}

    def _picture(self, file: LoraFile) -> str:
        return thumbnail(self.studio, file.thumbnail, SIDE) if file.thumbnail else ""

    def _details(self, event: One, who: Identity) -> LoraDetails:
        """What is seldom asked about a file; its hash is computed for it."""
        return self._details_of(self._loras[event["name"]], who)

    def _identify(self, event: One, who: Identity) -> LoraDetails:
        """Look a file up by its hash, which is all that is sent, and tell of it what came back."""
        if not who.keeps:
            raise Refused("Only this studio's operator can look up LoRAs.", "Ask the studio's operator.")
        file = self._loras[event["name"]]
        self._look_up.look_up(file, self._loras.digest(file.path))
        return self._details_of(file, who)

    def _details_of(self, file: LoraFile, who: Identity) -> LoraDetails:
        sidecar = file.sidecar
        return {
            "title": sidecar.title,
            "base": sidecar.base,
            "licence": sidecar.licence,
            "page": sidecar.page,
            "asks": self._site.name if who.keeps and self._look_up.takes(file) else "",
            "notes": file.notes,
            "format": file.format,
            "alpha": file.alpha,
            "tensors": file.tensors,
            "sha256": self._loras.digest(file.path),
            "path": str(file.path) if who.here else file.path.name,
        }

    def _favour(self, event: Favouring, who: Identity) -> dict[str, str]:
        self._favourites.mark(event["name"], who, liked=event["liked"])
        return {}

    def _note(self, event: Noting, who: Identity) -> dict[str, str]:
        self._notes.write(self._loras[event["name"]].name, event["text"], who)
        return {}
