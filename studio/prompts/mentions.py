"""The LoRAs that a prompt mentions: where each stands and what it calls, and a prompt with one said otherwise."""

import re
from collections.abc import Collection

from studio.prompts.language import Lora, tag_of
from studio.prompts.parser import TOKEN, parse
from studio.prompts.tags import name_of
from studio.shorthand import folded

HEAD = re.compile(r"<\w+:(?:\\.|[^:\\>])*")
ENDING = ".safetensors"
Place = tuple[int, int, str]


def mentions(prompt: str) -> list[Place]:
    """Start, end and name of each mention, also of one with a fault or with a weight to be drawn."""
    tags = [token for token in TOKEN.finditer(prompt) if token.lastgroup == "tag"]
    return [(tag.start(), tag.end(), name) for tag in tags if (name := name_of(tag[0])) is not None]


def calling(name: str, known: Collection[str]) -> str | None:
    """Which of the `known` names a name calls: it itself, or one in another case, with or without folder or ending."""
    return name if name in known else next((one for one in known if _alike(name, one)), None)


def of(prompt: str, name: str) -> list[Place]:
    """The mentions of one LoRA; where some say its name just so, none but these."""
    every = mentions(prompt)
    exact = [place for place in every if place[2] == name]
    return exact or [place for place in every if _alike(place[2], name)]


def weighed(prompt: str, name: str, weight: str) -> str | None:
    """The prompt with this weight in each mention of a LoRA; None where there is none."""
    places = of(prompt, name)
    for start, end, _ in reversed(places):
        head = HEAD.match(prompt, start, end)
        prompt = f"{prompt[:start]}{head[0] if head else ''}:{weight}>{prompt[end:]}"
    return prompt if places else None


def rewritten(prompt: str, name: str, lora: Lora | None) -> str:
    """The prompt with each mention of the LoRA `name` made `lora`, or taken out for None; the rest stays as it is.

    Raises InvalidPrompt where the prompt cannot be read.
    """
    read = {span.start for span in parse(prompt).spans if span.kind == "lora"}
    for start, end, _ in reversed(of(prompt, name)):
        if start in read:
            before, after = prompt[:start], prompt[end:]
            prompt = f"{before}{tag_of(lora)}{after}" if lora else _joined(before, after)
    return prompt


def without(prompt: str) -> str:
    """The prompt without any mention, for a model that takes no LoRAs; InvalidPrompt where it cannot be read."""
    for name in dict.fromkeys(name for *_, name in mentions(prompt)):
        prompt = rewritten(prompt, name, None)
    return prompt


def _alike(one: str, other: str) -> bool:
    one, other = (folded(name).replace("\\", "/").removesuffix(ENDING) for name in (one, other))
    return one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")


def _joined(before: str, after: str) -> str:
    """What stood around something, without the space and the comma that set it off."""
    left, right = before.rstrip(" "), after.lstrip(" ")
    if not left.rpartition("\n")[2]:
        return left + right.removeprefix(",").lstrip(" ")
    if not right.partition("\n")[0]:
        return left.rstrip(",").rstrip(" ") + right
    if right.startswith(","):
        return left.rstrip(",") + right
    return f"{left} {right}" if before != left or after != right else left + right
