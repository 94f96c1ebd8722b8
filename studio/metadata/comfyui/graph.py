"""A graph of ComfyUI: nodes by id, whose inputs are values or links to another node's output."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.metadata.foreign_names import plain

# A graph of more nodes is no picture's.
MOST_NODES = 5_000
# As many nodes are gone through for one value; a graph that leads back to itself ends there.
MOST_STEPS = 400
# And as many for the texts of all.
MOST_WALKED = 20_000
NUMBERED = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True)
class Link:
    """An output of a node."""

    node: str
    slot: int


@dataclass(frozen=True)
class Node:
    """One node: `kind` is its class, `inputs` are values and links by name, `outputs` names where they are known."""

    id: str
    kind: str
    inputs: Mapping[str, Any]
    outputs: tuple[str, ...] = ()

    def links(self) -> Iterator[tuple[str, Link]]:
        """The inputs that are links."""
        for name, value in self.inputs.items():
            if isinstance(value, Link):
                yield name, value

    def link(self, *names: str) -> Link | None:
        """The first of these inputs that is a link."""
        return next((value for name in names if isinstance(value := self.inputs.get(name), Link)), None)

    def is_like(self, *words: str) -> bool:
        """Whether its kind holds one of these words, without case and signs."""
        kind = plain(self.kind)
        return any(word in kind for word in words)


@dataclass
class Graph:
    """The nodes; `used` are the ids of those that were read, `left` how many more steps may be gone in all."""

    nodes: Mapping[str, Node]
    used: set[str] = field(default_factory=set)
    left: int = MOST_WALKED

    def get(self, link: Link | None) -> Node | None:
        """The node of a link, where it is there."""
        return self.nodes.get(link.node) if link else None

    def behind(self, link: Link | None) -> Iterator[Node]:
        """Every node that leads there, the nearest first."""
        ahead, seen = [link], set[str]()
        while ahead and len(seen) < MOST_STEPS:
            node = self.get(ahead.pop(0))
            if node and node.id not in seen:
                seen.add(node.id)
                yield node
                chosen = passed_on(node)
                ahead += [chosen] if chosen else [one for _, one in node.links()]

    def goes_on(self) -> bool:
        """Whether there is a step left: nodes that call one another twice would take for ever."""
        self.left -= 1
        return self.left > 0

    def source(self, link: Link | None) -> tuple[Node, int] | None:
        """The node that gives what a link brings, and by which output; reroutes and switches give on what they get."""
        for _ in range(MOST_STEPS):
            node = self.get(link)
            if node is None or link is None:
                return None
            further = passed_on(node)
            if further is None:
                return node, link.slot
            self.used.add(node.id)
            link = further
        return None


def read(given: Any) -> Graph | None:
    """The graph in the form of ComfyUI's queue: `{"3": {"class_type": …, "inputs": {…}}}`; None where it is none."""
    if not isinstance(given, Mapping) or len(given) > MOST_NODES:
        return None
    nodes = {
        str(key): Node(str(key), node["class_type"], {str(k): _value(v) for k, v in node["inputs"].items()})
        for key, node in given.items()
        if isinstance(node, Mapping)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs"), Mapping)
    }
    return Graph(nodes) if nodes else None


def passed_on(node: Node) -> Link | None:
    """The link that a node gives on as it is: a reroute's, or the chosen one of a switch."""
    links = dict(node.links())
    if node.is_like("reroute") and len(links) == 1:
        return next(iter(links.values()))
    if not node.is_like("switch", "selector"):
        return None
    if "on_true" in node.inputs or "on_false" in node.inputs:
        chosen = next((value for value in node.inputs.values() if isinstance(value, bool)), None)
        return None if chosen is None else links.get("on_true" if chosen else "on_false")
    if node.is_like("anyswitch"):
        # The first that there is: rgthree.
        return next((links[name] for name in sorted(links)), None)
    return links.get(chosen_input(node) or "")


def chosen_input(node: Node) -> str | None:
    """The input that a switch with a number lets through."""
    number = next(
        (node.inputs[name] for name in ("select", "Input", "input", "index") if _is_index(node.inputs, name)), 0
    )
    names = (name for name in node.inputs if (found := NUMBERED.search(name)) and int(found[1]) == number)
    return next(names, None)


def _is_index(inputs: Mapping[str, Any], name: str) -> bool:
    return isinstance(inputs.get(name), int) and not isinstance(inputs.get(name), bool)


def _value(value: Any) -> Any:
    """A link where it is one: an id and the number of an output."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int) and isinstance(value[0], str | int):
        return Link(str(value[0]), value[1])
    return value
