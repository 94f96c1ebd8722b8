"""The list of words, which whoever runs the studio edits: one file of `presets/prompt-filter/` is one rule.

A file of the same name in the data folder's `presets/prompt-filter/` takes the place of ours.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import InvalidPreset
from studio.parsing import ParseError, fault_words, load_toml
from studio.safety.folding import folded, readings
from studio.safety.prompt_filters.base import Filter
from studio.settings import PRESETS, Settings

FOLDER = "prompt-filter"
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\w")]
Stamp = tuple[tuple[Path, int], ...]


class Rule(BaseModel):
    """Words, or several in a row, that a prompt may not have; a star at the end stands for any ending.

    Where there are words it goes `with`, one of these has to be in the prompt as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=200)]
    words: Annotated[tuple[Word, ...], Field(min_length=1)]
    with_: Annotated[tuple[Word, ...], Field(alias="with")] = ()


@dataclass(frozen=True)
class _Patterns:
    reason: str
    words: re.Pattern[str]
    others: re.Pattern[str] | None

    @classmethod
    def of(cls, rule: Rule) -> "_Patterns":
        return cls(rule.reason, _pattern(rule.words), _pattern(rule.with_) if rule.with_ else None)


class Words(Filter):
    """Finds listed words as whole words, also where they are spelled so as not to be found."""

    def reason(self, prompt: str, settings: Settings) -> str:
        read = readings(prompt)
        for rule in _rules(_stamp(settings)):
            found = _first(rule.words, read)
            if found and (rule.others is None or _first(rule.others, read)):
                return f"{rule.reason} (“{found}”)."
        return ""


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    parts = (re.escape(folded(word.removesuffix("*"))) + (r"\w*" if word.endswith("*") else "") for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")


def _first(pattern: re.Pattern[str], read: Iterable[str]) -> str:
    return next((found[0] for text in read if (found := pattern.search(text))), "")


def _stamp(settings: Settings) -> Stamp:
    """The files that count, each with the time of its last change."""
    folders = (PRESETS / FOLDER, settings.home / "presets" / FOLDER)
    files: Mapping[str, Path] = {path.name: path for folder in folders for path in sorted(folder.glob("*.toml"))}
    return tuple((path, path.stat().st_mtime_ns) for path in files.values())


@lru_cache(maxsize=4)
def _rules(stamp: Stamp) -> tuple[_Patterns, ...]:
    return tuple(_Patterns.of(_read(path)) for path, _ in stamp)


def _read(path: Path) -> Rule:
    try:
        return Rule.model_validate(load_toml(path))
    except ParseError as error:
        raise InvalidPreset(f"{FOLDER}/{path.name} {error.fault}.", "Correct the file, or remove it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InvalidPreset(
            f"{FOLDER}/{path.name}: {key}: {fault_words(first)}.", "A rule has reason, words and with."
        ) from error


FILTER = Words()
