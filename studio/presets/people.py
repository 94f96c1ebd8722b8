"""Whose presets are whose: those of all, and beside them those that an account saved, which are its own."""

import threading
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path

from studio import hf_space
from studio.atomic_files import AtomicFolder
from studio.errors import AlreadyExists, NotFound, Refused
from studio.gate.identity import Identity, check_creates
from studio.presets import saving
from studio.presets.reading import Presets

# In the data folder: a folder for each account, which has presets as the data folder itself has.
PEOPLE = "people"
# What `Presets` calls what is read from the folder of this name.
SORTS = {"recipes": "recipes", "styles": "styles", "negative": "negatives", "stacks": "stacks"}
PRESETS = "presets"
# Of how many people what was read is kept.
MOST_KNOWN = 256


class PeoplesPresets:
    """The presets of one data folder. `shared` are those of all: the project's, and the folder's own.

    Without accounts, what is saved is everybody's who reaches the studio. Safe to call from any thread.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.shared = Presets(home / PRESETS)
        self._known: OrderedDict[str, Presets] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, who: Identity) -> Presets:
        """What who asks may use; of two with one id, their own counts."""
        if who.kind != "account":
            return self.shared
        with self._lock:
            found = self._known.get(who.owner)
            if found is None:
                found = self._known[who.owner] = self.shared.with_folder(self.home(who) / PRESETS)
            self._known.move_to_end(who.owner)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
            return found

    def home(self, who: Identity) -> Path:
        """The folder in whose `presets` lies what who asks saves."""
        if who.kind != "account":
            return self._home
        return self._home / PEOPLE / sha256(who.owner.encode()).hexdigest()[:32]

    def holder(self, who: Identity, sort: str, id: str) -> Path | None:  # noqa: A002
        """In which of these folders a preset lies that who asks may delete: their own, or, for an admin, all's."""
        homes = dict.fromkeys([self.home(who), *([self._home] if who.keeps else [])])
        return next((home for home in homes if _file(home, sort, id).is_file()), None)

    def remove(self, who: Identity, sort: str, id: str) -> None:  # noqa: A002
        """Delete a saved preset that who asks may delete; NotFound where there is none."""
        saving.remove(self.holder(who, sort, id) or self.home(who), sort, id)
        self.refresh(who)

    def refresh(self, who: Identity) -> None:
        """Read what is new or changed for who asks."""
        self.of(who).refresh()

    def share(self, who: Identity, sort: str, id: str) -> None:  # noqa: A002
        """Give a preset of one's own to all; Refused, NotFound, AlreadyExists where all have one of this id."""
        if not who.keeps:
            raise Refused("Only an admin can share a preset with everybody.", "Ask the studio's operator.")
        own, new = _file(self.home(who), sort, id), _file(self._home, sort, id)
        if own == new or not own.is_file():
            raise NotFound("There is no such preset of your own.", "Choose another one.")
        self.shared.refresh()
        if id in getattr(self.shared, SORTS[sort]):
            raise AlreadyExists("Everybody has a preset of this name.", "Save yours under another name first.")
        text = own.read_bytes()
        AtomicFolder(new.parent).write(new, lambda file: file.write(text))
        own.unlink()
        self.shared.refresh()
        self.refresh(who)


def _file(home: Path, sort: str, id: str) -> Path:  # noqa: A002
    """Where a preset lies, by its id; nowhere where that is a way to another folder."""
    return home / PRESETS / sort / f"{id if Path(id).name == id else ''}.toml"


def check_saves(who: Identity) -> None:
    """Refused where who asks may save no preset: a viewer, or a stranger of a Space, whom all others would read."""
    check_creates(who)
    if hf_space.name() and who.kind != "account":
        hint = "Sign in, or run the studio on a machine of your own to keep some."
        raise Refused("On a Space, only people who have signed in can save presets.", hint)
