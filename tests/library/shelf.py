"""A library with an index, filled by hand: pictures of recipes, saved and recorded as a job does it."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.gate.identity import Identity
from studio.library import Entry, Library, LibraryIndex
from studio.recipe import ResolvedRecipe
from studio.settings import Settings
from tests.drawer import picture, resolved
from tests.people import who

ANN, BOB = who("ann"), who("bob", here=False, address="192.0.2.7")
NUMBERS = itertools.count()


class Shelf:
    """The index of a data folder, and the library that saves into it."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.settings = Settings.load(home=home, **settings)
        self.index = LibraryIndex.of(self.settings)
        self.library = Library(self.settings.folder("images"), self.index)
        self.folder = self.library.folder

    def save(
        self, prompt: str = "a house", owner: Identity = ANN, recipe: ResolvedRecipe | None = None, **changes: Any
    ) -> Entry:
        """Save a picture of its own noise, unless the recipe says another seed, as item 0 of a new job."""
        number = next(NUMBERS)
        made = recipe or resolved(prompt, seed=changes.pop("seed", number), side=16)
        made = made.changed(**changes) if changes else made
        saved = self.library.save(
            picture(made), made, {}, seconds=0.5, job=f"job{number}", index=0, kind="images", who=owner
        )
        self.library.record(saved, owner, lambda: None)
        found = self.index.at(saved.path, owner)
        assert found
        return found

    def found(self, search: str, owner: Identity = ANN) -> list[str]:
        """The prompts of what a search finds, newest first."""
        return [entry.prompt for entry in self.index.search(search, owner).entries]

    def again(self) -> "Shelf":
        """The same data folder, opened anew."""
        return Shelf(self.settings.home)


def prompts(entries: Sequence[Entry]) -> list[str]:
    return [entry.prompt for entry in entries]
