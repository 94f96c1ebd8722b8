"""The library's search language: words and filters, such as `lora:ink red house -night size:>512 board:"my board"`.

The same is a typed value: `Query.parse(text)` reads it, `str(query)` writes it, and a page makes a chip of each `Term`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from studio.errors import InvalidRequest
from studio.library.filters import FILTERS, Filter, Op
from studio.library.words import is_text

WORDS = "words"
# What sorts pictures, and leaves none out.
ABOUT, LIKE = NEARNESS = ("about", "like")
FIELD = "search"
# A term: excluded or not, what it is about, how it is compared, and its value, in quotes or without spaces.
TERM = re.compile(
    r"""(?P<not>-?)(?:(?P<field>[^\W\d_]\w*):)?(?:(?P<op>[<>]=?|=)?(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<bare>[^\s"]*)))"""
)
# Longer ones are no search.
MOST_TERMS, MOST_CHARACTERS = 64, 2000


@dataclass(frozen=True)
class Term:
    """One condition: `field` is "words" for a word of the prompt, else the name of a filter. InvalidRequest.

    `op` compares numbers and dates (">", ">=", "<", "<="); "=" means just this name, or just these words.
    """

    value: str
    field: str = WORDS
    op: Op = ""
    excluded: bool = False

    def __post_init__(self) -> None:
        if not is_text(self.value):
            raise InvalidRequest("The search holds characters that are not text.", "Write it again.", field=FIELD)
        if self.field == WORDS:
            _check_words(self)
            if not self.op and not _is_plain(self.value):
                object.__setattr__(self, "op", "=")  # it can only be written in quotes
            return
        fault = self.filter.fault(self.op, self.value)
        if not fault and self.excluded and self.field in NEARNESS:
            fault = "pictures are sorted by how near they are, and none is left out for it."
        if fault:
            raise InvalidRequest(f"“{self}”: {fault}", f"Write it as {self.filter.example}.", field=FIELD)

    @property
    def filter(self) -> Filter:
        """What its field filters by; InvalidRequest where there is none of this name."""
        try:
            return FILTERS[self.field]
        except KeyError:
            raise _unknown(self.field, self.value) from None

    def __str__(self) -> str:
        mark, name = "-" if self.excluded else "", "" if self.field == WORDS else f"{self.field}:"
        if self.field == WORDS:
            return mark + (_quoted(self.value) if self.op else self.value)
        return f"{mark}{name}{self.op}{self.value if _is_bare(self.value) else _quoted(self.value)}"


@dataclass(frozen=True)
class Query:
    """Conditions that a picture all has to meet; without any, every picture does."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Read a search; InvalidRequest names the word at fault."""
        if len(text) > MOST_CHARACTERS:
            fault = f"The search has {len(text)} characters; the limit is {MOST_CHARACTERS}."
            raise InvalidRequest(fault, "Search for fewer words.", field=FIELD)
        terms = tuple(_terms(text))
        if len(terms) > MOST_TERMS:
            fault = f"The search has {len(terms)} words and filters; the limit is {MOST_TERMS}."
            raise InvalidRequest(fault, "Search for fewer words.", field=FIELD)
        return cls(terms)

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def plus(self, *terms: Term) -> "Query":
        """The query with more conditions; each stands once."""
        return Query(tuple(dict.fromkeys((*self.terms, *terms))))

    def without(self, *terms: Term) -> "Query":
        """The query with these conditions taken out."""
        return Query(tuple(term for term in self.terms if term not in terms))

    def of(self, field: str) -> tuple[Term, ...]:
        """The conditions about one thing."""
        return tuple(term for term in self.terms if term.field == field)


def _terms(text: str) -> Iterator[Term]:
    position = 0
    while position < len(text):
        end, closed = _end(text, position)
        if not closed:
            raise InvalidRequest(
                f"“{text[position:]}”: the quotation is not closed.", 'Close it with a ".', field=FIELD
            )
        if end > position:
            yield _term(text[position:end])
        position = end + 1


def _end(text: str, start: int) -> tuple[int, bool]:
    """Where the term ends that starts here, at a space outside of quotes, and whether its quotes are closed."""
    quoted, position = False, start
    while position < len(text) and (quoted or not text[position].isspace()):
        if quoted and text[position] == "\\":
            position += 1
        elif text[position] == '"':
            quoted = not quoted
        position += 1
    return min(position, len(text)), not quoted


def _term(word: str) -> Term:
    found = TERM.fullmatch(word)
    if not found:
        raise InvalidRequest(f"“{word}” cannot be read.", "Put quotes around the whole value.", field=FIELD)
    field, quoted, op, bare = found["field"], found["quoted"], found["op"] or "", found["bare"] or ""
    excluded = bool(found["not"])
    if field is None:
        if quoted is not None and not op:
            return Term(_unescaped(quoted), WORDS, "=", excluded)
        return Term(word[1:] if excluded else word, WORDS, "", excluded)
    value = bare if quoted is None else _unescaped(quoted)
    return Term(value, field.lower(), _op(op), excluded)


def _op(text: str) -> Op:
    ops: dict[str, Op] = {"": "", "=": "=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
    return ops[text]


def _check_words(term: Term) -> None:
    if not term.value.strip() or (term.op == "" and term.value == "-"):
        word = "-" if term.excluded else term.value
        raise InvalidRequest(
            f"“{word}” is not followed by a word.", "Write the word right behind the -, as in -night.", field=FIELD
        )
    if term.op not in ("", "="):
        raise InvalidRequest(
            f"“{term.op}{term.value}” compares a word.", "Compare numbers, as in size:>512.", field=FIELD
        )


def _unknown(field: str, value: str) -> InvalidRequest:
    close = get_close_matches(field, [*FILTERS], n=2, cutoff=0.6)
    meant = f"Did you mean {' or '.join(f'{name}:' for name in close)}? " if close else ""
    known = f"Known are {', '.join(FILTERS)}. "
    fault = f"“{field}:{value}”: there is no filter {field!r}."
    return InvalidRequest(fault, f'{meant}{known}To find the words themselves, write "{field}:{value}".', field=FIELD)


def _is_plain(word: str) -> bool:
    """Whether a word is read back as one, without quotes."""
    found = TERM.fullmatch(word)
    return bool(found and re.fullmatch(r'[^\s"-][^\s"]*', word) and not found["field"])


def _is_bare(value: str) -> bool:
    return not value or bool(re.fullmatch(r'[^\s"<>=][^\s"]*', value))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
