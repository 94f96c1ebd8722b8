"""The library of LoRAs on the page: what is told of each file, its small picture, favourites, and how more come in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from studio import hf_space, hub
from studio.catalogue.lora_imports import LoraImports, is_path
from studio.catalogue.loras import LoraFile
from studio.catalogue.models import Model
from studio.civitai import Civitai
from studio.errors import Cancelled, ModelError, Refused
from studio.families import FAMILIES
from studio.gate.identity import Identity
from studio.presets.favourites import MOST_NOTED, Favourites, FileNotes
from studio.studio import Studio
from studio.ui.events import Act, Name, Saying
from studio.ui.form import Form
from studio.ui.pictures import thumbnail
from studio.ui.schemas.loras import AddedLora, LoraDetails, LoraEntry, LoraFacts, LoraLibrary, Said
from studio.ui.source import File, uploaded

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


class Adding(Saying):
    """A path of this disk or a place on the hub."""

    what: Name


class LoraBrowser:
    """The library, for one page."""

    def __init__(self, studio: Studio, form: Form) -> None:
        self.studio = studio
        self.form = form
        self._loras = studio.prompt_assets.loras
        self._favourites = Favourites(studio.database, "loras")
        self._notes = FileNotes(studio.database, "loras")
        self._imports = LoraImports(self._loras)
        self._civitai = Civitai(studio.settings, studio.inputs)
        # What is said of a LoRA on its way, by the name that the page gave that; and which of them are to end.
        self._messages: dict[str, str] = {}
        self._unwanted: set[str] = set()

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
            "bring": self._bring,
            "add": self._add,
            "saying": self._saying,
            "stop": self._stop,
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
            raise Refused("Only whoever runs this studio looks LoRAs up here.", "Ask for it there.")
        file = self._loras[event["name"]]
        self._civitai.look_up(file, self._loras.digest(file.path))
        return self._details_of(file, who)

    def _details_of(self, file: LoraFile, who: Identity) -> LoraDetails:
        sidecar = file.sidecar
        return {
            "title": sidecar.title,
            "base": sidecar.base,
            "licence": sidecar.licence,
            "page": sidecar.page,
            "asks": self._civitai.name if who.keeps and self._civitai.takes(file) else "",
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

    def _bring(self, event: File) -> AddedLora:
        """Take an uploaded file in."""
        _check_private()
        return {"name": self._imports.add_file(uploaded(self.studio, event["path"]), Path(event["name"]).stem).name}

    def _add(self, event: Adding, who: Identity) -> AddedLora:
        """Take a file of this disk in, or one from the hub; a name is answered only where it came."""
        _check_private()
        what, token = event["what"].strip(), f"{who.owner}/{event['token']}"
        if is_path(what) and not who.here:
            raise Refused(
                "This studio is served to other machines, so that its page takes no file of this disk by its path.",
                "Upload the file, name a place on the hub, or use: studio loras add FILE",
            )

        def say(words: str) -> None:
            if token in self._unwanted:
                raise Cancelled
            self._messages[token] = words

        self._messages[token] = ""
        try:
            return {"name": self._imports.add(what, say=say).name}
        except Cancelled:
            return {"stopped": True}
        finally:
            self._messages.pop(token, None)
            self._unwanted.discard(token)

    def _saying(self, event: Saying, who: Identity) -> Said:
        """What is said of a LoRA on its way; nothing while there is nothing to say."""
        return {"said": self._messages.get(f"{who.owner}/{event['token']}", "")}

    def _stop(self, event: Saying, who: Identity) -> dict[str, str]:
        """End what is said of that LoRA; one that is there already stays."""
        token = f"{who.owner}/{event['token']}"
        if token in self._messages:
            self._unwanted.add(token)
        return {}


def _check_private() -> None:
    """Strangers share a Space: what one brought there, all others would see, and it would fill its disk."""
    if hf_space.name():
        hint = "Deploy the Space with them, or run the studio on a machine of your own."
        raise Refused("LoRAs are not added to a running Space.", hint)
