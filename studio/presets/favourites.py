"""What creators like best, by sort and name: one file in the home."""

import json
from pathlib import Path
from threading import Lock

from studio.atomic_files import AtomicFolder
from studio.errors import Unreadable
from studio.parsing import ParseError, load_json


class Favourites:
    """The favourites of one sort, such as "loras"."""

    def __init__(self, home: Path, sort: str) -> None:
        self._path = home / "favourites.json"
        self._sort = sort
        self._lock = Lock()

    def names(self) -> frozenset[str]:
        """All of them; Unreadable where the file cannot be read."""
        return frozenset(self._all().get(self._sort, ()))

    def mark(self, name: str, *, liked: bool) -> None:
        """Make it one, or no more one; StorageError where that cannot be written down."""
        with self._lock:
            every = self._all()
            names = {*every.get(self._sort, ())} - {name} | ({name} if liked else set())
            text = json.dumps({**every, self._sort: sorted(names)}, ensure_ascii=False, indent=1).encode()
            AtomicFolder(self._path.parent).write(self._path, lambda file: file.write(text))

    def _all(self) -> dict[str, list[str]]:
        try:
            stored = load_json(self._path)
            return {str(sort): [str(name) for name in names] for sort, names in stored.items()}
        except ParseError as error:
            if error.missing:
                return {}
            raise Unreadable(f"{self._path} {error.fault}.", "Mend it, or remove it.") from error
        except (TypeError, AttributeError) as error:
            raise Unreadable(f"{self._path} holds no lists of names.", "Mend it, or remove it.") from error
