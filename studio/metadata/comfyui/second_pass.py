"""The samplers behind the first one: a second pass where one paints over what was enlarged, else said."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from studio.metadata.comfyui.conditioning import Role, Words
from studio.metadata.comfyui.graph import Graph, Node
from studio.metadata.comfyui.samplers import latent_of, parts_of, saved_pictures
from studio.metadata.comfyui.values import number
from studio.metadata.foreign_names import LANCZOS, LATENT
from studio.metadata.imported import left_out, stem

Size = tuple[int, int]

ROLES: tuple[tuple[Role, tuple[str, ...]], ...] = (
    ("positive", ("positive", "conditioning")),
    ("negative", ("negative", "neg_conditioning")),
)
LEAST = 1.05
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
    if scale is None or scale < LEAST:
        return {}, [*left, f"{second.kind}: no second pass here is like it"]
    if size == (values.get("width"), values.get("height")) and saved_pictures(graph) > 1:
        return {}, [*left, f"{second.kind}: this picture is the one before the second pass"]
    strength = number(graph, second, "denoise")
    pass_ = {
        "hires_scale": round(scale, 3),
        "hires_strength": 1 if strength is None else strength,
        "hires_steps": number(graph, second, "steps"),
        "hires_upscaler": upscaler,
    }
    return pass_, left


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
