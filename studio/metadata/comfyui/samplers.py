"""The samplers of a graph, known by their shape: a latent goes in, and words, or a guider, or a pipe of all."""

from collections.abc import Iterator
from typing import Any

from studio.metadata.comfyui.conditioning import PIPES
from studio.metadata.comfyui.graph import MOST_STEPS, Graph, Link, Node

LATENTS = ("latent_image", "latent", "samples", "latents", "init_latent")
WORDS = ("positive", "conditioning", "guider", *PIPES)
SAMPLING = ("steps", "sigmas", "sampler_name", "sampler")
NEXT_MODEL = ("model", "MODEL", "base_model", "unet", *PIPES)
SAVING = ("save", "output", "imagesaver")
MOST_CHAIN = 20


def is_sampler(node: Node) -> bool:
    """Whether it removes noise, by its inputs; what enlarges tile by tile, or mends faces, takes a picture instead."""
    shaped = node.link(*LATENTS) and node.link(*WORDS) and any(name in node.inputs for name in SAMPLING)
    piped = node.is_like("ksampler") and node.link(*PIPES)
    return bool(shaped or piped) or (node.kind.startswith("KSampler") and "steps" in node.inputs)


def chain_of(graph: Graph) -> list[Node]:
    """The samplers that made the picture, the first to paint before those that paint over it."""
    chains = [_chain(graph, end) for end in _ends(graph)]
    longest = max(chains, key=len, default=[])
    if longest:
        return longest
    # A graph without an end, or one that is known to end in something else.
    others = [node for node in graph.nodes.values() if is_sampler(node)]
    return max((_behind(graph, node) for node in others), key=len, default=[])


def saved_pictures(graph: Graph) -> int:
    """How many nodes save a picture."""
    return sum(node.is_like(*SAVING) for node in _ends(graph))


def leading_to(graph: Graph, samplers: tuple[Node, ...]) -> list[Node]:
    """The nodes that had a part in the picture: those behind an end that one of these samplers leads to."""
    found: dict[str, Node] = {}
    for end in _ends(graph):
        behind = {end.id: end} | {node.id: node for _, link in end.links() for node in graph.behind(link)}
        if any(sampler.id in behind for sampler in samplers):
            found |= behind
    return list(found.values())


def _ends(graph: Graph) -> list[Node]:
    """The nodes that pictures end in: those that save, else any that nothing is linked to."""
    linked = {link.node for node in graph.nodes.values() for _, link in node.links()}
    ends = [node for node in graph.nodes.values() if dict(node.links()) and node.id not in linked]
    return [node for node in ends if node.is_like(*SAVING)] or ends


def _chain(graph: Graph, end: Node) -> list[Node]:
    if is_sampler(end):
        return _behind(graph, end)
    last = next((node for _, link in end.links() for node in graph.behind(link) if is_sampler(node)), None)
    return _behind(graph, last) if last else []


def _behind(graph: Graph, last: Node) -> list[Node]:
    chain = [last]
    while len(chain) < MOST_CHAIN:
        before = next((n for n in graph.behind(latent_of(graph, chain[0])) if is_sampler(n) and n not in chain), None)
        if before is None:
            return chain
        chain.insert(0, before)
    return chain


def latent_of(graph: Graph, sampler: Node) -> Link | None:
    """The link that brings what the sampler starts from."""
    return next((link for part in parts_of(graph, sampler) if (link := part.link(*LATENTS))), None)


def parts_of(graph: Graph, sampler: Node) -> list[Node]:
    """The sampler, its guider, and the nodes of its pipe: the first of them that has an input says it."""
    parts = [sampler]
    for part in parts:
        for link in (part.link("guider"), part.link(*PIPES)):
            found = graph.source(link)
            if found and found[0] not in parts and len(parts) < MOST_CHAIN:
                parts.append(found[0])
    return parts


def models_behind(graph: Graph, link: Any) -> Iterator[Node]:
    """The nodes that a model goes through, the nearest first."""
    for _ in range(MOST_STEPS):
        found = graph.source(link) if isinstance(link, Link) else None
        if found is None:
            return
        yield found[0]
        link = found[0].link(*NEXT_MODEL)


def model_of(graph: Graph, sampler: Node) -> Any:
    """What brings the sampler its model: a link, or a value."""
    return next((p.inputs[name] for p in parts_of(graph, sampler) for name in NEXT_MODEL if name in p.inputs), None)
