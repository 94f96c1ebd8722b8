"""What is downloaded and taken off the disk, and who may let that happen."""

from collections.abc import Callable, Iterable, Sequence

from studio.downloads.items import Item, Items
from studio.downloads.needs import Needs
from studio.downloads.queue import Downloads, Errand, OnNews
from studio.errors import InUse, InvalidRecipe, Refused
from studio.gate.identity import Identity
from studio.hub import Say, silent
from studio.recipe import ResolvedRecipe


class Weights:
    """The items of a studio as those who ask may use them.

    `shared` says whether all who may make pictures may download; `wanted` are the recipes of unfinished jobs, and
    `unload` takes a model out of memory, if nobody has it.
    """

    def __init__(
        self,
        items: Items,
        needs: Needs,
        downloads: Downloads,
        *,
        shared: bool,
        wanted: Callable[[], Iterable[Sequence[ResolvedRecipe]]],
        unload: Callable[[str], bool],
    ) -> None:
        self._items = items
        self._needs = needs
        self._downloads = downloads
        self._shared = shared
        self._wanted = wanted
        self._unload = unload

    def may_download(self, who: Identity) -> bool:
        """Whether who asks may let this studio download, and end what is on its way."""
        return who.keeps or (self._shared and who.creates)

    def check(self, missing: Sequence[Item], who: Identity) -> None:
        """InvalidRecipe where one of these would have to be downloaded, and who asks may not let it; DownloadNotAgreed
        where that would be gigabytes, and nobody has agreed to them.
        """
        if self.may_download(who):
            self._downloads.check_agreed(missing)
            return
        for item in missing:
            if not self._downloads.is_coming(item):
                raise InvalidRecipe(
                    item.field,
                    f"{item.name} is not on the studio's machine.",
                    "Choose another, or ask the studio's operator to download it.",
                )

    def bring(self, items: Sequence[Item], who: Identity, say: Say = silent) -> None:
        """Return when these are here; `say` hears of what is downloaded. Else as `check`."""
        missing = self._needs.missing(items)
        self.check(missing, who)
        if missing:
            self._downloads.wait_for(missing, say)

    def fetch(self, recipes: Sequence[ResolvedRecipe], on_news: OnNews) -> Errand | None:
        """Begin to download what these recipes need; None where all of it is here."""
        missing = self._needs.missing(self._needs.of(recipes))
        return self._downloads.fetch(missing, on_news) if missing else None

    def download(self, key: str, who: Identity) -> None:
        """Fetch an item in the background; Refused where who asks may not let it, ModelError where there is none."""
        if not self.may_download(who):
            raise _forbidden("download weights")
        self._downloads.start(self._items[key])

    def cancel(self, key: str, who: Identity) -> None:
        """End the download of an item, for everybody who wants it; Refused where who asks may not."""
        if not self.may_download(who):
            raise _forbidden("cancel downloads")
        self._downloads.cancel(key)

    def forget(self, key: str, who: Identity) -> None:
        """Say no more of a download that is over; nothing where who asks may not download."""
        if self.may_download(who):
            self._downloads.forget(key)

    def remove(self, item: Item, who: Identity) -> None:
        """Take an item off the disk; Refused where who asks may not, InUse where something needs it."""
        if not who.keeps:
            raise _forbidden("remove weights")
        if item.key in {used.key for recipes in self._wanted() for used in self._needs.of(recipes)}:
            raise InUse(f"{item.name} is in use: a job needs it.", "Wait for the job, or stop it first.")
        if self._downloads.is_coming(item):
            raise InUse(f"{item.name} is being downloaded.", "Cancel that first.")
        if item.kind == "model" and not self._unload(item.id):
            raise InUse(f"{item.name} is in use.", "Try again when it is done.")
        item.remove()


def _forbidden(act: str) -> Refused:
    return Refused(f"Only this studio's operator can {act}.", "Ask them, or run a studio of your own.")
