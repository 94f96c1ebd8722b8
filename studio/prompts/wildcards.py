"""Lists of words to draw from: `colours.txt` is `__colours__`, one entry a line; a YAML or JSON file holds several.

An entry may hold whatever a prompt may; `2::red` is drawn twice as often as one without a number. What is empty or
begins with # does not count.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.atomic_files import visible
from studio.errors import InvalidPreset
from studio.parsing import ParseError, decode, read_bytes
from studio.prompts.structured_lists import ENDINGS, Entry, StructuredFile, read_lists
from studio.settings import PRESETS
from studio.shorthand import apart, folded, normalized

# A million entries; a list is read whole for each prompt that draws from it.
MOST_BYTES = 20 * 2**20


@dataclass(frozen=True)
class WordList:
    """A list: a file of text, which is read when it is drawn from, or the `held` entries of another file."""

    name: str
    path: Path
    held: tuple[Entry, ...] | None = None

    def entries(self) -> tuple[Entry, ...]:
        """The entries that count; InvalidPreset where the file cannot be read."""
        return _lines_of(self.path) if self.held is None else self.held

    def place(self, entry: int) -> str:
        """Where an entry stands, for a fault in it."""
        if self.held is None:
            return f"{self.name}.txt, line {entry}"
        return f"{self.path.name}, {'entry' if self.path.suffix.lower() == '.json' else 'line'} {entry} ({self.name})"


# What a YAML or JSON file is, or why it is none, for as long as it stays as it is.
_Read = tuple[tuple[int, int], StructuredFile | InvalidPreset]


class Wildcards:
    """The project's lists, then those in `folders` (such as the home's); of two with one name the later counts.

    What `is_lora` says of a name keeps its mention from being drawn from a list.
    """

    def __init__(self, *folders: Path, is_lora: Callable[[str], bool] | None = None) -> None:
        self.is_lora = is_lora or nothing
        self._folders = (PRESETS / "wildcards", *folders)
        self._read: dict[Path, _Read] = {}

    def files(self) -> Mapping[str, WordList]:
        """Every list by name, as they are now; a folder's are named `folder/name`."""
        found: dict[str, WordList] = {}
        for folder in self._folders:
            here: dict[str, WordList] = {}
            for path in visible(folder, ".txt", below=True):
                name = path.relative_to(folder).with_suffix("").as_posix()
                if not path.is_dir():
                    # Two may differ in the form of their accents alone; whoever calls them is told.
                    name = apart(name) if normalized(name) in here else normalized(name)
                    here[name] = WordList(name, path)
            for one in self._structured(folder):
                here.setdefault(one.name, one)
            found |= here
        return dict(sorted(found.items()))

    def faults(self) -> Mapping[str, InvalidPreset]:
        """What is wrong with lists, by name; the others are not touched by it."""
        found: dict[str, InvalidPreset] = {}
        for path in (path for folder in self._folders for path in visible(folder, *ENDINGS, below=True)):
            read = self._of(path)
            faults = (read,) if isinstance(read, InvalidPreset) else read.faults
            found |= {f"{normalized(path.name)}:{number}": fault for number, fault in enumerate(faults)}
        for name, one in self.files().items():
            try:
                one.entries()
            except InvalidPreset as error:
                found[name] = error
        return found

    def _structured(self, folder: Path) -> Iterable[WordList]:
        """The lists in a folder's YAML and JSON files, by their keys and the folder that the file is in."""
        for path in visible(folder, *ENDINGS, below=True):
            read = self._of(path)
            if isinstance(read, StructuredFile):
                above = normalized(path.parent.relative_to(folder).as_posix())
                for name, entries in read.lists.items():
                    yield WordList(name if above == "." else f"{above}/{name}", path, entries)

    def _of(self, path: Path) -> StructuredFile | InvalidPreset:
        """What the file holds; it is read once for as long as it stays as it is."""
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if path not in self._read or self._read[path][0] != stamp:
                self._read[path] = (stamp, read_lists(path))
        except InvalidPreset as error:
            self._read[path] = (stamp, error)
        except OSError as error:
            return InvalidPreset(f"{path} cannot be read: {error.strerror}.", "Check its permissions.")
        return self._read[path][1]


def nothing(name: str) -> bool:
    """Whether a name is known where none is."""
    del name
    return False


def matching(name: str, files: Mapping[str, WordList]) -> tuple[str, ...]:
    """The names that `name` stands for: * is anything, folders included; case and the file's ending do not count."""
    name = normalized(name)
    if name in files:
        return tuple(known for known in files if normalized(known) == name)
    wanted = {folded(name), folded(name).removesuffix(".txt")}
    if same := tuple(known for known in files if folded(known) in wanted):
        return same
    pattern = ".*".join(map(re.escape, folded(name).split("*")))
    return tuple(known for known in files if "*" in name and re.fullmatch(pattern, folded(known)))


def _lines_of(path: Path) -> tuple[Entry, ...]:
    try:
        lines = decode(read_bytes(path, MOST_BYTES)).splitlines()
    except ParseError as error:
        raise InvalidPreset(f"{path} {error.fault}.", error.cure) from error
    stripped = (Entry(number, line.strip()) for number, line in enumerate(lines, start=1))
    return tuple(entry for entry in stripped if entry.text and not entry.text.startswith("#"))
