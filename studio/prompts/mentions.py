"""A prompt with a LoRA that it mentions said otherwise, or taken out."""

from studio.prompts.language import Lora, tag_of
from studio.prompts.parser import parse
from studio.prompts.source import Source
from studio.prompts.tags import read_tag


def rewritten(prompt: str, name: str, lora: Lora | None) -> str:
    """The prompt with each mention of the LoRA `name` made `lora`, or taken out for None; the rest stays as it is.

    Raises PromptError where the prompt cannot be read.
    """
    source = Source(prompt, "prompt")
    places = [(span.start, span.end) for span in parse(prompt).spans if span.kind == "lora"]
    for start, end in reversed(places):
        if read_tag(source, prompt[start:end], start).name == name:
            before, after = prompt[:start], prompt[end:]
            prompt = f"{before}{tag_of(lora)}{after}" if lora else _joined(before, after)
    return prompt


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
