"""Nothing of gigabytes is downloaded for a page before somebody said yes to it."""

from collections.abc import Iterable, Sequence

from studio.downloads.items import Item
from studio.errors import DownloadNotAgreed, NotDownloaded
from studio.gate.identity import Identity
from studio.recipe import Recipe
from studio.studio import Studio

# Who looks at a page; a program said what it wants.
PEOPLE = ("browser", "account")


class Consent:
    """Asks once for what is large, and begins it where that is agreed to: what is on its way needs no further yes."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._pending: dict[str, list[str]] = {}

    def check(self, recipes: Sequence[Recipe], who: Identity, *, asks: bool = False) -> None:
        """ModelError where these pictures need a download of gigabytes that has not begun.

        It is DownloadNotAgreed where the page `asks` then, and goes on with a yes.
        """
        if who.kind in PEOPLE and self._studio.weights.may_download(who):
            mine = self._studio.of(who)
            resolved = [single for recipe in recipes for single in mine.resolve(recipe)]
            self.check_items(self._studio.needs.of(resolved), who, asks=asks)

    def check_items(self, items: Iterable[Item], who: Identity, *, asks: bool = False) -> None:
        """As `check`, of what is needed."""
        if who.kind not in PEOPLE or not self._studio.weights.may_download(who):
            return
        missing, downloads = self._studio.needs.missing(items), self._studio.downloads
        try:
            downloads.check_agreed(missing)
        except DownloadNotAgreed as error:
            self._pending[who.owner] = [item.key for item in missing if not downloads.is_coming(item)]
            cure = "Agree to that in the Models tab first, or choose another model."
            raise (DownloadNotAgreed if asks else NotDownloaded)(error.message, cure) from error

    def agree(self, who: Identity) -> None:
        """Begin what was asked for last; StudioError where that cannot be."""
        for key in self._pending.pop(who.owner, ()):
            self._studio.weights.download(key, who)
