"""The settings around the first sampler of a graph, the second pass behind it, and what else there is."""

import re
from collections.abc import Iterator
from typing import Any

from studio.metadata.comfyui import second_pass
from studio.metadata.comfyui.conditioning import PIPES, Role, Words
from studio.metadata.comfyui.graph import MOST_STEPS, Graph, Link, Node
from studio.metadata.comfyui.samplers import (
    LATENTS,
    chain_of,
    latent_of,
    leading_to,
    model_of,
    models_behind,
    parts_of,
)
from studio.metadata.comfyui.values import file_of, loras_of, number
from studio.metadata.foreign_names import plain, scheduler
from studio.metadata.imported import NO_PICTURE, ImportedSettings, clip_skip, left_out, stem
from studio.metadata.readers.base import seed
from studio.prompts.dialects import from_comfyui

# What is read of a sampler, and what says nothing that a recipe lacks.
READ = frozenset(
    {
        "model", "positive", "negative", "latent_image", "seed", "noise_seed", "steps", "cfg", "sampler_name",
        "scheduler", "denoise", "control_after_generate", "preview_method", "vae_decode", "sampler", "sigmas", "noise",
        "guider", "Random seed after every gen", "guidance", "conditioning", "neg_conditioning", "denoise_strength",
        "add_noise",
    }
)  # fmt: skip
IDLE = (None, "", 0, False, "enable", "disable", "None", "none", "fixed", "randomize")
# What every graph has, and no recipe says.
PLAIN = (
    "vaedecode", "vaeloader", "cliploader", "clipvisionloader", "checkpointloader", "unetloader", "saveimage",
    "previewimage", "imagesave", "note", "showtext", "displaytext", "previewany", "primitive", "reroute", "emptylatent",
    "emptysd3latent", "label", "fastgroup", "preview", "getnode", "setnode", "upscalemodelloader",
)  # fmt: skip
SIZES = (("width", "height"), ("empty_latent_width", "empty_latent_height"), ("Width", "Height"))
DIMENSIONS = re.compile(r"\s*(\d{2,5})\s*[x×]\s*(\d{2,5})(?:\D.*)?", re.DOTALL)
# What loaders call the VAE that a checkpoint brings along.
OWN_VAE = ("", "none", "bakedvae", "automatic", "pixelspace")
NO_STRENGTH = "there is no picture to start from"


def read(graph: Graph, size: tuple[int, int] | None = None) -> ImportedSettings | None:
    """What the graph says; None where it has no sampler. `size` is the picture's own."""
    chain = chain_of(graph)
    return _Reading(graph, chain, size).imported() if chain else None


