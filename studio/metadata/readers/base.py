"""The contract of a reader: from the texts of a file to the settings that one tool wrote there."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.metadata.file_texts import FileTexts
from studio.metadata.foreign_names import scheduler
from studio.metadata.imported import ImportedSettings, known, left_out, stem


@dataclass(frozen=True)
class Reader:
    """What reads one tool's texts: `read` gives None where the texts are not of this tool.

    Those of a low `rank` are asked first: texts that only one tool writes come before those that many write.
    """

    tool: str
    read: Callable[[FileTexts], ImportedSettings | None]
    rank: int = 50


@dataclass
class Flat:
    """A tool's settings in one mapping, while they are taken out of it: what nobody takes is left over.

    A key is matched without case. A value that says nothing (None, an empty text) counts as absent.
    """

    given: Mapping[str, Any]
    left: list[str] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._keys = {str(key).casefold(): str(key) for key in self.given}
        self._taken: set[str] = set()

    def take(self, *names: str) -> Any:
        """The value of the first of these names that says something; all of them count as read."""
        keys = [self._keys[name.casefold()] for name in names if name.casefold() in self._keys]
        self._taken.update(keys)
        return next((value for key in keys if (value := self.given[key]) not in (None, "")), None)

    def text(self, *names: str) -> str | None:
        """The same as a text, where it is one."""
        value = self.take(*names)
        return value if isinstance(value, str) else None

    def fields(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Recipe fields by their foreign names."""
        return known({ours: self.take(*theirs.split("|")) for ours, theirs in names.items()})

    def scheduler(self, sampler: str, schedule: str = "") -> dict[str, str]:
        """The scheduler that these keys name."""
        name, plan = self.take(*sampler.split("|")), self.take(*schedule.split("|"))
        if not isinstance(name, str):
            return {}
        ours, why = scheduler(name, plan if isinstance(plan, str) else "")
        self.left += [why] if why else []
        return {"scheduler": ours}

    def model(self, *names: str, digest: str = "") -> dict[str, str]:
        """The model that these keys name, with its hash where that is given."""
        name, hash_ = self.take(*names), self.take(digest) if digest else None
        if not isinstance(name, str) or name in ("None", "none"):
            return {}
        if isinstance(hash_, str):
            self.hashes[stem(name)] = hash_
        return {"model": stem(name)}

    def leave(self, why: str, *names: str) -> None:
        """Say of these keys, where they are there, why they are left out."""
        for name in names:
            if not _says_nothing(value := self.take(name)):
                self.left.append(left_out(name, value, why))

    def ignore(self, names: Iterable[str]) -> None:
        """These keys set nothing that anybody would miss."""
        self.take(*names)

    def rest(self) -> list[str]:
        """What nobody took, a line each."""
        others = {key: value for key, value in self.given.items() if str(key) not in self._taken}
        return [left_out(str(key), value) for key, value in others.items() if not _says_nothing(value)]

    def imported(self, values: Mapping[str, Any], tool: str, version: str = "") -> ImportedSettings:
        """All of it together."""
        return ImportedSettings(values, (*self.left, *self.rest()), tool, version, self.hashes)


def seed(value: Any) -> Any:
    """The seed; None where it stands for any."""
    try:
        return None if int(value) < 0 else value
    except (TypeError, ValueError, OverflowError):
        return value


def loras(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """The list of LoRAs, from names and weights; nothing where there are none."""
    found = [
        {"name": stem(name)} | ({} if weight is None else {"weight": weight})
        for name, weight in pairs
        if isinstance(name, str) and stem(name) not in ("", "None")
    ]
    by_name = {one["name"]: one for one in found}
    return {"loras": list(by_name.values())} if by_name else {}


def _says_nothing(value: Any) -> bool:
    return value in (None, "", "None", "none", False, 0, -1) or (isinstance(value, list | dict) and not value)
