"""A workflow of ComfyUI, as its page saves it, made the graph that its queue would get.

Bypassed nodes let what is of their output's type through, muted ones give nothing; subgraphs are unfolded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.metadata.comfyui.graph import MOST_NODES, MOST_STEPS, Graph, Link, Node

MUTED, BYPASSED = 2, 4
INPUT_NODE, OUTPUT_NODE = "-10", "-20"
MOST_DEPTH = 8
# What stands behind a seed among the values: what becomes of it for the next picture.
AFTER_SEED = frozenset({"fixed", "increment", "decrement", "randomize"})
SEEDS = ("seed", "noise_seed")
# The names of the values, in order, where the file does not say them.
VALUES: Mapping[str, tuple[str, ...]] = {
    "KSampler": ("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        "add_noise", "noise_seed", "steps", "cfg", "sampler_name", "scheduler", "start_at_step", "end_at_step",
        "return_with_leftover_noise",
    ),
    "SamplerCustom": ("add_noise", "noise_seed", "cfg"),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "RandomNoise": ("noise_seed",),
    "CFGGuider": ("cfg",),
    "FluxGuidance": ("guidance",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
    "CLIPTextEncodeSDXL": (
        "width", "height", "crop_w", "crop_h", "target_width", "target_height", "text_g", "text_l",
    ),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "LatentUpscale": ("upscale_method", "width", "height", "crop"),
    "LatentUpscaleBy": ("upscale_method", "scale_by"),
    "ImageScaleBy": ("upscale_method", "scale_by"),
    "ImageScale": ("upscale_method", "width", "height", "crop"),
    "UpscaleModelLoader": ("model_name",),
    "VAELoader": ("vae_name",),
    "PrimitiveNode": ("value",),
    "StringConcatenate": ("string_a", "string_b", "delimiter"),
    "ControlNetApplyAdvanced": ("strength", "start_percent", "end_percent"),
}  # fmt: skip


def read(given: Any) -> Graph | None:
    """The graph of a workflow; None where it is none."""
    if not isinstance(given, Mapping) or not isinstance(given.get("nodes"), list):
        return None
    definitions = given.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    known = (
        {str(one.get("id")): one for one in subgraphs if isinstance(one, Mapping)}
        if isinstance(subgraphs, list)
        else {}
    )
    flat = _Flat(known)
    flat.add(given, "", 0)
    nodes = {id_: node for id_, node in flat.nodes.items() if id_ not in flat.passed}
    return Graph({id_: flat.resolved(node) for id_, node in nodes.items()}) if nodes else None


@dataclass
class _Flat:
    """Nodes of all levels in one mapping; `passed` says of an output which link it only gives on, None for nothing."""

    known: Mapping[str, Mapping[str, Any]]
    nodes: dict[str, Node] = field(default_factory=dict)
    passed: dict[str, Mapping[int, Link | None]] = field(default_factory=dict)
    named: dict[str, Link] = field(default_factory=dict)

    def add(self, level: Mapping[str, Any], prefix: str, depth: int) -> None:
        """All nodes of one level, their ids behind `prefix`."""
        links = _links(level.get("links"), prefix)
        for raw in level["nodes"]:
            if isinstance(raw, Mapping) and isinstance(raw.get("type"), str) and len(self.nodes) < MOST_NODES:
                self._add_node(raw, prefix + str(raw.get("id")), links, depth)

    def _add_node(self, raw: Mapping[str, Any], id_: str, links: Mapping[Any, Link], depth: int) -> None:
        ports = [port for port in _list(raw.get("inputs")) if isinstance(port, Mapping)]
        wired = {
            str(p.get("name")): links[p.get("link")] for p in ports if _is_key(p.get("link")) and p["link"] in links
        }
        outputs = [port for port in _list(raw.get("outputs")) if isinstance(port, Mapping)]
        names = tuple(str(port.get("name")) for port in outputs)
        self.nodes[id_] = node = Node(id_, raw["type"], {**_values(raw, ports), **wired}, names)
        if raw.get("mode") == MUTED:
            self.passed[id_] = {}
        elif raw.get("mode") == BYPASSED:
            by_type = [(port.get("type"), wired.get(str(port.get("name")))) for port in ports]
            self.passed[id_] = {
                slot: next((link for kind, link in by_type if link and kind == port.get("type")), None)
                for slot, port in enumerate(outputs)
            }
        elif raw["type"] == "SetNode" and wired:
            self.named[str(_first(raw))] = next(iter(wired.values()))
        elif raw["type"] in self.known and depth < MOST_DEPTH:
            self._unfold(self.known[raw["type"]], node, ports, depth)

    def _unfold(self, inner: Mapping[str, Any], node: Node, ports: list[Mapping[str, Any]], depth: int) -> None:
        """The nodes of a subgraph; its own ends are joined with those of the node that stands for it."""
        prefix = f"{node.id}:"
        given = [
            node.inputs.get(str(port.get("name"))) for port in _list(inner.get("inputs")) if isinstance(port, Mapping)
        ]
        del ports
        if not isinstance(inner.get("nodes"), list):
            return
        self.passed[prefix + INPUT_NODE] = {
            slot: value if isinstance(value, Link) else None for slot, value in enumerate(given)
        }
        self.add(inner, prefix, depth + 1)
        ends = {
            int(one["target_slot"]): Link(prefix + str(one.get("origin_id")), int(one["origin_slot"]))
            for one in _list(inner.get("links"))
            if isinstance(one, Mapping)
            and str(one.get("target_id")) == OUTPUT_NODE
            and isinstance(one.get("target_slot"), int)
            and isinstance(one.get("origin_slot"), int)
        }
        self.passed[node.id] = ends

    def resolved(self, node: Node) -> Node:
        """The node with its links led on to nodes that give something themselves."""
        inputs = {name: self._end(v) if isinstance(v, Link) else v for name, v in node.inputs.items()}
        return Node(node.id, node.kind, {n: v for n, v in inputs.items() if v is not None}, node.outputs)

    def _end(self, link: Link | None) -> Link | None:
        for _ in range(MOST_STEPS):
            if link is None:
                return None
            node = self.nodes.get(link.node)
            if link.node in self.passed:
                link = self.passed[link.node].get(link.slot)
            elif node and node.kind == "GetNode":
                link = self.named.get(str(node.inputs.get("value")))
            else:
                return link
        return None


def _links(given: Any, prefix: str) -> dict[Any, Link]:
    """Where each link of a level comes from, by its number: a list, or an object in subgraphs."""
    found: dict[Any, Link] = {}
    for one in _list(given):
        if isinstance(one, list) and len(one) >= 5 and _is_key(one[0]) and isinstance(one[2], int):
            found[one[0]] = Link(prefix + str(one[1]), one[2])
        elif isinstance(one, Mapping) and _is_key(one.get("id")) and isinstance(one.get("origin_slot"), int):
            found[one["id"]] = Link(prefix + str(one.get("origin_id")), one["origin_slot"])
    return found


def _values(raw: Mapping[str, Any], ports: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The values of a node by their names."""
    given = raw.get("widgets_values")
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    names = VALUES.get(raw["type"]) or [str(port["widget"].get("name")) for port in ports if _has_widget(port)]
    values = list(_named(list(names), _list(given)))
    if raw["type"] in ("GetNode", "SetNode"):
        values.append(("value", _first(raw)))
    elif raw["type"] == "Power Lora Loader (rgthree)":
        values += [
            (f"lora_{n}", one) for n, one in enumerate(_list(given)) if isinstance(one, Mapping) and "lora" in one
        ]
    return dict(values)


def _named(names: list[str], given: list[Any]) -> Iterator[tuple[str, Any]]:
    rest = iter(given)
    for name in names:
        value = next(rest, None)
        if isinstance(value, str) and value in AFTER_SEED and name != "control_after_generate":
            value = next(rest, None)
        yield name, value


def _has_widget(port: Mapping[str, Any]) -> bool:
    return isinstance(port.get("widget"), Mapping) and isinstance(port["widget"].get("name"), str)


def _first(raw: Mapping[str, Any]) -> Any:
    return next(iter(_list(raw.get("widgets_values"))), None)


def _is_key(value: Any) -> bool:
    return isinstance(value, int | str)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
