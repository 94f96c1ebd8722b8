"""Prompts as other tools write them, and ours as A1111 reads it.

What a sign means differs: a brace draws a word here, weighs it in NovelAI, and is a brace in A1111 and in what ComfyUI
stores, because there it was drawn before. Nothing here is refused; `mending` takes care of what cannot be read.
"""

import re

from studio.prompts.parser import TOKEN

# What A1111 escapes itself; before anything else a backslash is one.
ESCAPED = "()[]\\"
FILE_ENDING = re.compile(r"(\bembedding:[\w./\\\-]*?)\.(?:pt|safetensors|bin)\b")
WILDCARD = re.compile(r"_(?=_)")
WORDS = re.compile(r"\b(?:AND|BREAK)\b")
# NovelAI: a brace weighs by this.
BRACE = 1.05
# InvokeAI: a plus weighs by this.
PLUS = 1.1
COMPEL = re.compile(r"\(([^()]*)\)(\+{1,20}|-{1,20}|\d{1,4}(?:\.\d{1,4})?)|\b(\w{1,100})(\+{1,20}|-{2,20})(?![\w+\-])")
NUMBERED = re.compile(r"(-?\d{1,3}(?:\.\d{1,4})?)::(.*?)(?:::|\Z)", re.DOTALL)
MOST_WEIGHTED = 200


def from_a1111(text: str) -> str:
    """A1111's prompt in our language: braces, wildcards and comments were drawn and removed before it was stored."""
    return _escaped(text, known=ESCAPED, words="{}#")


def from_comfyui(text: str) -> str:
    """ComfyUI's prompt in our language: square brackets, AND and BREAK are words there."""
    text = FILE_ENDING.sub(r"\1", _escaped(text, known="()", words="[]{}|#"))
    return WORDS.sub(r"\\\g<0>", text)


def from_novelai(text: str) -> str:
    """NovelAI's prompt in our language: braces strengthen, square brackets weaken, `1.2::words::` says by how much."""
    text = NUMBERED.sub(r"(\2:\1)", _escaped(text, known="", words="()|<#"), count=MOST_WEIGHTED)
    pieces, opened = [], 0
    for letter in text:
        if letter == "{":
            pieces.append("(")
            opened += 1
        elif letter == "}":
            pieces.append(f":{BRACE})" if opened else "")
            opened = max(0, opened - 1)
        else:
            pieces.append(letter)
    return "".join(pieces) + f":{BRACE})" * opened


def from_invokeai(text: str) -> str:
    """InvokeAI's prompt in our language: `word+`, `(words)--` and `(words)1.2` are weights."""
    return COMPEL.sub(_compel, _escaped(text, known="()", words="[]{}#"), count=MOST_WEIGHTED)


def to_a1111(text: str) -> str:
    """Our prompt in A1111's: without comments, with those escapes alone that are known there."""
    pieces = []
    for token in TOKEN.finditer(text):
        word = token[0]
        match token.lastgroup:
            case "escape":
                pieces.append(word if word[1:] in ESCAPED else word[1:])
            case "comment":
                pieces.append("\n")
            case "tag":
                pieces.append(re.sub(r"\\(.)", r"\1", word))
            case _:
                pieces.append(word)
    return "".join(pieces)


def _escaped(text: str, *, known: str, words: str) -> str:
    """The text with a backslash before each sign that is a word there; those that it escapes itself stay."""
    signs = re.compile(rf"\\[{re.escape(known)}]|[\\{re.escape(words)}]" if known else rf"[\\{re.escape(words)}]")
    text = signs.sub(lambda found: found[0] if len(found[0]) == 2 else f"\\{found[0]}", text)
    return WILDCARD.sub(r"\_", text)


def _compel(found: re.Match[str]) -> str:
    words, sign = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
    weight = float(sign) if sign[0].isdigit() else (PLUS if sign[0] == "+" else 0.9) ** len(sign)
    return f"({words}:{round(weight, 4):g})"
