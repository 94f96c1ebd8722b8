"""A1111's text taken apart: prompt, negative prompt, and the settings by their names.

The settings begin where a line begins as they do, wherever that is: tools write behind them, before them on the same
line, or leave them out. One pass over the text, and each value once.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from studio.metadata.foreign_names import plain
from studio.metadata.text_encodings import whole

# A text of more characters holds something else.
LONGEST = 400_000
# What stands before a text that is copied from A1111's page, from exiftool, or from a list of labels.
COPIED = re.compile(r"\A(?:parameters(?: *: |\n)|User Comment *: |(?:positive )?prompt *: )\s*", re.IGNORECASE)
NEGATIVE = re.compile(r"Negative prompt:", re.IGNORECASE)
NEGATIVE_LINE = re.compile(r"^[ \t]*Negative prompt:", re.IGNORECASE | re.MULTILINE)
STEPS = re.compile(r"(?<!Hires )(?<!Refiner )\bSteps: *\d+[ \t]*(?=[,\n]|\Z)")
NAME = re.compile(r"[ \t]*(\w[\w \-/()+]{0,60}?) *:[ \t]*")
STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
PLAIN = re.compile(r"[^,\n]*+")
# Words for words, to the end of the line: sd-dynamic-prompts.
WORDY = frozenset({"template", "negativetemplate"})
# Of these names two make a line one of settings.
USUAL = frozenset(
    plain(name)
    for name in (
        "Steps", "Sampler", "Schedule type", "Scheduler", "CFG scale", "Distilled CFG Scale", "Seed", "Size", "Width",
        "Height", "Model", "Model hash", "VAE", "Denoising strength", "Clip skip", "Hires upscale", "Hires upscaler",
        "Variation seed", "Face restoration", "Version", "ENSD", "Postprocess upscale by", "Postprocess upscaler",
        "Created Date", "Civitai resources", "Batch size", "App", "Guidance", "RNG", "Lora hashes",
    )
)  # fmt: skip
DECODER = json.JSONDecoder()
MOST_JSON = 100_000
# As many lines are looked at, from the last one on; and as many more where the first of them ends a quotation.
MOST_SEARCHED, MOST_LINES = 2_000, 20
# Lists and objects; as many of them are looked into.
LISTS, MOST_LISTS = ("[", "{"), 40


@dataclass
class SettingsText:
    """The parts of a text; `settings` have the first value of each name, `stray` is what stands among them unnamed."""

    prompt: str
    negative: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    stray: list[str] = field(default_factory=list)


def split(text: str) -> SettingsText:
    """The parts of the text; without settings where it has none."""
    text = COPIED.sub("", text.replace("\r\n", "\n").replace("\r", "\n").strip(), count=1)
    at = _begin(text) if len(text) <= LONGEST else None
    words = text if at is None else text[:at]
    prompt, negative = _prompts(words)
    parts = SettingsText(prompt, negative)
    for name, value in _pairs(text, at) if at is not None else []:
        if name:
            parts.settings.setdefault(name, value)
        elif value:
            parts.stray.append(value)
    return parts


def _prompts(words: str) -> tuple[str, str | None]:
    found = NEGATIVE_LINE.search(words) or NEGATIVE.search(words)
    if not found:
        return words.strip(), None
    return words[: found.start()].strip(), words[found.end() :].strip()


def _begin(text: str) -> int | None:
    """Where the settings begin: the last line that holds some, from its first name on; None where there are none."""
    begin = _last(text, len(text))
    # A value in quotes may go over lines that look like settings themselves.
    for _ in range(MOST_LINES if begin else 0):
        above = _last(text, text.rfind("\n", 0, begin))
        if above is None or text.count('"', above, begin) % 2 == 0:
            break
        begin = above
    return begin


def _last(text: str, end: int) -> int | None:
    """The same of the text up to `end`."""
    begin = None
    for _ in range(MOST_SEARCHED):
        if end < 0:
            break
        start = text.rfind("\n", 0, end) + 1
        at = _in_line(text, start, end)
        if at is not None:
            begin = at
        # Some write each setting on a line of its own.
        if begin is not None and not (at is not None and _is_single(text, start, end)):
            break
        if at is not None and NEGATIVE.match(text, start):
            break
        end = start - 1
    return begin


def _in_line(text: str, start: int, end: int) -> int | None:
    line = text[start:end]
    name = NAME.match(line)
    if name and plain(name[1]) in USUAL and (plain(name[1]) == "steps" or _usual(line) >= 2):
        return start
    if name and _is_single(text, start, end):
        return start
    found = STEPS.search(line)
    if found and _usual(line[found.start() :]) >= 2:
        return start + found.start()
    return None


def _is_single(text: str, start: int, end: int) -> bool:
    """Whether the line is one setting alone."""
    line = text[start:end]
    name = NAME.match(line)
    return bool(name) and plain(name[1]) in USUAL and len(line) < 200 and "," not in line  # type: ignore[index]


def _usual(line: str) -> int:
    names = {plain(part.partition(":")[0]) for part in line.split(",") if ":" in part}
    return len(names & USUAL)


def _pairs(text: str, at: int) -> Iterator[tuple[str, str]]:
    """Names and values from there on; a value without a name where something stands between them."""
    lists = 0
    while at < len(text):
        name = NAME.match(text, at)
        if not name:
            stray = PLAIN.match(text, at)
            at = (stray.end() if stray else at) + 1
            yield "", (stray[0] if stray else "").strip()
            continue
        lists += text[name.end() : name.end() + 1] in LISTS
        value, at = _value(text, name.end(), wordy=plain(name[1]) in WORDY, listed=lists <= MOST_LISTS)
        yield name[1].strip(), value
        at += 1


def _value(text: str, at: int, *, wordy: bool, listed: bool) -> tuple[str, int]:
    """The value that begins there, and where it ends."""
    if wordy:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        return text[at:end].strip(), end
    if text.startswith('"', at) and (quoted := STRING.match(text, at)) and _ends(text, quoted.end()):
        return _unquoted(quoted[0]), quoted.end()
    if listed and text[at : at + 1] in LISTS:
        close = _json_end(text, at)
        if close is not None and _ends(text, close):
            return text[at:close], close
    bare = PLAIN.match(text, at)
    return (bare[0].strip(), bare.end()) if bare else ("", at)


def _ends(text: str, at: int) -> bool:
    return text[at : at + 1] in ("", ",", "\n")


def _json_end(text: str, at: int) -> int | None:
    try:
        return at + DECODER.raw_decode(text[at : at + MOST_JSON])[1]
    except (ValueError, RecursionError):
        return None


def _unquoted(value: str) -> str:
    try:
        return whole(str(json.loads(value, strict=False)))
    except ValueError:
        return value[1:-1]
