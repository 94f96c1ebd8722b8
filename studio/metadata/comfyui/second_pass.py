"""The samplers behind the first one: a second pass where one paints over what was enlarged, or by another model."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from studio.metadata.comfyui.conditioning import Role, Words
from studio.metadata.comfyui.graph import Graph, Node
from studio.metadata.comfyui.samplers import latent_of, model_of, models_behind, parts_of, saved_pictures
from studio.metadata.comfyui.values import file_of, number
from studio.metadata.foreign_names import LANCZOS, LATENT
from studio.metadata.imported import known, left_out, refined, stem

Size = tuple[int, int]

ROLES: tuple[tuple[Role, tuple[str, ...]], ...] = (
    ("positive", ("positive", "conditioning")),
    ("negative", ("negative", "neg_conditioning")),
)
# What is enlarged by less keeps its size.
LEAST = 1.05
# What a recipe says once for both passes.
ONCE = {"sampler_name": "Sampler", "scheduler": "Scheduler", "cfg": "Guidance scale"}
# As far apart the sides' factors may be by rounding.
SHAPE = 0.03
FACTOR = re.compile(r"(?:^|\D)([248])x|x([248])(?:\D|$)", re.IGNORECASE)


def read(
    graph: Graph, chain: Sequence[Node], values: Mapping[str, Any], words: Mapping[Role, Words], size: Size | None
) -> tuple[dict[str, Any], list[str]]:
    """What the second sampler of a chain sets, and what else the later ones say; `size` is the picture's own.

    `values` and `words` are those of the first.
    """
    if len(chain) < 2:
        return {}, []
    first, second, *more = chain
    graph.used |= {node.id for node in chain}
    left = [f"{node.kind}: a further pass" for node in more] + _other_words(graph, second, words)
    scale, upscaler = _enlarged(graph, first, second, values)
    model, unread = _other_model(graph, first, second)
    left += unread
    same_size = scale is not None and abs(scale - 1) < LEAST - 1
    if scale is None or (same_size and not model) or scale < 2 - LEAST:
        return {}, [*left, f"{second.kind}: no second pass here is like it"]
    if size == (values.get("width"), values.get("height")) and saved_pictures(graph) > 1:
        if not same_size:
            return {}, [*left, f"{second.kind}: this picture is the one before the second pass"]
        left.append(f"{second.kind}: this picture may be the one before the second pass, both are of one size")
    left += _otherwise(graph, first, second)
    steps, strength = number(graph, second, "steps"), _strength(graph, second)
    if same_size and takes_over(graph, first, second):
        return refined(model, round(1 - strength, 3), steps, left), left
    sized = {"hires_scale": 1} if same_size else {"hires_scale": round(scale, 3), "hires_upscaler": upscaler}
    return known({**sized, "hires_model": model, "hires_strength": strength, "hires_steps": steps}), left


def takes_over(graph: Graph, first: Node, second: Node) -> bool:
    """Whether the second sampler goes on at the step where the first one ended, over the noise that was left."""
    end, start = number(graph, first, "end_at_step"), number(graph, second, "start_at_step")
    return isinstance(start, int) and start > 0 and end == start


def _strength(graph: Graph, second: Node) -> float:
    """How much the second sampler may change; one that is told the step to start at, as the share that is left."""
    start, steps = number(graph, second, "start_at_step"), number(graph, second, "steps")
    if isinstance(start, int) and isinstance(steps, int) and 0 <= start < steps:
        return round(1 - start / steps, 3)
    strength = number(graph, second, "denoise")
    return strength if isinstance(strength, int | float) else 1


def _other_model(graph: Graph, first: Node, second: Node) -> tuple[str | None, list[str]]:
    """The weights of the second sampler where they are others than the first one's; what cannot be told is said."""
    before, path = (list(models_behind(graph, model_of(graph, sampler))) for sampler in (first, second))
    own = [node for node in path if node not in before]
    names = [next(filter(None, (file_of(graph, node) for node in nodes)), None) for nodes in (before, path)]
    merged = next((node.kind for node in own if node.is_like("modelmerge")), None)
    if merged:
        return None, [f"The model of the second pass is merged from several: {merged}"]
    if names[1] is None and path and path[-1] in own:
        return None, [f"The model of the second pass comes from a node that is not read: {path[-1].kind}"]
    graph.used |= {node.id for node in own if file_of(graph, node)}
    return (names[1] if names[1] != names[0] else None), []


def _otherwise(graph: Graph, first: Node, second: Node) -> list[str]:
    """What the second sampler is told otherwise than the first one, where a recipe has one place for both."""
    left = []
    for name, label in ONCE.items():
        one, other = (number(graph, sampler, name) for sampler in (first, second))
        if None not in (one, other) and one != other:
            left.append(left_out(f"{label} of the second pass", other))
    end, steps = number(graph, second, "end_at_step"), number(graph, second, "steps")
    if isinstance(end, int) and isinstance(steps, int) and end < steps:
        left.append(left_out("end_at_step of the second pass", end))
    return left


def _other_words(graph: Graph, second: Node, words: Mapping[Role, Words]) -> list[str]:
    """Where the second pass has other words."""
    left = []
    for role, names in ROLES:
        given = next((p.inputs[name] for p in parts_of(graph, second) for name in names if name in p.inputs), None)
        texts = Words.behind(graph, given, role).texts
        if texts and texts != words[role].texts:
            left.append(left_out(f"Another {role} prompt in the second pass:", texts[0]))
    return left


def _enlarged(graph: Graph, first: Node, second: Node, values: Mapping[str, Any]) -> tuple[float | None, str]:
    """By how much, and by what, between the two samplers; by None where the shape changed, or cannot be told."""
    scale, way, model, absolute = 1.0, "", "", False
    for node in graph.behind(latent_of(graph, second)):
        if node is first:
            break
        if node.is_like("upscalewithmodel"):
            graph.used.add(node.id)
            loader = graph.source(node.link("upscale_model"))
            model = stem(number(graph, loader[0], "model_name") or "") if loader else ""
            scale *= 1 if absolute else _factor(model)
        elif node.is_like("scale") and not node.is_like("loader") and not absolute:
            graph.used.add(node.id)
            way = way or (LATENT if node.is_like("latent") else LANCZOS)
            factor, absolute = _scaled(graph, node, values)
            if factor is None:
                return None, way
            # A size in pixels is the last word on it, whatever was enlarged before.
            scale = factor if absolute else scale * factor
    return scale, model or way or LATENT


def _scaled(graph: Graph, node: Node, values: Mapping[str, Any]) -> tuple[float | None, bool]:
    """By how much a node scales, and whether it says that in pixels."""
    factor = number(graph, node, "scale_by", "upscale_by", "upscale", "rescale_factor")
    if isinstance(factor, int | float):
        return factor, False
    sides = [number(graph, node, name) for name in ("width", "height")]
    base = [values.get(name) for name in ("width", "height")]
    if not all(isinstance(side, int) and side > 0 for side in (*sides, *base)):
        return None, True
    across, along = (new / old for new, old in zip(sides, base, strict=True))
    return (across if abs(across - along) < SHAPE * across else None), True


def _factor(name: str) -> float:
    """How many times an upscaler enlarges, by its name; most do four times."""
    found = FACTOR.search(name)
    return float(found[1] or found[2]) if found else 4.0
