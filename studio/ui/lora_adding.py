"""How LoRAs come in from the page: uploaded, from this disk, from the hub, and from Civitai once that is agreed to."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NotRequired

from pydantic import SecretStr

from studio import hf_space, hub
from studio.catalogue.lora_imports import LoraImports, is_path
from studio.civitai.arriving import Arrivals
from studio.civitai.offers import Offer, Place, offer, place_of
from studio.civitai.site import Site
from studio.errors import Cancelled, DownloadNotAgreed, Refused
from studio.gate.identity import Identity
from studio.hub import Say
from studio.studio import Studio
from studio.ui.events import Act, Name, Saying
from studio.ui.schemas.loras import AddedLora, OfferedFile, Said
from studio.ui.source import File, uploaded


class Adding(Saying):
    """A path of this disk, a place on the hub, or an address of Civitai."""

    what: Name


class Taking(Adding):
    """A file that was offered, by its hash where it is no file of the hub, and a key that was typed for it."""

    sha256: Name
    key: NotRequired[Name]


class LoraAdding:
    """What comes in, for one page; `site` is where files are to be had by an address."""

    def __init__(self, studio: Studio, site: Site) -> None:
        self.studio = studio
        self._site = site
        self._imports = LoraImports(studio.prompt_assets.loras)
        self._arrivals = Arrivals(studio.settings, site, self._imports, studio.inputs)
        # What is said of a file on its way, by the name that the page gave that; and which of them are to end.
        self._messages: dict[str, str] = {}
        self._unwanted: set[str] = set()

    @property
    def acts(self) -> Mapping[str, Act]:
        """What the page may call."""
        return {
            "bring": self._bring,
            "add": self._add,
            "take": self._take,
            "saying": self._saying,
            "stop": self._stop,
        }

    def _bring(self, event: File, who: Identity) -> AddedLora:
        """Take an uploaded file in."""
        self._check_adds(who)
        return {"name": self._imports.add_file(uploaded(self.studio, event["path"]), Path(event["name"]).stem).name}

    def _add(self, event: Adding, who: Identity) -> AddedLora:
        """Take a file of this disk or the hub in; of one at Civitai say what it is, so that it can be agreed to."""
        self._check_adds(who)
        what = event["what"].strip()
        if place := place_of(what, self._site):
            return {"offer": self._offered(self._offer(place, who), who)}
        if is_path(what) and not who.here:
            raise Refused(
                "This studio is served to other machines, so that its page takes no file of this disk by its path.",
                "Upload the file, name a place on the hub, or use: studio loras add FILE",
            )
        if is_path(what):
            return self._coming(event, who, lambda say: {"name": self._imports.add(what, say=say).name})
        return self._coming(event, who, lambda say: self._of_hub(what, say))

    def _of_hub(self, what: str, say: Say) -> AddedLora:
        """Take a file of the hub in; of one of gigabytes say what it is, so that it can be agreed to."""
        found = self._imports.find(what)
        try:
            hub.check_agreed([found.file], found.bytes)
        except DownloadNotAgreed:
            facts: OfferedFile = {
                "title": found.repo,
                "file": found.file,
                "base": "",
                "licence": "",
                "size": hub.in_words(found.bytes),
                "sha256": "",
                "site": "",
                "key": "",
            }
            return {"offer": facts}
        return {"name": self._imports.add_from_hub(found, say=say).name}

    def _take(self, event: Taking, who: Identity) -> AddedLora:
        """Download what was offered, now that somebody agreed to it."""
        self._check_adds(who)
        place = place_of(event["what"], self._site)
        if place is None and not is_path(event["what"]):
            return self._coming(
                event, who, lambda say: {"name": self._imports.add(event["what"].strip(), say=say, agreed=True).name}
            )
        if typed := event.get("key", ""):
            self.studio.hosted.keys.put(who, self._site.name, typed)
        offered = self._offer(place, who) if place else None
        if offered is None or offered.sha256 != event["sha256"]:
            raise Refused("This is not the file that was offered.", "Press Add again, and check what is offered.")
        key = self._key(who)

        def bring(say: Say) -> AddedLora:
            came = self._arrivals.bring(offered, key, say)
            words = "" if came.folder == "loras" else f"{came.name} is {came.sort}, and is now in {came.folder}."
            return {"name": came.name, "said": words}

        return self._coming(event, who, bring)

    def _offer(self, place: Place, who: Identity) -> Offer:
        if not who.keeps:
            raise Refused("Only this studio's operator can download from there.", "Ask the studio's operator.")
        return offer(place, self._site, self._key(who))

    def _offered(self, offered: Offer, who: Identity) -> OfferedFile:
        sidecar, name = offered.sidecar, self._site.name
        return {
            "title": sidecar.title,
            "file": offered.file,
            "base": sidecar.base,
            "licence": sidecar.licence,
            "size": hub.in_words(offered.bytes),
            "sha256": offered.sha256,
            "site": name,
            "key": self.studio.hosted.keys.known(who, {name: self._site.host})[name],
        }

    def _key(self, who: Identity) -> SecretStr | None:
        return self.studio.hosted.keys.of(who, self._site.name, self._site.host)

    def _coming(self, event: Saying, who: Identity, bring: Callable[[Say], AddedLora]) -> AddedLora:
        """Let something come while the page asks how far it is, and may end it."""
        token = f"{who.owner}/{event['token']}"

        def say(words: str) -> None:
            if token in self._unwanted:
                raise Cancelled
            self._messages[token] = words

        self._messages[token] = ""
        try:
            return bring(say)
        except Cancelled:
            return {"stopped": True}
        finally:
            self._messages.pop(token, None)
            self._unwanted.discard(token)

    def _check_adds(self, who: Identity) -> None:
        """Refused where who asks may not: what one adds all others see, and no limit counts the room it takes."""
        if hf_space.name():
            hint = "Deploy the Space with them, or run the studio on a machine of your own."
            raise Refused("LoRAs cannot be added to a running Space.", hint)
        if not self.studio.weights.may_download(who):
            raise Refused("Only this studio's operator can add LoRAs.", "Ask the studio's operator.")

    def _saying(self, event: Saying, who: Identity) -> Said:
        """What is said of a LoRA on its way; nothing while there is nothing to say."""
        return {"said": self._messages.get(f"{who.owner}/{event['token']}", "")}

    def _stop(self, event: Saying, who: Identity) -> dict[str, str]:
        """End what is said of that LoRA; one that is there already stays."""
        token = f"{who.owner}/{event['token']}"
        if token in self._messages:
            self._unwanted.add(token)
        return {}
