"""LoRAs: read from any of the common formats, applied by forward hooks that add to the outputs of layers.

The model's weights are never changed: removing the hooks restores the model to the bit, and switching is free. PEFT
wraps the layers instead, which is slower to load and to switch, and leaves the modules changed.
"""

import itertools
import math
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from safetensors.torch import load_file

from studio.backends.base import Held
from studio.catalogue.lora_names import BUNDLED, DENOISER, part
from studio.catalogue.loras import LoraFile
from studio.catalogue.models import Model
from studio.catalogue.named_files import Stamp, stamp_of
from studio.catalogue.tensor_files import header
from studio.engine.changes import Change, LowRank, Roles, changes_of
from studio.engine.layer_names import Place, blocks_by_layer, component_of, places_by_name
from studio.engine.loading import FOREIGN
from studio.errors import DamagedModel, IncompatibleModel, ModelError, UnsupportedModel
from studio.parsing import parse_json
from studio.recipe import Lora, PaintedRecipe

# The most bytes that cached adapters take, besides those in use.
KEPT_BYTES = 2**30
# PEFT's own file names.
PEFT_OWN, PEFT_CONFIG = "adapter_model", "adapter_config.json"
CURE = "The download or copy was interrupted, or the file is for another model: get it again, or leave it out."
Places = tuple[Place, ...]
Hook = Callable[[torch.nn.Module, tuple[Any, ...], torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class LoraAdapter:
    """A LoRA file read for a model: the changes by component and layer; `tensors` is their number."""

    stamp: Stamp
    name: str
    changes: Mapping[str, Mapping[str, tuple[Change, ...]]]
    tensors: int

    @property
    def bytes(self) -> int:
        """The bytes of its tensors."""
        layers = (layer for changes in self.changes.values() for layer in changes.values())
        return sum(change.bytes for layer in layers for change in layer)

    @property
    def reads(self) -> bool:
        """Whether it changes text encoders."""
        return any(component != DENOISER for component in self.changes)


class LoraCache:
    """An LRU cache of adapters in RAM."""

    def __init__(self, budget: int = KEPT_BYTES) -> None:
        self._budget = budget
        self._kept: OrderedDict[tuple[Stamp, str, torch.dtype], LoraAdapter] = OrderedDict()

    def adapter(
        self, file: LoraFile, model: Model, pipe: Any, dtype: torch.dtype, say: Callable[[str], None]
    ) -> LoraAdapter:
        """Return the file for this model, whose pipeline is `pipe`; ModelError where a tensor does not fit."""
        key = (stamp_of(file.path), model.id, dtype)
        if key not in self._kept:
            say(f"Loading {file.name} ...")
            self._kept[key] = load(file, model, pipe, dtype)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(kept.bytes for kept in self._kept.values()) > self._budget:
            self._kept.popitem(last=False)
        return self._kept[key]

    def __len__(self) -> int:
        return len(self._kept)

    def held(self) -> list[Held]:
        """The adapters that are kept; may be asked from any thread."""
        return [Held("LoRA", one.name, 0, one.bytes) for one in list(self._kept.values())]

    def clear(self) -> None:
        """Drop all adapters."""
        self._kept.clear()


class LoraSet:
    """The LoRAs of a recipe with their weights at each step; `orders` are those that block weights come in."""

    def __init__(
        self, recipe: PaintedRecipe, adapters: Sequence[LoraAdapter], orders: Sequence[Sequence[str]] = ()
    ) -> None:
        self.loras = recipe.loras
        self._orders = orders
        self._adapters = adapters
        self._text = [lora.weights[0] * (lora.blocks[0] if lora.blocks else 1) for lora in recipe.loras]
        self._unet = [lora.weights[1] for lora in recipe.loras]

    @property
    def reads(self) -> tuple[tuple[Stamp, float], ...]:
        """A key of what it changes in the text encoders: equal keys encode a prompt alike."""
        applied = zip(self._adapters, self._text, strict=True)
        return tuple((adapter.stamp, weight) for adapter, weight in applied if adapter.reads and weight)

    @property
    def facts(self) -> str:
        """The applied LoRAs in words, for the picture's metadata."""
        return "; ".join(
            f"{adapter.name} {_spoken(lora)}: {adapter.tensors} of {adapter.tensors} tensors"
            for lora, adapter in zip(self.loras, self._adapters, strict=True)
        )

    @contextmanager
    def applied(self, pipe: Any) -> Iterator[None]:
        """Hook the layers of the pipeline while the context lasts; nothing stays behind."""
        with self.reading(pipe), self.denoising(pipe):
            yield

    @contextmanager
    def reading(self, pipe: Any) -> Iterator[None]:
        """The same of the text encoders alone."""
        with ExitStack() as on:
            for component, layers in self.layers(pipe).items():
                if component != DENOISER:
                    on.enter_context(hooked(component_of(pipe, component), layers))
            yield

    @contextmanager
    def denoising(self, pipe: Any) -> Iterator[None]:
        """The same of the denoiser alone, each LoRA in its steps."""
        steps, network = itertools.count(), component_of(pipe, DENOISER)
        layers = self.layers(pipe).get(DENOISER, {})

        def before(*_: object) -> None:
            self.weigh(next(steps), int(pipe.num_timesteps))

        weigh = network.register_forward_pre_hook(before)
        # What stands in for a network that others use puts them on its own rows.
        by_row = getattr(network, "with_loras", None)
        try:
            with by_row(layers) if by_row else hooked(network, layers):
                yield
        finally:
            weigh.remove()

    def weigh(self, step: int, steps: int) -> str:
        """Set the weights of a step: `start` and `end` are compared as diffusers' ControlNet pipelines do.

        Returns a sign for each LoRA: "1" where it is on, else "0".
        """
        on = [step / steps >= lora.start and (step + 1) / steps <= lora.end for lora in self.loras]
        self._unet[:] = [lora.weight if each else 0.0 for lora, each in zip(self.loras, on, strict=True)]
        return "".join("1" if each else "0" for each in on)

    def layers(self, pipe: Any) -> dict[str, dict[str, "Added"]]:
        """The changes to each layer, by component."""
        return {
            component: {
                name: Added(changes, self._unet if component == DENOISER else self._text)
                for name, changes in layers.items()
            }
            for component, layers in self._by_layer(pipe).items()
        }

    def _by_layer(self, pipe: Any) -> dict[str, dict[str, list[tuple[int, Change]]]]:
        layers: dict[str, dict[str, list[tuple[int, Change]]]] = defaultdict(lambda: defaultdict(list))
        for place, (lora, adapter) in enumerate(zip(self.loras, self._adapters, strict=True)):
            shares = self._shares(lora, pipe)
            for component, changes in adapter.changes.items():
                for name, layer in changes.items():
                    share = shares.get(name, 1.0) if component == DENOISER else 1.0
                    if share:
                        weighed = (replace(change, scale=change.scale * share) for change in layer)
                        layers[component][name] += [(place, change) for change in weighed]
        return layers

    def _shares(self, lora: Lora, pipe: Any) -> Mapping[str, float]:
        """The share of its weight that a LoRA has in each layer of the denoiser; 1 in those that are missing."""
        if not lora.blocks:
            return {}
        share = dict(zip(next(o for o in self._orders if len(o) == len(lora.blocks)), lora.blocks, strict=True))
        unet = getattr(pipe.unet, "shared", pipe.unet)
        return {name: share[block] for name, block in blocks_by_layer(unet).items() if block in share}


@contextmanager
def hooked(network: torch.nn.Module, hooks: Mapping[str, Hook]) -> Iterator[None]:
    """While this lasts, the layers of these names give out what their hooks make of it."""
    handles = [network.get_submodule(name).register_forward_hook(hook) for name, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Added:
    """The forward hook of one layer: adds the changes of all LoRAs, low-rank ones as one matrix product."""

    def __init__(self, changes: Sequence[tuple[int, Change]], weights: Sequence[float]) -> None:
        self._changes = changes
        self._weights = weights
        self._made_for: object = None
        self._made: Sequence[Change] = ()

    def __call__(self, layer: torch.nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        # Each is a change of what the bare model gives out.
        whole = output
        for change in self.made(output):
            whole = torch.add(whole, change.added(layer, args[0], output), alpha=change.scale)
        return whole

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each LoRA now; all layers of a component have the same."""
        return tuple(self._weights)

    def made(self, like: torch.Tensor) -> Sequence[Change]:
        """The changes at the weights of now, where `like` is and in its numbers."""
        weights = [self._weights[place] for place, _ in self._changes]
        made_for = (weights, like.device, like.dtype)
        if self._made_for != made_for:
            self._made = _joined([change for _, change in self._changes], weights, like)
            self._made_for = made_for
        return self._made


def load(file: LoraFile, model: Model, pipe: Any, dtype: torch.dtype) -> LoraAdapter:
    """Read a file for a model; ModelError where a tensor belongs to no layer, or does not fit its layer."""
    stamp = stamp_of(file.path)
    try:
        tensors = load_file(file.path)
    except FOREIGN as error:
        raise DamagedModel(f"{file.path.name} cannot be read as a LoRA.", CURE) from error
    named, lost = _sorted(tensors, pipe)
    if lost:
        raise _unfit(file, model, lost, len(tensors))
    alphas = _alphas(file, named)
    changes: dict[str, dict[str, tuple[Change, ...]]] = defaultdict(dict)
    for (component, places), roles in named.items():
        for place in places:
            layer = component_of(pipe, component).get_submodule(place.layer)
            try:
                made = changes_of(roles, layer, place, dtype, alphas[component, place.layer])
            except (LookupError, ValueError, RuntimeError) as error:
                raise _misshapen(file, model, roles, place, layer) from error
            changes[component][place.layer] = changes[component].get(place.layer, ()) + made
    return LoraAdapter(stamp, file.name, changes, len(tensors))


def _sorted(tensors: Mapping[str, torch.Tensor], pipe: Any) -> tuple[dict[tuple[str, Places], Roles], list[str]]:
    """Group the tensors by component, layer and role; and return the names that belong to no layer."""
    known: dict[str, Mapping[str, Places]] = {}
    named: dict[tuple[str, Places], Roles] = defaultdict(dict)
    lost = []
    for key, tensor in tensors.items():
        if BUNDLED.match(key):  # an embedding, which the prompt calls
            continue
        found = part(key)
        if found and found.component not in known:
            known[found.component] = places_by_name(component_of(pipe, found.component))
        places = known[found.component].get(found.flat) if found else None
        if found is None or places is None or found.role in named[found.component, places]:
            lost.append(key)
        else:
            named[found.component, places][found.role] = tensor
    return named, lost


def _alphas(file: LoraFile, named: Mapping[tuple[str, Places], Any]) -> dict[tuple[str, str], float | None]:
    """The alpha of each layer as the file says it, or PEFT's config beside it; ModelError where that is no number."""
    beside = file.path.with_name(PEFT_CONFIG)
    try:
        own = parse_json(beside.read_bytes()) if file.path.stem == PEFT_OWN and beside.is_file() else {}
        alphas = _Alphas(header(file.path).metadata, own)
        layers = [(component, place.layer) for component, places in named for place in places]
        return {(component, layer): alphas.of(component, layer) for component, layer in layers}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnsupportedModel(
            f"{file.path.name} says in words of its own how strong its layers are.",
            "Get it in kohya's format, or saved again by diffusers.",
        ) from error


class _Alphas:
    """The alphas of a file that PEFT wrote: one of all layers, and those of some; `beside` is its own config.

    Raises ValueError where they are not numbers, or for layers that are not simply named.
    """

    def __init__(self, metadata: Mapping[str, str], beside: Mapping[str, Any]) -> None:
        config: dict[str, Any] = parse_json(metadata.get("lora_adapter_metadata", "{}"))
        config |= {f"{name}.{key}": value for key, value in beside.items() for name in ("unet", "transformer")}
        self._config = config

    def of(self, component: str, name: str) -> float | None:
        """The alpha of a layer; None where nothing is said, which means as large as the rank."""
        for prefix in ("unet", "transformer") if component == DENOISER else (component,):
            alpha = self._config.get(f"{prefix}.lora_alpha")
            if alpha is None:
                continue
            value = float(_for_layer(self._config.get(f"{prefix}.alpha_pattern"), name) or alpha)
            if self._config.get(f"{prefix}.use_rslora"):
                rank = _for_layer(self._config.get(f"{prefix}.rank_pattern"), name)
                value *= math.sqrt(float(rank or self._config[f"{prefix}.r"]))
            return value
        return None


def _for_layer(patterns: Mapping[str, Any] | None, name: str) -> Any:
    """What is said of a layer by its name or the end of it; PEFT's patterns could be any, and a bad one never ends."""
    for pattern, value in (patterns or {}).items():
        plain = pattern.removeprefix("^").removesuffix("$").replace("\\.", ".")
        if not re.fullmatch(r"[\w.]+", plain):
            raise ValueError(f"{pattern} names no layer")
        if name == plain or name.endswith(f".{plain}"):
            return value
    return None


def _joined(changes: Sequence[Change], weights: Sequence[float], like: torch.Tensor) -> list[Change]:
    """The weighted changes to a layer on the device of `like`; low-rank ones as one matrix product."""
    weighed = [
        replace(change.to(like), scale=weight * change.scale)
        for change, weight in zip(changes, weights, strict=True)
        if weight
    ]
    low = [change for change in weighed if isinstance(change, LowRank)]
    others = [change for change in weighed if not isinstance(change, LowRank)]
    if len(low) > 1:
        downs, ups = [change.down for change in low], [change.up * change.scale for change in low]
        low = [LowRank(torch.cat(downs), torch.cat(ups, dim=1))]
    return [*low, *others]


def _spoken(lora: Lora) -> str:
    text, unet = lora.weights
    words = f"{unet:g}" if text == unet else f"{unet:g}, text {text:g}"
    return f"{words}, by blocks" if lora.blocks else words


def _unfit(file: LoraFile, model: Model, lost: Sequence[str], tensors: int) -> ModelError:
    how = "not at all" if len(lost) == tensors else "only in part"
    return IncompatibleModel(
        f"{file.path.name} fits {model.name} {how}: {len(lost)} of its {tensors} tensors belong to no layer of it, "
        f"such as {lost[0]}.",
        CURE,
    )


def _misshapen(file: LoraFile, model: Model, roles: Roles, place: Place, layer: Any) -> ModelError:
    shapes = ", ".join(f"{role} {list(tensor.shape)}" for role, tensor in roles.items())
    return IncompatibleModel(
        f"{file.path.name} does not fit {model.name}: its {shapes} cannot be for {place.layer}, which is "
        f"{list(layer.weight.shape)}.",
        "Choose a LoRA for this model, or leave it out.",
    )
