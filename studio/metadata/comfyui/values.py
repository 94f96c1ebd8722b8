"""What a node's input comes to: a number, a text put together by other nodes, LoRAs, the name of a file."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from studio.metadata.comfyui.graph import MOST_STEPS, Graph, Link, Node, chosen_input
from studio.metadata.imported import stem

# Where a node that gives one value has it.
NUMBERS = ("value", "int", "float", "number", "Number", "INT", "FLOAT", "seed", "noise_seed", "Value")
TEXTS = (
    "populated_text", "text", "string", "value", "prompt", "String", "text_0", "Text", "STRING", "text_g", "t5xxl",
    "clip_l", "text_l", "positive", "negative", "result", "output",
)  # fmt: skip
DELIMITERS = ("delimiter", "separator", "delim", "sep", "joiner")
WRITTEN = {"\\n": "\n", "comma": ", ", "space": " ", "newline": "\n"}
TAGS = re.compile(r"<lora:([^:<>]{1,200}):(-?[\d.]{1,10})(?::(-?[\d.]{1,10}))?>")
LORA_NAME = re.compile(r"lora(?:_name)?(?:_0?(\d+))?(?:_name)?|lora_0?(\d+)_name")
MOST_CHARACTERS = 100_000
OFF = (False, "Off", "off", "false", "False")
FILES = ("ckpt_name", "unet_name", "base_ckpt_name", "model_name", "model_path", "diffusion_model", "gguf_name", "unet")


def number(graph: Graph, node: Node, *names: str) -> Any:
    """The number, or word, of the first of these inputs that there is; None where nothing plain gives it."""
    for name in names:
        if name in node.inputs:
            return _plain(graph, node.inputs[name], name)
    return None


def _plain(graph: Graph, value: Any, name: str) -> Any:
    for _ in range(MOST_STEPS):
        if not isinstance(value, Link):
            return value if isinstance(value, str | int | float) else None
        found = graph.source(value)
        if found is None:
            return None
        node, _slot = found
        graph.used.add(node.id)
        given = [node.inputs[key] for key in (name, *NUMBERS, "string", "text") if key in node.inputs]
        numbers = [one for one in node.inputs.values() if isinstance(one, int | float) and not isinstance(one, bool)]
        if not given and len(numbers) != 1:
            graph.used.discard(node.id)
            return None
        value = given[0] if given else numbers[0]
    return None


def text(graph: Graph, value: Any, unread: set[str], depth: int = 0) -> str | None:
    """The text that an input is, or that other nodes give it; None where it cannot be told, by kinds in `unread`."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    found = graph.source(value) if isinstance(value, Link) and depth < 50 and graph.goes_on() else None
    if found is None:
        return None
    node, _ = found
    words = _text_of(graph, node, unread, depth + 1)
    if words is None:
        unread.add(node.kind)
    else:
        graph.used.add(node.id)
    return words


def _text_of(graph: Graph, node: Node, unread: set[str], depth: int) -> str | None:
    if node.is_like("concat", "join", "append", "combine", "merge", "stringfunction"):
        return _joined(graph, node, unread, depth)
    if node.is_like("switch"):
        return text(graph, node.inputs.get(chosen_input(node) or ""), unread, depth)
    # What would change a text is not done again here.
    if node.is_like("replace", "styler", "tagger", "regex", "llm", "caption", "ollama", "florence", "random", "split"):
        shown = node.inputs.get("populated_text")
        return shown if isinstance(shown, str) and shown else None
    for name in TEXTS:
        if node.inputs.get(name) not in (None, ""):
            return text(graph, node.inputs[name], unread, depth)
    given = [one for one in node.inputs.values() if isinstance(one, str)]
    return (
        ""
        if "" in (node.inputs.get(name) for name in TEXTS)
        else given[0]
        if len(node.inputs) == 1 == len(given)
        else None
    )


def _joined(graph: Graph, node: Node, unread: set[str], depth: int) -> str | None:
    """The texts of a node that joins them, in the order of their names."""
    delimiter = next((node.inputs[name] for name in DELIMITERS if isinstance(node.inputs.get(name), str)), None)
    names = [
        name for name in node.inputs if re.match(r"(?:text|string|prompt|str|input|s|t)_?[a-z]?\d*$", name.casefold())
    ]
    parts = [text(graph, node.inputs[name], unread, depth) for name in sorted(names)]
    if not parts or None in parts or node.inputs.get("action") == "replace":
        return None
    if delimiter is None:
        delimiter = ", " if node.inputs.get("tidy_tags") == "yes" else ""
    whole = WRITTEN.get(delimiter, delimiter).join(part for part in parts if part)
    return whole if len(whole) <= MOST_CHARACTERS else None


def file_of(graph: Graph, node: Node) -> str | None:
    """The weights that a loader of models names."""
    for name in FILES:
        value = node.inputs.get(name)
        if isinstance(value, Mapping):
            value = value.get("content")
        if isinstance(value, Link):
            value = text(graph, value, set())
        if isinstance(value, str) and value not in ("", "None"):
            return stem(value)
    return None


def loras_of(node: Node) -> Iterator[tuple[Any, Any, Any]]:
    """Name, weight and weight for the text encoders of each LoRA that a node puts on, however it lists them."""
    for value in node.inputs.values():
        if isinstance(value, Mapping) and isinstance(value.get("lora"), str) and value.get("on") not in OFF:
            yield value["lora"], value.get("strength"), value.get("strengthTwo")
    tags = node.inputs.get("text")
    if isinstance(tags, str) and node.is_like("lora") and "loras" not in node.inputs:
        yield from ((name, weight, text or None) for name, weight, text in TAGS.findall(tags[:MOST_CHARACTERS]))
    listed = node.inputs.get("loras")
    listed = listed.get("__value__") if isinstance(listed, Mapping) else listed
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("name"), str) and one.get("active") not in OFF:
            yield one["name"], one.get("strength"), one.get("clipStrength")
    most = node.inputs.get("lora_count")
    for name, given in node.inputs.items():
        found = LORA_NAME.fullmatch(name)
        value = given.get("content") if isinstance(given, Mapping) else given
        if not found or not isinstance(value, str) or value in ("", "None", "none"):
            continue
        place = found[1] or found[2] or ""
        beyond = isinstance(most, int) and place.isdecimal() and int(place) > most
        if node.inputs.get(f"switch_{place}" if place else "switch") not in OFF and not beyond:
            yield value, _weight(node, place, MODEL_WEIGHTS), _weight(node, place, TEXT_WEIGHTS)


MODEL_WEIGHTS = (
    "strength_model", "lora_model_strength", "model_str", "model_weight", "lora_wt", "strength", "lora_strength",
    "weight", "model_strength",
)  # fmt: skip
TEXT_WEIGHTS = ("strength_clip", "lora_clip_strength", "clip_str", "clip_weight", "clip_strength")


def _weight(node: Node, place: str, names: tuple[str, ...]) -> Any:
    """A weight of this number: it may stand before, within or behind its name."""
    if not place:
        return next((node.inputs[name] for name in names if _is_number(node.inputs.get(name))), None)
    for name in names:
        for key in (f"{name}_{place}", f"{name}_0{place}", f"lora_{place}_{name}", f"{name}{place}"):
            if _is_number(node.inputs.get(key)):
                return node.inputs[key]
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
