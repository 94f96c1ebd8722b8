"""Styles from elsewhere, saved among one's own: A1111's styles.csv and the JSON lists of Fooocus."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studio.errors import AlreadyExists, InvalidPreset, InvalidPrompt
from studio.parsing import ParseError, decode, parse_json, read_bytes
from studio.presets import saving
from studio.presets.reading import Presets, StylePreset, read_toml
from studio.prompts.parser import parse
from studio.prompts.view import explain
from studio.prompts.wildcards import Wildcards
from studio.suggestions import did_you_mean

FOLDER = "styles"
KEYS = ("name", "prompt", "negative_prompt")
# What A1111 called its second column once.
OLD_KEYS = {"text": "prompt", "negative": "negative_prompt"}
SEPARATORS = (",", ";", "\t")
ABOVE = re.compile(r'(?:\s*\n)*(?:"?sep=(?P<separator>[,;\t|])"?[,;\t ]*\r?\n)?', re.IGNORECASE)
MOST_BYTES = 20 * 2**20


@dataclass(frozen=True)
class Row:
    """What one row of a file says; `place` is its file and number."""

    place: str
    name: str
    prompt: str
    negative: str


@dataclass
class Namesakes:
    """Styles whose names have one id: their words as far as they were read, and the number that is tried next."""

    number: int = 1
    words: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class Report:
    """What became of a file: names that were saved, `renamed` ones by what they are called now, ones that were
    there `already`, ones without any words, what is wrong with each of the others, and the columns or keys left out.
    """

    saved: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    already: list[str] = field(default_factory=list)
    wordless: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The report in words, a line each."""
        sentences = [f"{len(self.saved)} {'style' if len(self.saved) == 1 else 'styles'} saved."]
        sentences += [f"{name} is saved as {new}: that name was taken." for name, new in self.renamed.items()]
        if self.already:
            sentences.append(f"There already: {', '.join(self.already)}.")
        if self.wordless:
            sentences.append(f"Without words, and left out: {', '.join(self.wordless)}.")
        sentences += [f"Left out: {name}.{_meant(name)}" for name in self.unread]
        return sentences + self.faults


def import_styles(
    path: Path, home: Path, presets: Presets, wildcards: Wildcards, called: str = "", report: Report | None = None
) -> Report:
    """Save the styles of a file, called as it is or otherwise, in the home, and have `presets` read again.

    A row that cannot be is told and keeps none of the others out; `report` goes on with that of another
    file. InvalidPreset where the file cannot be read at all.
    """
    report = Report() if report is None else report
    namesakes: dict[str, Namesakes] = {}
    for row in _rows(path, called or path.name, report.unread):
        if isinstance(row, str):
            report.faults.append(row)
        elif not (row.prompt or row.negative):
            report.wordless.append(row.name)
        else:
            _take(row, home, presets, wildcards, report, namesakes)
    presets.refresh()
    return report


def check_style(name: str, prompt: str, negative: str, wildcards: Wildcards) -> None:
    """InvalidPrompt where the words of a style cannot be read."""
    style = StylePreset(id="new", name=name, prompt=prompt, negative=negative)
    whole, kept_out = style.applied("words", "words")
    explain(whole, wildcards)
    explain(kept_out, wildcards, negative=True)
    check_negative(kept_out)


def check_negative(text: str) -> None:
    """InvalidPrompt where a negative prompt mentions a LoRA, which only a prompt puts on."""
    if any(lora for lora in parse(text, negative=True).loras):
        hint = "Put it into the prompt, with a weight below 0 for its opposite."
        raise InvalidPrompt("negative_prompt", text, 0, "A negative prompt cannot use a LoRA.", hint)


def _take(
    row: Row,
    home: Path,
    presets: Presets,
    wildcards: Wildcards,
    report: Report,
    namesakes: dict[str, Namesakes],
) -> None:
    try:
        check_style(row.name, row.prompt, row.negative, wildcards)
        name = _free_name(row, home, presets, namesakes.setdefault(saving.id_of(row.name), Namesakes()))
        if name is None:
            report.already.append(row.name)
            return
        saving.write(home, FOLDER, name, {"prompt": row.prompt, "negative": row.negative})
    except (AlreadyExists, InvalidPreset, InvalidPrompt) as error:
        message = error.fault if isinstance(error, InvalidPrompt) else error.message
        report.faults.append(f"{row.place}, {row.name!r}: {message} {error.hint}".strip())
        return
    report.saved.append(name)
    if name != row.name:
        report.renamed[row.name] = name


def _free_name(row: Row, home: Path, presets: Presets, known: Namesakes) -> str | None:
    """A name that is not taken by other words; None where the same words are there under it. Each is read once."""
    words = (row.prompt, row.negative)
    while words not in known.words and (there := _there(_numbered(row.name, known.number), home, presets)):
        known.words.add((there.prompt, there.negative))
        known.number += 1
    return None if words in known.words else _numbered(row.name, known.number)


