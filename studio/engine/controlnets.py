"""ControlNets: loads them, and turns a recipe's control units into the arguments of a pipeline's call."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import torch
from diffusers import (
    ControlNetUnionModel,
    FluxControlNetModel,
    FluxMultiControlNetModel,
    MultiControlNetModel,
    SD3ControlNetModel,
    SD3MultiControlNetModel,
)
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
from safetensors.torch import load_file

from studio.catalogue.controlnets import ControlNet, ControlNets
from studio.catalogue.models import Model
from studio.engine.loading import load_part, translated, unfilled
from studio.engine.requests import LatentRow, Pass
from studio.errors import DamagedModel, IncompatibleModel
from studio.recipe import ControlUnit, PaintedRecipe

# How much less each layer counts than the next deeper one, where prompt or map is favoured: as in the extension of
# A1111 that people know the modes from. What is deep says what is where, what is shallow says the strokes.
FALLOFF = 0.825
CURE = "The download or copy was interrupted, or the file is of something else: get it again."


def load(controlnet: ControlNet, controlnets: ControlNets, dtype: torch.dtype) -> torch.nn.Module:
    """Load the network on the CPU, every weight from its files; ModelError that names file and cure."""
    place = controlnets.place(controlnet)
    config = controlnets.config(controlnet)
    if controlnet.single_file:
        return _of_file(controlnet, place, config, dtype)
    # The config on the hub may name another class, which would take a part of the weights, or none.
    kind = getattr(diffusers, controlnet.network)
    return load_part(controlnet, place.parent, place.name, kind, dtype, **controlnets.network_options(controlnet))


def _of_file(controlnet: ControlNet, path: Path, config: dict[str, Any], dtype: torch.dtype) -> torch.nn.Module:
    with translated(controlnet, f"{path.name} cannot be loaded", CURE):
        with torch.device("meta"):
            network = getattr(diffusers, str(config["_class_name"])).from_config(config)
        tensors = convert_controlnet_checkpoint(load_file(path), network.config)
        network.load_state_dict(tensors, assign=True)
    if lacking := unfilled(network):
        raise DamagedModel(f"{path.name} lacks {len(lacking)} of its weights, such as {lacking[0]}.", CURE)
    module: torch.nn.Module = network.to(dtype).eval()
    return module


def check_sides(controlnet: ControlNet, network: Any, model: Model, pipe: Any) -> None:
    """Raise IncompatibleModel where a ControlNet's `block_out_channels` are not those of the model's UNet."""
    denoiser = getattr(pipe, "unet", None)
    theirs, own = (getattr(getattr(one, "config", None), "block_out_channels", None) for one in (denoiser, network))
    if denoiser is not None and list(theirs or ()) != list(own or ()):
        raise IncompatibleModel(
            f"{controlnet.name} does not fit {model.name}: its layers are {own} wide, the model's {theirs}.",
            "Choose a ControlNet that was trained for this model, or for the one that it was made of.",
        )


class ControlNetConditioning:
    """A recipe's control maps and their networks, in the same order; `network` is what the pipeline takes for all.

    `ranges` are the values of black and white that each network expects, None where they are the pipeline's.
    """

    def __init__(
        self,
        recipe: PaintedRecipe,
        networks: Sequence[Any],
        numbers: Sequence[int | None],
        ranges: Sequence[tuple[float, float] | None],
    ) -> None:
        self.units = recipe.mapped_units
        self.ranges = ranges
        self.numbers = list(numbers)
        self.network: Any
        if isinstance(networks[0], FluxControlNetModel):
            self.network = _FluxMaps(networks)
        elif isinstance(networks[0], SD3ControlNetModel):
            self.network = SD3MultiControlNetModel(networks)
        else:
            self.network = _LayerMaps(networks, self.units, numbers, guided=recipe.guided)

    def arguments(self, pipe: Any, pass_: Pass, rows: Sequence[LatentRow]) -> dict[str, Any]:
        """The arguments of the pipeline's call for the maps of these rows."""
        takes = inspect.signature(type(pipe).__call__).parameters
        processor = getattr(pipe, "control_image_processor", pipe.image_processor)
        maps = [
            _brought_to(
                self.ranges[k],
                processor.preprocess([row.maps[k] for row in rows], height=pass_.height, width=pass_.width),
                processor.config.do_normalize,
            )
            for k in range(len(self.units))
        ]
        offered = {
            "control_image" if "control_image" in takes else "image": maps,
            "control_mode": self.numbers,
            "controlnet_conditioning_scale": [unit.weight for unit in self.units],
            "control_guidance_start": [unit.start for unit in self.units],
            "control_guidance_end": [unit.end for unit in self.units],
        }
        return {name: value for name, value in offered.items() if name in takes}

    @contextmanager
    def reading(self, vae: Any) -> Iterator[None]:
        """Encode maps without noise while the context lasts.

        The pipeline of Stable Diffusion 3 samples a map's latents from the global generator, which no seed reproduces.
        """
        if not isinstance(self.network, SD3MultiControlNetModel):
            yield
            return
        encode = vae.encode
        vae.encode = lambda pixels: SimpleNamespace(latent_dist=SimpleNamespace(sample=encode(pixels).latent_dist.mode))
        try:
            yield
        finally:
            del vae.encode


