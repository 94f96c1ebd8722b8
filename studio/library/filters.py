"""What pictures can be filtered by, each with how it is written and the condition on the index that it becomes.

Columns and tables are those of `storage.migrations.m006_library` and `m013_safety`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from studio.metrics import METRICS
from studio.safety.layer import ORDER

Op = Literal["", "=", ">", ">=", "<", "<="]
# A condition on a row of `pictures`, and what its question marks stand for.
Where = tuple[str, Sequence[Any]]

NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?")
SIZE = re.compile(r"(\d{1,5})[x×](\d{1,5})")
DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
# How a person may call what a picture was made by, and what that is in the index.
KINDS: Mapping[str, tuple[str, str]] = {
    "text2img": ("task", "text2img"),
    "txt2img": ("task", "text2img"),
    "img2img": ("task", "img2img"),
    "inpaint": ("task", "inpaint"),
    "upscale": ("task", "upscale"),
    "imported": ("kind", "imported"),
    "grid": ("kind", "grid"),
    "comparison": ("kind", "comparison"),
    "candidates": ("kind", "candidates"),
    "repeat": ("kind", "repeat"),
    "replay": ("kind", "replay"),
}
VOTES: Mapping[str, float] = {"won": 1.0, "lost": 0.0, "tied": 0.5}
YES, NO = ("yes", "true", "1"), ("no", "false", "0")
# How a picture is called.
ID = re.compile(r"[0-9a-f]{20}")
# The one that “score” without a name of a metric means, from 1 to 10.
SCORE = "aesthetic"


@dataclass(frozen=True)
class Filter:
    """One filter: what it is by in a few words, an example, the fault of a value in words, and its condition.

    `where` is given the comparison, the value, and the numbers of the names that the value means, for `named` ones.
    """

    help: str
    example: str
    fault: Callable[[Op, str], str]
    where: Callable[[Op, str, Sequence[int]], Where]
    named: str = ""


def _number(column: str, help_: str, example: str) -> Filter:
    def fault(op: Op, value: str) -> str:
        low, _, high = value.partition("..")
        if all(NUMBER.fullmatch(one) for one in ((low, high) if ".." in value else (value,))):
            return f"{op}{value} is both a comparison and a range." if op and ".." in value else ""
        return f"{value!r} is not a number."

    return Filter(help_, example, fault, lambda op, value, _: _compared(column, op, value))


def _compared(column: str, op: Op, value: str) -> Where:
    if ".." in value:
        low, _, high = value.partition("..")
        return f"{column} BETWEEN ? AND ?", [float(low), float(high)]
    return f"{column} {op or '='} ?", [float(value)]


def _score(metric: str, help_: str, example: str) -> Filter:
    inner = _number("value", help_, example)

    def where(op: Op, value: str, names: Sequence[int]) -> Where:
        condition, values = inner.where(op, value, names)
        found = f"SELECT picture FROM picture_scores WHERE metric = ? AND {condition}"  # noqa: S608 - from above
        return f"number IN ({found})", [metric, *values]

    return Filter(help_, example, inner.fault, where)


def _size_fault(op: Op, value: str) -> str:
    if SIZE.fullmatch(value):
        return f"{value} is compared by = alone." if op in (">", "<", ">=", "<=") else ""
    return "" if not FILTERS["width"].fault(op, value) else f"{value!r} is not a size."


def _size_where(op: Op, value: str, _: Sequence[int]) -> Where:
    if found := SIZE.fullmatch(value):
        return "(width = ? AND height = ?)", [int(found[1]), int(found[2])]
    return _compared("MAX(width, height)", op, value)


def _date_fault(op: Op, value: str) -> str:
    try:
        _days(value)
    except ValueError:
        return f"{value!r} is not a date."
    return f"{op}{value} is both a comparison and a range." if op and ".." in value else ""


def _date_where(op: Op, value: str, _: Sequence[int]) -> Where:
    begin, end = _days(value)
    if op in ("", "="):
        return "(created >= ? AND created < ?)", [begin, end]
    bound = {">": (">=", end), ">=": (">=", begin), "<": ("<", begin), "<=": ("<", end)}[op]
    return f"created {bound[0]} ?", [bound[1]]


def _days(value: str) -> tuple[float, float]:
    """When a day, month or year, or a range of them, begins and ends here; ValueError."""
    first, _, last = value.partition("..")
    if ".." in value:
        return _days(first)[0], _days(last)[1]
    today = date.today()  # noqa: DTZ011 - the creator's day
    if value in ("today", "yesterday"):
        begin = today - timedelta(days=value == "yesterday")
        return _midnight(begin), _midnight(begin + timedelta(days=1))
    found = DAY.fullmatch(value)
    if not found:
        raise ValueError(value)
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    begin = date(year, month, day)
    if found[3]:
        end = begin + timedelta(days=1)
    else:
        end = date(year + (month == 12 or not found[2]), month % 12 + 1 if found[2] else 1, 1)
    return _midnight(begin), _midnight(end)


def _midnight(day: date) -> float:
    try:
        return datetime.combine(day, time()).astimezone().timestamp()
    except (OverflowError, OSError) as error:
        raise ValueError(str(day)) from error


def _yes_fault(op: Op, value: str) -> str:
    return "" if value.lower() in (*YES, *NO) and op in ("", "=") else f"{op}{value} is neither yes nor no."


def _yes(condition: str, help_: str, example: str) -> Filter:
    def where(_op: Op, value: str, _: Sequence[int]) -> Where:
        return (condition if value.lower() in YES else f"NOT ({condition})"), []

    return Filter(help_, example, _yes_fault, where)


def _kind_fault(op: Op, value: str) -> str:
    known = value.lower() in KINDS and op in ("", "=")
    return "" if known else f"there is no kind {value!r}; known are {', '.join(KINDS)}."


def _kind_where(_op: Op, value: str, _: Sequence[int]) -> Where:
    column, stored = KINDS[value.lower()]
    return f"{column} = ?", [stored]


def _vote_fault(op: Op, value: str) -> str:
    return "" if value.lower() in VOTES and op in ("", "=") else f"a vote is {', '.join(VOTES)}, not {op}{value}."


def _vote_where(_op: Op, value: str, _: Sequence[int]) -> Where:
    return "number IN (SELECT picture FROM picture_scores WHERE metric = 'vote' AND value = ?)", [VOTES[value.lower()]]


def _check_fault(op: Op, value: str) -> str:
    known = value.lower() in ORDER and op in ("", "=")
    return "" if known else f"a check is {', '.join(ORDER)}, not {op}{value}."


def _check_where(_op: Op, value: str, _: Sequence[int]) -> Where:
    return "safety = ?", [value.lower()]


def _text_fault(op: Op, value: str) -> str:
    if not value.strip():
        return "there is nothing to look for."
    return "" if op in ("", "=") else f"names are not compared by {op}."


def _named(kind: str, help_: str, example: str) -> Filter:
    table = (
        "SELECT picture FROM board_pictures WHERE board"
        if kind == "board"
        else ("SELECT picture FROM picture_named WHERE name")
    )

    def where(_op: Op, _value: str, names: Sequence[int]) -> Where:
        return f"number IN ({table} IN ({', '.join('?' * len(names))}))", names

    return Filter(help_, example, _text_fault, where, named=kind)


def _text(column: str, help_: str, example: str) -> Filter:
    def where(op: Op, value: str, _: Sequence[int]) -> Where:
        if op == "=":
            return f"{column} = ?", [value]
        escaped = re.sub(r"([%_\\])", r"\\\1", value)
        return f"{column} LIKE ? ESCAPE '\\'", [f"%{escaped}%"]

    return Filter(help_, example, _text_fault, where)


def _about_fault(op: Op, value: str) -> str:
    return _text_fault("", value) if op in ("", "=") else f"a meaning is not compared by {op}."


# What a prompt means is no condition on a row: pictures are sorted by it.
ABOUT = Filter(
    "what the prompt means, the nearest first",
    'about:"something calm by the water"',
    _about_fault,
    lambda _op, _value, _names: ("1", []),
)


def _like_fault(op: Op, value: str) -> str:
    return "" if ID.fullmatch(value) and op in ("", "=") else f"{value!r} is not the id of a picture."


# Nor is what a picture looks like.
LIKE = Filter(
    "what looks like the picture of this id, the most alike first",
    "like:0a1b2c3d4e5f60718293",
    _like_fault,
    lambda _op, _value, _names: ("1", []),
)
# Words of the negative prompt are asked of the index of words, like those of the prompt.
NEGATIVE = Filter("words of the negative prompt", "negative:blurry", _text_fault, lambda _op, _value, _names: ("1", []))
FILTERS: Mapping[str, Filter] = {
    "model": _named("model", "the model, by a part of its name", "model:starter"),
    "lora": _named("lora", "a LoRA, by a part of its name", "lora:ink"),
    "control": _named("control", "a kind of control that it followed", "control:pose"),
    "tag": _named("tag", "a tag", "tag:cat"),
    "board": _named("board", "a board", 'board:"my board"'),
    "star": _yes("star = 1", "whether it has a star", "star:yes"),
    "rating": _number("rating", "your rating, from 1 to 5", "rating:>=4"),
    "score": _score(SCORE, "its aesthetic score, from 1 to 10", "score:>6"),
    "vote": Filter("how a blind vote in the arena ended for it", "vote:won", _vote_fault, _vote_where),
    "seed": _number("seed", "the seed", "seed:42"),
    "size": Filter("its longer side in pixels, or both", "size:>512 or size:512x768", _size_fault, _size_where),
    "width": _number("width", "its width in pixels", "width:>=768"),
    "height": _number("height", "its height in pixels", "height:512..1024"),
    "steps": _number("steps", "the steps", "steps:<30"),
    "date": Filter("when it was made", "date:2026-11, date:>2026-11-20 or date:today", _date_fault, _date_where),
    "kind": Filter("how it was made", "kind:inpaint", _kind_fault, _kind_where),
    "scheduler": _text("scheduler", "the scheduler, by a part of its name", "scheduler:euler"),
    "tool": _text("tool", "the tool that wrote an imported picture", "tool:comfyui"),
    "file": _text("path", "the file, by a part of its name", "file:143205"),
    "job": _text("job", "the job that made it", "job:=dKl3"),
    "check": Filter("what the safety layer said", "check:flagged", _check_fault, _check_where),
    "watermark": _text("watermark", "the id in its invisible watermark", "watermark:5afe1d07"),
    "negative": NEGATIVE,
    "about": ABOUT,
    "like": LIKE,
    "bin": _yes("binned IS NOT NULL", "whether it is in the bin", "bin:yes"),
    **{name: _score(name, f"what the metric {name} says", f"{name}:>0.5") for name in METRICS},
}