def _numbered(name: str, number: int) -> str:
    """The name, from the second on with its number; AlreadyExists where an id has no room for that."""
    if number == 1:
        return name
    numbered = f"{name} ({number})"
    if not saving.id_of(numbered).endswith(f"-{number}"):
        raise AlreadyExists("The name is taken, and too long to be numbered.", "Give it a shorter one.")
    return numbered


def _there(name: str, home: Path, presets: Presets) -> StylePreset | None:
    """The style that has this name's id, also one that was saved just now."""
    path = saving.path_of(home, FOLDER, name)
    return read_toml(path, StylePreset) if path.is_file() else presets.styles.get(path.stem)


def _meant(name: str) -> str:
    return f" {did_you_mean(_column(name), KEYS, 1)}".rstrip()


def _leave_out(names: Iterable[str], unread: list[str]) -> None:
    """Note the columns or keys that are not read, each once."""
    unread += [
        name for name in dict.fromkeys(names) if name.strip() and _column(name) not in KEYS and name not in unread
    ]


def _rows(path: Path, called: str, unread: list[str]) -> Iterator[Row | str]:
    """Each row, or what is wrong with it, in words."""
    if path.suffix.lower() not in (".csv", ".json"):
        raise InvalidPreset(f"{called} is not a list of styles.", "Give a styles.csv of A1111 or a .json of Fooocus.")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidPreset(f"{called} is larger than {MOST_BYTES // 2**20} MB.", "Divide it.")
        # Spreadsheets of Windows save in its own encoding.
        text = decode(read_bytes(path, MOST_BYTES), "cp1252" if path.suffix.lower() == ".csv" else "")
    except ParseError as error:
        raise InvalidPreset(f"{called} {error.fault}.", error.hint) from error
    except OSError as error:
        raise InvalidPreset(
            f"{called} cannot be read: {error.strerror}.", "Check the name and its permissions."
        ) from error
    yield from (_csv_rows if path.suffix.lower() == ".csv" else _json_rows)(text, called, unread)


def _csv_rows(text: str, called: str, unread: list[str]) -> Iterator[Row | str]:
    # Spreadsheets say the separator on a line of its own; what stands above the columns counts as a row.
    above = ABOVE.match(text)
    skipped, text = (above[0].count("\n"), text[above.end() :]) if above else (0, text)
    head = text.partition("\n")[0]
    between = (above and above["separator"]) or max(SEPARATORS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, skipinitialspace=True, strict=True)
    number = 0
    try:
        head_row = next(reader, [])
        columns = [_column(column) for column in head_row]
        if "name" not in columns or "prompt" not in columns:
            listed = ", ".join(columns) or "nothing"
            raise InvalidPreset(f"{called}, row 1: the columns are {listed}.", f"They have to be {', '.join(KEYS)}.")
        _leave_out(head_row, unread)
        for number, cells in enumerate(reader, start=2 + skipped):
            if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
                continue
            while len(cells) > len(columns) and not cells[-1].strip():
                cells.pop()
            if len(cells) > len(columns):
                what = f"{len(cells)} values for {len(columns)} columns"
                yield f"{called}, row {number}: {what}. Put quotes around text with commas."
                continue
            yield _row(dict(zip(columns, cells, strict=False)), f"{called}, row {number}")
    except csv.Error as error:
        # What a quote that is never closed has swallowed cannot be told apart.
        what = "a text is larger than any style" if "limit" in str(error) else "a quote is not closed, or one too many"
        yield f"{called}, row {number + 1}: {what}. Correct it and import again: what follows was not read."


def _json_rows(text: str, called: str, unread: list[str]) -> Iterator[Row | str]:
    try:
        entries = parse_json(text)
    except ParseError as error:
        raise InvalidPreset(f"{called} {error.fault}.", error.hint) from error
    if isinstance(entries, dict) and entries and all(isinstance(one, dict) for one in entries.values()):
        entries = [{"name": name, **style} for name, style in entries.items()]
    if not isinstance(entries, list):
        raise InvalidPreset(
            f"{called} is not a list of styles.", 'Write [{"name": ..., "prompt": ..., "negative_prompt": ...}].'
        )
    for number, entry in enumerate(entries, start=1):
        place = f"{called}, entry {number}"
        words = [value for key, value in entry.items() if _column(key) in KEYS] if isinstance(entry, dict) else [None]
        if not all(isinstance(value, str) for value in words):
            yield f"{place}: it is not an object of texts. Write {', '.join(KEYS)}."
        else:
            _leave_out(entry, unread)
            yield _row({_column(key): value for key, value in entry.items()}, place)


def _column(name: str) -> str:
    """A column as we call it; what other tools and spreadsheets add is left alone."""
    plain = name.strip().casefold().replace(" ", "_").replace("-", "_")
    return OLD_KEYS.get(plain, plain)


def _row(entry: Mapping[str, str], place: str) -> Row | str:
    name, prompt, negative = (entry.get(key, "").strip() for key in KEYS)
    return Row(place, name, prompt, negative) if name else f"{place}: it has no name. Give it one."
