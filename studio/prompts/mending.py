"""Prompts that were written elsewhere, mended so that they can be read here: stray brackets become words.

Typed prompts are refused with the place of the fault; an imported one has nobody at hand to mend it.
"""

import re

from studio.errors import InvalidPrompt
from studio.prompts.language import MAX_DEPTH
from studio.prompts.parser import PAIRS, TOKEN, parse

OPENING = {closing: opening for opening, closing in PAIRS.items()}
# As many other faults are mended one by one; then every sign becomes a word.
MOST_FAULTS = 24
TAG = re.compile(r"<\w+(?:\[[^\[\]<>\n]*\])?:(?:\\.|[^<>\\])*>?")
SIGNS = re.compile(r"[()\[\]{}<|]")


def mend(text: str, *, negative: bool = False) -> tuple[str, tuple[str, ...]]:
    """The prompt as it can be read, and a sentence for each thing that was done to it; `draw` is not asked."""
    notes: list[str] = []
    for _ in range(MOST_FAULTS):
        text, strays = _balanced(text)  # anew each time: what was made a word may have been half of a pair
        notes += [f"{_counted(strays)} made a word, as nothing opens or closes it"] if strays else []
        try:
            parse(text, negative=negative)
        except InvalidPrompt as fault:
            text, note = mend_at(text, fault)
            notes.append(note)
        else:
            return text, tuple(dict.fromkeys(notes))
    return _literal(text), ("All its brackets were made words: they cannot be read here",)


def mend_at(text: str, fault: InvalidPrompt) -> tuple[str, str]:
    """The text without the one fault at its place: a tag or an embedding is taken out, a sign becomes a word."""
    at = fault.position
    if tag := TAG.match(text, at):
        return text[:at] + text[tag.end() :], f"{tag[0][:60]} was taken out: {fault.fault}"
    if word := re.compile(r"embedding:[\w.\-]*").match(text, at):
        return text[:at] + text[word.end() :], f"{word[0]} was taken out: {fault.fault}"
    at = _sign(text, at, fault.fault)
    what = next((word for word in ("AND", "__") if text.startswith(word, at)), text[at : at + 1])
    return f"{text[:at]}\\{text[at:]}", f"“{what}” was made a word: {fault.fault}"


def _sign(text: str, at: int, fault: str) -> int:
    """Where the sign is that the fault is about: a number's stands before it, and so does that of a side of AND."""
    for what, sign in (("number", ":"), ("AND", "AND")):
        if what in fault and (before := text.rfind(sign, 0, at + len(sign))) >= 0:
            return before
    return min(at, max(0, len(text) - 1))


def _balanced(text: str) -> tuple[str, list[str]]:
    """The text with each bracket escaped that has no other, in one pass; and these brackets."""
    open_ones: list[re.Match[str]] = []
    stray: set[int] = set()
    deep: set[int] = set()
    for token in TOKEN.finditer(text):
        sign = token[0]
        if token.lastgroup == "opening":
            if len(open_ones) >= MAX_DEPTH:
                deep.add(token.start())
            open_ones.append(token)
        elif token.lastgroup == "closing":
            if not any(one[0] == OPENING[sign] for one in open_ones):
                stray.add(token.start())
                continue
            while open_ones[-1][0] != OPENING[sign]:
                stray.add(open_ones.pop().start())
            if (pair := open_ones.pop().start()) in deep:
                stray |= {pair, token.start()}
    stray |= {token.start() for token in open_ones}
    escaped = "".join(f"\\{letter}" if at in stray else letter for at, letter in enumerate(text))
    return escaped, [text[at] for at in sorted(stray)]


def _counted(signs: list[str]) -> str:
    kinds = dict.fromkeys(signs)
    return ", ".join(f"{signs.count(sign)} stray “{sign}”" for sign in kinds) + (" was" if len(signs) == 1 else " were")


def _literal(text: str) -> str:
    bare = re.sub(r"\\(.)", r"\1", text)
    words = SIGNS.sub(r"\\\g<0>", re.sub(r"[\\#]", r"\\\g<0>", bare))
    return re.sub(r"\b(?:AND|BREAK)\b|_(?=_)|:(?=\s*[+\-.\d]*\s*\Z)", r"\\\g<0>", words)