class _LayerMaps(MultiControlNetModel):  # type: ignore[misc]  # diffusers has no types
    """ControlNets of a UNet, each with the mode of its unit; those of weight 0 at a step are not called.

    `numbers` are the control types for union networks; `guided` means that half of the batch is unconditional.
    """

    def __init__(
        self, networks: Sequence[Any], units: Sequence[ControlUnit], numbers: Sequence[int | None], *, guided: bool
    ) -> None:
        super().__init__(networks)
        self.units = tuple(units)
        self.numbers = tuple(numbers)
        self.guided = guided

    def forward(
        self,
        sample: torch.Tensor,
        timestep: Any,
        encoder_hidden_states: torch.Tensor,
        controlnet_cond: Sequence[torch.Tensor],
        conditioning_scale: Sequence[float],
        added_cond_kwargs: dict[str, torch.Tensor] | None = None,
        guess_mode: bool = False,
        **rest: Any,
    ) -> tuple[list[torch.Tensor] | None, torch.Tensor | None]:
        """The residuals for the UNet's skip connections and its middle block; None where no unit has weight."""
        del rest
        # A network that pools its map lets the pipeline take the half with the prompt alone, and wait for an answer.
        inputs = (sample, encoder_hidden_states, added_cond_kwargs or {})
        summed: list[torch.Tensor] | None = None
        for k, (image, scale) in enumerate(zip(controlnet_cond, conditioning_scale, strict=True)):
            if scale or guess_mode:
                added = self._added(k, inputs, timestep, image, scale, halved=guess_mode)
                summed = added if summed is None else [a + b for a, b in zip(summed, added, strict=True)]
        return (summed[:-1], summed[-1]) if summed else (None, None)

    def _added(
        self, k: int, inputs: tuple[Any, ...], timestep: Any, image: torch.Tensor, scale: float, *, halved: bool
    ) -> list[torch.Tensor]:
        mode = self.units[k].mode
        half = mode == "control" and self.guided and not halved
        sample, words, more = _second_half(inputs) if half else inputs
        image = image.chunk(2)[1] if half else image
        network, number = self.nets[k], self.numbers[k]
        kwargs: dict[str, Any] = {"controlnet_cond": image, "conditioning_scale": scale}
        if isinstance(getattr(network, "shared", network), ControlNetUnionModel):
            kinds = torch.zeros(len(sample), network.config.num_control_type, device=sample.device, dtype=words.dtype)
            kinds[:, number] = 1
            kwargs = {
                "controlnet_cond": [image],
                "conditioning_scale": [scale],
                "control_type": kinds,
                "control_type_idx": [number],
            }
        down, middle = network(
            sample, timestep, encoder_hidden_states=words, added_cond_kwargs=more or None, return_dict=False, **kwargs
        )
        layers = [*down, middle]
        if mode != "balanced":
            deepest = len(layers) - 1
            layers = [layer * FALLOFF ** (deepest - depth) for depth, layer in enumerate(layers)]
        return [torch.cat([torch.zeros_like(layer), layer]) for layer in layers] if half else layers


class _FluxMaps(FluxMultiControlNetModel):  # type: ignore[misc]  # diffusers has no types
    """ControlNets of FLUX; its image pipelines give the control mode once, not for each image of a batch."""

    def forward(self, hidden_states: torch.Tensor, controlnet_mode: Any, **rest: Any) -> Any:
        """As the parent's."""
        modes = [mode.expand(len(hidden_states)) for mode in controlnet_mode]
        return super().forward(hidden_states=hidden_states, controlnet_mode=modes, **rest)


def _brought_to(ends: tuple[float, float] | None, maps: torch.Tensor, signed: bool) -> torch.Tensor:
    """Rescale maps from [0, 1], or [-1, 1] where `signed`, to the range `ends`."""
    if ends is None:
        return maps
    shares = (maps + 1) / 2 if signed else maps
    return ends[0] + shares * (ends[1] - ends[0])


def _second_half(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    sample, words, more = inputs
    return sample.chunk(2)[1], words.chunk(2)[1], {name: value.chunk(2)[1] for name, value in more.items()}
