"""What stands in `<...>`: the mention of a LoRA."""

import re

from studio.prompts.language import Lora
from studio.prompts.source import NUMBER, Source
from studio.shorthand import normalized

NAMES = ("lora", "lyco")
# What other tools, SwarmUI above all, write in such brackets, and how it is said here.
CURES = {
    "random": "Write {a|b}, or {2$$a|b|c} for two of them",
    "alternate": "Write [a|b]",
    "alt": "Write [a|b]",
    "fromto": "Write [from:to:0.5]",
    "wildcard": "Write __name__",
    "wc": "Write __name__",
    "embed": "Write embedding:name",
    "embedding": "Write embedding:name",
    "break": "Write BREAK",
    "comment": "Write # before a comment",
    "repeat": "Write the words as often as they are wanted",
    "setvar": "Write ${name=!words}",
    "setmacro": "Write ${name=words}",
    **dict.fromkeys(("var", "macro"), "Write ${name}"),
    **dict.fromkeys(("segment", "object", "region", "clear"), "Change a part of a picture in the tab Inpainting"),
}
PART = re.compile(r"((?:\\.|[^:\\])*):", re.DOTALL)


def read_tag(source: Source, tag: str, position: int) -> Lora:
    """The LoRA that `tag`, written `<lora:name:weight>`, calls; InvalidPrompt where something in it cannot be.

    Weights are in A1111's order, text encoder before denoiser, or named (`te=`, `unet=`); one stands for both. Whatever
    else there is, such as block weights, is kept as it is written.
    """
    kind, _, body = tag[1:-1].partition(":")
    if kind not in NAMES:
        called = kind.partition("[")[0].lower()
        known = CURES.get(called, "Known is <lora:name:weight>")
        source.fail(
            position, f"There is nothing that {_form(tag)} calls.", rf"{known}; write \< for the character itself."
        )
    (name, _), *rest = _parts(source, body, position + len(kind) + 2)
    numbers: list[float] = []
    named: dict[str, float] = {}
    extras: list[str] = []
    for part, place in rest:
        key, equals, value = part.partition("=")
        if equals and key in {"te", "unet"}:
            named[key] = source.number(value, place)
        elif equals or len(numbers) == 2 or (numbers and not NUMBER.fullmatch(part)):
            extras.append(part)
        else:
            numbers.append(source.number(part, place))
    text_weight = named.get("te", numbers[0] if numbers else 1.0)
    return Lora(
        normalized(name), text_weight, named.get("unet", numbers[1] if numbers[1:] else text_weight), tuple(extras)
    )


def _form(tag: str) -> str:
    return f"{tag.partition(':')[0]}:...>" if ":" in tag else tag


def name_of(tag: str) -> str | None:
    """The name in a tag; None where it is none of a LoRA."""
    kind, _, body = tag[1:-1].partition(":")
    found = PART.match(f"{body}:")
    return normalized(re.sub(r"\\(.)", r"\1", found[1]).strip()) if found and kind in NAMES else None


def _parts(source: Source, body: str, position: int) -> list[tuple[str, int]]:
    """What the colons divide, without escapes, each with its place."""
    parts = []
    for match in PART.finditer(f"{body}:"):
        part = re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL).strip()
        if not part:
            source.fail(position + match.start(), "A part of this LoRA is empty.", "Write <lora:name:weight>.")
        parts.append((part, position + match.start()))
    return parts
