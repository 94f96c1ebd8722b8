"""The words that lead to a sampler's positive or negative input, through the outputs that links name."""

from dataclasses import dataclass, field
from typing import Any, Literal

from studio.metadata.comfyui.graph import Graph, Link, Node
from studio.metadata.comfyui.values import number, text

Role = Literal["positive", "negative"]

MOST_DEPTH = 60
# Where a node that encodes text has it, the fullest first.
ENCODED = (
    "populated_text", "text", "t5xxl", "text_g", "clip_g", "prompt", "string", "clip_l", "text_l", "caption", "llama",
    "text_positive", "text_negative",
)  # fmt: skip
# Pipes and contexts carry all that a picture is made of.
PIPES = ("basic_pipe", "pipe", "sdxl_pipe", "base_ctx", "context", "ctx", "ctx_01")
# They change how words count and say no words.
QUIET = ("fluxguidance", "zeroout", "combine", "concat", "conditioningset", "pipe", "context", "loader", "encode")


@dataclass
class Words:
    """What was found on the way: `texts` beside one another, `unread` kinds that make a text, Flux's `guidance`.

    `placed` are the texts for a part of the picture, or of the steps; they stand behind all others.
    """

    graph: Graph
    role: Role
    texts: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    guidance: Any = None
    placed: set[str] = field(default_factory=set)
    _seen: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def behind(cls, graph: Graph, given: Any, role: Role) -> "Words":
        """All that an input of this role leads to."""
        words = cls(graph, role)
        found = [given] if isinstance(given, str) else words.follow(given, 0)
        words.texts = sorted(dict.fromkeys(text.strip() for text in found), key=words.placed.__contains__)
        return words

    def follow(self, link: Any, depth: int) -> list[str]:
        """The texts that a link brings, the main one first."""
        found = self.graph.source(link) if isinstance(link, Link) and depth < MOST_DEPTH else None
        if found is None or (found[0].id, found[1]) in self._seen:
            return []
        node, slot = found
        self._seen.add((node.id, slot))
        if node.is_like(*QUIET):
            self.graph.used.add(node.id)
        if node.is_like("zeroout"):
            return [""]
        if self.guidance is None:
            self.guidance = number(self.graph, node, "guidance")
        if node.is_like("concat") and node.link("conditioning_to"):
            return self._joined(node, depth)
        if node.is_like("combine", "average") and len(dict(node.links())) > 1:
            return [one for name in sorted(dict(node.links())) for one in self.follow(node.inputs[name], depth + 1)]
        own = self._own(node)
        return self._given_on(node, slot, depth) if own is None else own

    def _given_on(self, node: Node, slot: int, depth: int) -> list[str]:
        """The texts that a node lets through."""
        further = self._further(node, slot)
        if further is None:
            self.unread.add(node.kind)
            return []
        texts = self.follow(further, depth + 1)
        if node.is_like("conditioningset", "regional"):
            self.placed |= {text.strip() for text in texts}
        return texts

    def _joined(self, node: Node, depth: int) -> list[str]:
        """The tokens of one behind those of the other: what BREAK does in a prompt."""
        first = self.follow(node.inputs.get("conditioning_to"), depth + 1)
        second = self.follow(node.inputs.get("conditioning_from"), depth + 1)
        if not first or not second:
            return first or second
        return [f"{first[0]}\0{second[0]}", *first[1:], *second[1:]]

    def _own(self, node: Node) -> list[str] | None:
        """The texts that a node encodes itself; None where it encodes none."""
        names = [name for name in (self.role, *ENCODED) if name in node.inputs]
        given = {name: node.inputs[name] for name in names if not self._is_conditioning(node, name)}
        if not given:
            return None
        texts = [text(self.graph, value, self.unread) for value in given.values()]
        distinct = list(dict.fromkeys(one for one in texts if one is not None))
        if distinct:
            self.graph.used.add(node.id)
        # Of a text for each encoder an empty one says nothing.
        return [one for one in distinct if one] or distinct[:1]

    def _is_conditioning(self, node: Node, name: str) -> bool:
        """Whether an input named as a role brings words that are encoded already."""
        link = node.inputs[name]
        if name not in ("positive", "negative") or not isinstance(link, Link):
            return False
        giver = self.graph.source(link)
        return giver is None or not giver[0].is_like("string", "text") or giver[0].is_like("encode", "conditioning")

    def _further(self, node: Node, slot: int) -> Link | None:
        """The input that becomes this output."""
        pair = {
            role: node.link(role, f"base_{role}", f"{role}_cond", f"cond_{role}") for role in ("positive", "negative")
        }
        if all(pair.values()):
            return pair[self._side(node, slot)]
        names = ("conditioning", "cond", "conditioning_to", "CONDITIONING", "conditioning_1", "cond1", "c", *PIPES)
        other = "negative" if self.role == "positive" else "positive"
        return pair[self.role] or node.link(*names) or (pair[other] if slot == 0 and not node.is_like("pipe") else None)

    def _side(self, node: Node, slot: int) -> Role:
        """Which of a pair comes out there: by the output's name, else the first is the positive one."""
        name = node.outputs[slot].casefold() if slot < len(node.outputs) else ""
        if "negative" in name or "positive" in name:
            return "negative" if "negative" in name else "positive"
        if node.is_like("pipe", "context", "loader") or slot > 1:
            return self.role
        return "negative" if slot == 1 else "positive"
