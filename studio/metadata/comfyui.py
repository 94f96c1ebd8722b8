"""ComfyUI's graph, as its pictures hold it: recipe fields from the nodes around the sampler, and what else there is."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from studio.errors import LibraryError
from studio.metadata.parameters import Heard
from studio.schedulers import SCHEDULERS

Graph = Mapping[str, Mapping[str, Any]]

SAMPLERS: Mapping[str, str] = {
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "dpm_2": "DPM2",
    "lms": "LMS",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_gpu": "DPM++ 2M SDE",
    "uni_pc": "UniPC",
    "uni_pc_bh2": "UniPC",
    "deis": "DEIS",
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "lcm": "LCM",
}
EVEN = frozenset(["", "normal", "simple", "sgm_uniform", "ddim_uniform"])
TEXTS = ("text", "text_g", "t5xxl", "value", "string")
CHECKPOINTS = ("ckpt_name", "unet_name")
# What is read of a sampler.
SAMPLING = frozenset(
    {
        "model", "positive", "negative", "latent_image", "seed", "noise_seed", "steps", "cfg", "sampler_name",
        "scheduler", "denoise",
    }
)  # fmt: skip
# What every graph has, and no recipe says.
PLAIN = frozenset(
    (
        "VAEDecode",
        "VAEDecodeTiled",
        "VAELoader",
        "CLIPLoader",
        "DualCLIPLoader",
        "TripleCLIPLoader",
        "CheckpointLoaderSimple",
        "UNETLoader",
        "ConditioningZeroOut",
        "SaveImage",
        "PreviewImage",
        "Note",
    )
)


def read(graph: Any) -> Heard:
    """What the graph says; LibraryError where it is none, or has no sampler that is known."""
    given = graph if isinstance(graph, Mapping) else {}
    nodes = {key: node for key, node in given.items() if _is_node(node)}
    samplers = [key for key, node in nodes.items() if node["class_type"].startswith("KSampler")]
    if not samplers:
        raise LibraryError(
            "This text is no ComfyUI graph with a KSampler.", "Take a picture of ComfyUI, A1111, Forge or this studio."
        )
    # The first to paint starts from no other.
    first = next((key for key in samplers if not {*_behind(nodes, key, "latent_image")} & {*samplers}), samplers[0])
    return _Reading(nodes, first).heard()


class _Reading:
    """The nodes that lead to one sampler; `left` are those that say something for which there is no place."""

    def __init__(self, nodes: Graph, sampler: str) -> None:
        self.nodes = nodes
        self.sampler = sampler
        self.used = {sampler}
        self.left: list[str] = []

    def heard(self) -> Heard:
        values = {**self._words(), **self._model(), **self._size(), **self._sampling()}
        others = [node["class_type"] for key, node in self.nodes.items() if key not in self.used]
        self.left += [f"{kind}: no recipe says what it does" for kind in dict.fromkeys(others) if kind not in PLAIN]
        return Heard.of({name: value for name, value in values.items() if value is not None}, self.left)

    def _sampling(self) -> dict[str, Any]:
        name, schedule = str(self._said(self.sampler, "sampler_name")), str(self._said(self.sampler, "scheduler") or "")
        scheduler = SAMPLERS.get(name, name)
        whole = f"{scheduler} {schedule.title()}"
        if whole not in SCHEDULERS and schedule not in EVEN:
            self.left.append(f"Scheduler {schedule}: {scheduler} has no such one here")
        if (denoise := self._said(self.sampler, "denoise")) not in (None, 1):
            self.left.append(f"Denoise {denoise}: the picture that it belongs to is not in the file")
        others = {name: value for name, value in self.nodes[self.sampler]["inputs"].items() if name not in SAMPLING}
        self.left += [f"{name} {value}" for name, value in others.items()]
        seed = self._said(self.sampler, "seed")
        return {
            "scheduler": whole if whole in SCHEDULERS else scheduler,
            "steps": self._said(self.sampler, "steps"),
            "guidance_scale": self._guidance(),
            "seed": self._said(self.sampler, "noise_seed") if seed is None else seed,
        }

    def _guidance(self) -> Any:
        """What Flux is guided by stands in a node of its own; the sampler's is 1 then."""
        for key in _behind(self.nodes, self.sampler, "positive"):
            if (told := self._said(key, "guidance")) is not None:
                self.used.add(key)
                return told
        return self._said(self.sampler, "cfg")

    def _words(self) -> dict[str, Any]:
        return {name: self._text(link) for name, link in (("prompt", "positive"), ("negative_prompt", "negative"))}

    def _text(self, link: str) -> str:
        texts = []
        for key in _behind(self.nodes, self.sampler, link):
            if self.nodes[key]["class_type"] == "ConditioningZeroOut":
                return ""
            found = next((text for name in TEXTS if isinstance(text := self._said(key, name), str)), None)
            if found is not None:
                self.used.add(key)
                texts.append(found)
        texts = list(dict.fromkeys(texts))
        self.left += [f"Another {link} prompt: {text[:60]}" for text in texts[1:]]
        return texts[0] if texts else ""

    def _model(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        loras = []
        for key in _behind(self.nodes, self.sampler, "model"):
            if lora := self._said(key, "lora_name"):
                weight, text = (self._said(key, f"strength_{part}") for part in ("model", "clip"))
                loras.append({"name": _stem(lora), "weight": weight, "text_weight": None if text == weight else text})
                self.used.add(key)
            elif file := next(filter(None, (self._said(key, name) for name in CHECKPOINTS)), None):
                values["model"] = _stem(file)
                self.used.add(key)
        return values | ({"loras": loras[::-1]} if loras else {})

    def _size(self) -> dict[str, Any]:
        for key in _behind(self.nodes, self.sampler, "latent_image"):
            width, height = self._said(key, "width"), self._said(key, "height")
            if width and height:
                self.used.add(key)
                return {"width": width, "height": height}
        return {}

    def _said(self, key: str, name: str) -> Any:
        """A value of a node; where another node gives it, that one's."""
        value = self.nodes[key]["inputs"].get(name)
        if not isinstance(value, list):
            return value
        giver = str(value[0]) if value else ""
        given = self.nodes[giver]["inputs"] if giver in self.nodes else {}
        found = next((given[one] for one in (name, *TEXTS, "int", "float") if _is_plain(given.get(one))), None)
        if found is not None:
            self.used.add(giver)
        return found


def _behind(nodes: Graph, key: str, link: str) -> Iterator[str]:
    """The nodes that lead into an input of a node, the nearest first."""
    ahead, seen = [nodes[key]["inputs"].get(link)], set[str]()
    while ahead:
        value = ahead.pop(0)
        name = str(value[0]) if isinstance(value, list) and value else ""
        if name in nodes and name not in seen:
            seen.add(name)
            yield name
            ahead += nodes[name]["inputs"].values()


def _is_node(value: Any) -> bool:
    is_one = isinstance(value, Mapping) and isinstance(value.get("class_type"), str)
    return is_one and isinstance(value.get("inputs"), Mapping)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _stem(file: Any) -> str:
    """The name of a file without folders and ending; it may be written on Windows."""
    return PurePosixPath(str(file).replace("\\", "/")).stem