class _Reading:
    """The nodes that lead to one sampler; `left` are those that say something for which there is no place."""

    def __init__(self, graph: Graph, chain: list[Node], size: tuple[int, int] | None) -> None:
        self.graph = graph
        self.sampler, *self.later = chain
        self.parts = parts_of(graph, self.sampler)
        self.size = size
        self.left: list[str] = []
        graph.used |= {part.id for part in self.parts}

    def imported(self) -> ImportedSettings:
        positive, negative = self._words("positive"), self._words("negative")
        values = {
            **self._prompt(positive, "prompt"),
            **self._prompt(negative, "negative_prompt"),
            **self._model(),
            **(size := self._size()),
            **self._sampling(positive, pictured=not size),
            **self._clip_skip(),
            **self._vae(),
        }
        words: dict[Role, Words] = {"positive": positive, "negative": negative}
        chain = (self.sampler, *self.later)
        further, left = second_pass.read(self.graph, chain, values, words, self.size)
        if further.get("hires_scale") == 1 and second_pass.takes_over(self.graph, *chain[:2]):
            self.left = [line for line in self.left if not line.startswith("end_at_step")]
        self.left += left
        values |= further
        values = {name: value for name, value in values.items() if value is not None}
        return ImportedSettings(values, (*self.left, *self._others()), "ComfyUI")

    def _link(self, *names: str) -> Any:
        """The first of these inputs of the sampler, its guider or its pipe, a link or a value."""
        return next((part.inputs[name] for part in self.parts for name in names if name in part.inputs), None)

    def _words(self, role: Role) -> Words:
        names = ("positive", "conditioning", "cond1") if role == "positive" else ("negative", "neg_conditioning")
        return Words.behind(self.graph, self._link(*names), role)

    def _prompt(self, words: Words, name: str) -> dict[str, str]:
        """The main text; the others are said. One that cannot be told is not taken for an empty one."""
        texts = words.texts
        label = "prompt" if name == "prompt" else "negative prompt"
        for unread in sorted(words.unread):
            self.left.append(f"The {label} is made by nodes that are not read: {unread}")
        if not texts:
            linked = self._link(words.role, *(("neg_conditioning",) if words.role == "negative" else ("conditioning",)))
            # Flux and its kin have no negative prompt at all.
            return {} if words.unread or linked is not None else {name: ""} if words.role == "negative" else {}
        for text in texts[1:]:
            where = ", for a part of the picture" if text in words.placed else ""
            self.left.append(left_out(f"Another {words.role} prompt{where}:", text))
        return {name: " BREAK ".join(from_comfyui(part) for part in texts[0].split("\0"))}

    def _model(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        loras: list[dict[str, Any]] = []
        last = ""
        for node in self._models(model_of(self.graph, self.sampler)):
            found = [_lora(*one) for one in loras_of(node)]
            loras += found[::-1]
            name = file_of(self.graph, node)
            if found or name or node.is_like("pipe", "context"):
                self.graph.used.add(node.id)
            last = node.kind
            if node.is_like("modelmerge"):
                self.left.append(f"The model is merged from several: {node.kind}")
                break
            if name:
                values["model"] = name
                break
        else:
            self.left += [f"The model comes from a node that is not read: {last}"] if last else []
        unique = {one["name"]: one for one in loras[::-1]}
        return values | ({"loras": list(unique.values())} if unique else {})

    def _models(self, link: Any) -> Iterator[Node]:
        """The nodes that the model goes through, and the stacks of LoRAs beside them."""
        for node in models_behind(self.graph, link):
            stack = node.link("lora_stack", "optional_lora_stack")
            while stack and (listed := self.graph.source(stack)) and listed[0].id not in self.graph.used:
                self.graph.used.add(listed[0].id)
                yield listed[0]
                stack = listed[0].link("lora_stack", "optional_lora_stack")
            yield node

    def _clip_skip(self) -> dict[str, int]:
        """Which layer of CLIP the words come from, counted from the last one as A1111 counts."""
        for node in leading_to(self.graph, (self.sampler,)):
            if isinstance(layer := node.inputs.get("stop_at_clip_layer"), int):
                self.graph.used.add(node.id)
                return clip_skip(-layer)
        return {}

    def _vae(self) -> dict[str, str]:
        """The VAE that decodes, where one file is loaded for that."""
        for node in leading_to(self.graph, (self.sampler,)):
            loader = self.graph.source(node.link("vae")) if node.is_like("decode") else None
            name = loader[0].inputs.get("vae_name") if loader else None
            if isinstance(name, str) and plain(name) not in OWN_VAE:
                return {"vae": stem(name)}
        return {}

    def _size(self) -> dict[str, Any]:
        link: Link | None = latent_of(self.graph, self.sampler)
        if link is None:
            return next((sides for part in self.parts if (sides := self._sides(part))), {})
        for _ in range(MOST_STEPS):
            found = self.graph.source(link)
            if found is None:
                return {}
            node = found[0]
            sides = self._sides(node)
            if sides is not None:
                self.graph.used.add(node.id)
                return sides
            further = node.link(*LATENTS, "samples1", "samples_to", "samples_from", *PIPES)
            if further is None:
                pictured = node.link("pixels", "image", "images")
                if not pictured:
                    self.left.append(f"The size comes from a node that is not read: {node.kind}")
                return {}
            link = further
        return {}

    def _sides(self, node: Node) -> dict[str, Any] | None:
        """Width and height together, nothing where one of them cannot be told; None where the node has no size.

        A node may say both in one text.
        """
        for across, along in SIZES:
            if across in node.inputs and along in node.inputs:
                width, height = number(self.graph, node, across), number(self.graph, node, along)
                if width and height:
                    return {"width": width, "height": height}
                unknown = [name for name, side in ((across, width), (along, height)) if not side]
                makers = {found[0].kind for name in unknown if (found := self.graph.source(node.link(name)))}
                self.left.append(f"The size is made by nodes that are not read: {', '.join(sorted(makers))}")
                return {}
        for name in ("resolution", "dimensions", "size", "ratio_selected"):
            match = DIMENSIONS.fullmatch(str(node.inputs.get(name, ""))[:60])
            if match:
                return {"width": int(match[1]), "height": int(match[2])}
        return None

    def _sampling(self, positive: Words, *, pictured: bool) -> dict[str, Any]:
        sigmas = self._first_with(self._link("sigmas"), "steps")
        name, schedule = self._sampler_name(), self._of("scheduler", sigmas)
        if schedule is None and sigmas and sigmas.is_like("karras"):
            schedule = "karras"
        ours = None
        if isinstance(name, str):
            ours, why = scheduler(name, str(schedule or ""))
            self.left += [why.replace("Schedule type", "Scheduler")] if why else []
        steps = self._of("steps", sigmas)
        denoise = self._of("denoise", sigmas)
        if denoise not in (None, 1, 1.0):
            self.left.append(left_out("Denoise", denoise, NO_PICTURE if pictured else NO_STRENGTH))
        unknown = {"sampler": ours, "number of steps": steps}
        self.left += [f"The {what} is said by no node that is read" for what, value in unknown.items() if value is None]
        noise = self.graph.source(self._link("noise")) if isinstance(self._link("noise"), Link) else None
        self.left += _besides(self.sampler, steps)
        guidance = positive.guidance
        return {
            "scheduler": ours,
            "steps": steps,
            "guidance_scale": self._of("cfg", None) if guidance is None else guidance,
            "seed": seed(self._of("seed", None) if self._of("seed", None) is not None else self._seed(noise)),
        }

    def _seed(self, noise: tuple[Node, int] | None) -> Any:
        own = self._of("noise_seed", None)
        if own is not None or noise is None:
            return own
        self.graph.used.add(noise[0].id)
        return number(self.graph, noise[0], "noise_seed", "seed")

    def _sampler_name(self) -> Any:
        """The sampler by its name, or by the kind of the node that gives it."""
        given = self._link("sampler_name", "sampler")
        if not isinstance(given, Link):
            return given
        found = self.graph.source(given)
        if found is None:
            return None
        self.graph.used.add(found[0].id)
        named = number(self.graph, found[0], "sampler_name", "value", "sampler")
        return named or re.sub(r"^Sampler_?|Sampler$", "", found[0].kind)

    def _of(self, name: str, other: Node | None) -> Any:
        """A number or word of the sampler, its guider or pipe, or of another node."""
        for part in (*self.parts, *((other,) if other else ())):
            if name in part.inputs:
                value = number(self.graph, part, name)
                if value is None and part.inputs[name] is not None:
                    self.left.append(f"{name.capitalize()} comes from nodes that are not read")
                return value
        return None

    def _first_with(self, link: Any, name: str) -> Node | None:
        """The nearest node behind a link that has this input."""
        found = next((n for n in self.graph.behind(link if isinstance(link, Link) else None) if name in n.inputs), None)
        if found:
            self.graph.used.add(found.id)
        return found

    def _others(self) -> Iterator[str]:
        """What nobody read, once for each kind."""
        reported = set[str]()
        for node in leading_to(self.graph, (self.sampler, *self.later)):
            if node.id in self.graph.used or node.is_like(*PLAIN) or node.kind in reported:
                continue
            reported.add(node.kind)
            if node.is_like("loadimage", "controlnet", "ipadapter"):
                yield f"{node.kind}: {NO_PICTURE}"
            else:
                yield f"{node.kind}: no recipe says what it does"


def _lora(name: Any, weight: Any, text: Any) -> dict[str, Any]:
    strength = {} if weight is None else {"weight": weight, "text_weight": None if text == weight else text}
    return {"name": stem(name), **strength}


def _besides(sampler: Node, steps: Any) -> list[str]:
    """What else a sampler says."""
    whole = {"end_at_step": lambda value: isinstance(steps, int) and isinstance(value, int) and value >= steps}
    return [
        left_out(name, value)
        for name, value in sampler.inputs.items()
        if name not in READ
        and isinstance(value, str | int | float)
        and value not in IDLE
        and not (name in whole and whole[name](value))
    ]
