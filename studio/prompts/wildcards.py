"""Lists of words to draw from: `colours.txt` is `__colours__`, one entry a line.

A line may hold whatever a prompt may; `2::red` is drawn twice as often as a line without a number. What is empty or
begins with # does not count.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from studio.disk import visible
from studio.errors import InvalidPreset
from studio.parsing import ParseError, decode, read_bytes
from studio.settings import PRESETS
from studio.spelling import apart, folded, normalized

# A million entries; a list is read whole for each prompt that draws from it.
MOST_BYTES = 20 * 2**20
# In what other tools keep lists, too.
UNREAD = (".yaml", ".yml", ".json")


class Wildcards:
    """The project's lists, then those in `folders` (such as the home's); of two with one name the later counts.

    What `is_lora` says of a name keeps its mention from being drawn from a list.
    """

    def __init__(self, *folders: Path, is_lora: Callable[[str], bool] | None = None) -> None:
        self.is_lora = is_lora or nothing
        self._folders = (PRESETS / "wildcards", *folders)

    def files(self) -> Mapping[str, Path]:
        """Every list by name, as they are now; a folder's are named `folder/name`."""
        found: dict[str, Path] = {}
        for folder in self._folders:
            here: dict[str, Path] = {}
            for path in visible(folder, ".txt", below=True):
                name = path.relative_to(folder).with_suffix("").as_posix()
                if not path.is_dir():
                    # Two may differ in the form of their accents alone; whoever calls them is told.
                    here[apart(name) if normalized(name) in here else normalized(name)] = path
            found |= here
        return dict(sorted(found.items()))

    def faults(self) -> Mapping[str, InvalidPreset]:
        """What is wrong with the lists that cannot be read, by name; the others are not touched by it."""
        found: dict[str, InvalidPreset] = {}
        for path in (path for folder in self._folders for path in visible(folder, *UNREAD, below=True)):
            cure = "Write each of its lists as a text file of its own, a line for each entry."
            found[normalized(path.name)] = InvalidPreset(f"{path} is not read: lists are .txt files here.", cure)
        for name, path in self.files().items():
            try:
                lines_of(path)
            except InvalidPreset as error:
                found[name] = error
        return found


def nothing(name: str) -> bool:
    """Whether a name is known where none is."""
    del name
    return False


def matching(name: str, files: Mapping[str, Path]) -> tuple[str, ...]:
    """The names that `name` stands for: * is anything, folders included; case and the file's ending do not count."""
    name = normalized(name)
    if name in files:
        return tuple(known for known in files if normalized(known) == name)
    wanted = {folded(name), folded(name).removesuffix(".txt")}
    if same := tuple(known for known in files if folded(known) in wanted):
        return same
    pattern = ".*".join(map(re.escape, folded(name).split("*")))
    return tuple(known for known in files if "*" in name and re.fullmatch(pattern, folded(known)))


def lines_of(path: Path) -> tuple[tuple[int, str], ...]:
    """The lines that count, each with its number; InvalidPreset where the file cannot be read."""
    try:
        lines = decode(read_bytes(path, MOST_BYTES)).splitlines()
    except ParseError as error:
        raise InvalidPreset(f"{path} {error.fault}.", error.cure) from error
    stripped = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return tuple((number, line) for number, line in stripped if line and not line.startswith("#"))
