"""What stands in `<...>`: the mention of a LoRA."""

import re

from studio.prompts.language import Lora
from studio.prompts.source import NUMBER, Source
from studio.spelling import normalized

NAMES = ("lora", "lyco")
PART = re.compile(r"((?:\\.|[^:\\])*):", re.DOTALL)


def read_tag(source: Source, tag: str, position: int) -> Lora:
    """The LoRA that `tag`, written `<lora:name:weight>`, calls; PromptError where something in it cannot be.

    Weights are in A1111's order, text encoder before denoiser, or named (`te=`, `unet=`); one stands for both. Whatever
    else there is, such as block weights, is kept as it is written.
    """
    kind, _, body = tag[1:-1].partition(":")
    if kind not in NAMES:
        cure = r"Known is <lora:name:weight>; write \< for the character itself."
        source.fail(position, f"There is nothing that <{kind}:...> calls.", cure)
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
