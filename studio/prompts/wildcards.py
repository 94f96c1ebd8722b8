"""Lists of words to draw from: `colours.txt` is `__colours__`, one entry a line.

A line may hold whatever a prompt may; `2::red` is drawn twice as often as a line without a number. What is empty or
begins with # does not count.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from studio.errors import PresetError
from studio.settings import PRESETS


class Wildcards:
    """The project's lists, then those in `folders` (such as the home's); of two with one name the later counts."""

    def __init__(self, *folders: Path) -> None:
        self._folders = (PRESETS / "wildcards", *folders)

    def files(self) -> Mapping[str, Path]:
        """Every list by name, as they are now; a folder's are named `folder/name`."""
        found = (
            (path.relative_to(folder).with_suffix("").as_posix(), path)
            for folder in self._folders
            for path in sorted(folder.rglob("*.txt"))
        )
        return dict(sorted(dict(found).items()))


def matching(name: str, files: Mapping[str, Path]) -> tuple[str, ...]:
    """The names that `name` stands for: * is anything, folders included; case does not count."""
    return tuple(known for known in files if fnmatchcase(known.casefold(), name.casefold()))


def lines_of(path: Path) -> tuple[tuple[int, str], ...]:
    """The lines that count, each with its number; PresetError where the file cannot be read."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise PresetError(f"{path} is not UTF-8 text.", "Save it as UTF-8, or remove it.") from error
    except OSError as error:
        raise PresetError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    stripped = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return tuple((number, line) for number, line in stripped if line and not line.startswith("#"))
