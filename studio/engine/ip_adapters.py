"""IP-Adapters: image prompts that a UNet attends to beside the text, in the steps of their units."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.unet import UNet2DConditionLoadersMixin
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from diffusers.models.embeddings import ImageProjection, MultiIPAdapterImageProjection
from PIL.Image import Image
from safetensors.torch import load_file
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from studio.catalogue.controlnets import ControlNet, ControlNets
from studio.engine.loading import load_part, translated
from studio.errors import IncompatibleModel
from studio.recipe import PaintedRecipe

CURE = "The download or copy was interrupted, or the file is of something else: get it again."


class IpAdapter(torch.nn.Module):
    """An IP-Adapter: `projection` maps image features to tokens, `keys` and `values` project these for cross-attention.

    There is one of each for every cross-attention of the UNet, in its order.
    """

    def __init__(self, projection: torch.nn.Module, attentions: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self.projection = projection
        # Files number all attentions of the UNet; only cross-attentions have weights (1.to_k_ip, 3.to_k_ip ...).
        numbers = sorted({int(name.partition(".")[0]) for name in attentions})
        if len(attentions) != 2 * len(numbers):
            raise ValueError("its attentions to words have not two weights each")
        self.widths = [len(attentions[f"{number}.to_k_ip.weight"]) for number in numbers]
        self.keys = torch.nn.ModuleList(_linear(attentions[f"{number}.to_k_ip.weight"]) for number in numbers)
        self.values = torch.nn.ModuleList(_linear(attentions[f"{number}.to_v_ip.weight"]) for number in numbers)

    def check_fit(self, controlnet: ControlNet, unet: Any) -> None:
        """Raise IncompatibleModel where number or widths of the UNet's cross-attentions differ from the adapter's."""
        theirs = [unet.get_submodule(name.removesuffix(".processor")).inner_dim for name in _attentions(unet)]
        if theirs != self.widths:
            raise IncompatibleModel(
                f"{controlnet.name} does not fit the model: it has {len(self.widths)} attentions of the widths "
                f"{sorted(set(self.widths))}, the model {len(theirs)} of {sorted(set(theirs))}.",
                "Choose an IP-Adapter that was trained for this model, or for the one that it was made of.",
            )

    @torch.no_grad()
    def sees(self, encoder: Any, picture: Image) -> torch.Tensor:
        """Encode a zero image and the picture: (2, 1, width), or (2, 1, patches, width) for the Plus variants."""
        side = encoder.config.image_size
        pixels = CLIPImageProcessor(size=side, crop_size=side)(picture, return_tensors="pt").pixel_values
        pixels = pixels.to(encoder.device, encoder.dtype)
        if isinstance(self.projection, ImageProjection):
            seen = encoder(pixels).image_embeds
            return torch.stack([torch.zeros_like(seen), seen])
        # One after the other, as diffusers does: a batch of two would differ in the last bits.
        both = (torch.zeros_like(pixels), pixels)
        return torch.stack([encoder(one, output_hidden_states=True).hidden_states[-2] for one in both])


class ImagePrompts:
    """A recipe's image prompts: their adapters and image embeddings, on the device."""

    def __init__(
        self, recipe: PaintedRecipe, adapters: Sequence[IpAdapter], seen: Sequence[torch.Tensor], device: torch.device
    ) -> None:
        self.units = recipe.image_prompts
        self.adapters = adapters
        self.guided = recipe.guided
        self.seen = seen
        self.device = device

    def arguments(self) -> dict[str, Any]:
        """The arguments of the pipeline's call; without guidance there is no unconditional half."""
        return {"ip_adapter_image_embeds": [seen if self.guided else seen[1:] for seen in self.seen]}

    @contextmanager
    def attached(self, pipe: Any) -> Iterator[None]:
        """Attach the adapters to the pipeline's UNet while the context lasts, each in the steps of its unit."""
        unet, projection = pipe.unet, self._projection()
        scales = [0.0] * len(self.units)
        steps = itertools.count()
        projection.register_forward_pre_hook(lambda *_: self._weigh(scales, next(steps), pipe.num_timesteps))
        processors, width = dict(unet.attn_processors), unet.config.cross_attention_dim
        ours = {name: self._processor(k, width, scales) for k, name in enumerate(_attentions(unet))}
        before = unet.encoder_hid_proj, unet.config.encoder_hid_dim_type
        try:
            unet.set_attn_processor(processors | ours)
            _set_projection(unet, projection, "ip_image_proj")
            yield
        finally:  # in this order, as a projection can have processors of its own
            _set_projection(unet, *before)
            unet.set_attn_processor(processors)

    def _projection(self) -> Any:
        """The projections of all adapters; the UNet calls them once a step, before its cross-attentions."""
        for adapter in self.adapters:  # offload hooks of the UNet move the projections with it
            adapter.to(self.device)
        return MultiIPAdapterImageProjection([adapter.projection for adapter in self.adapters])

    def _processor(self, k: int, width: int, scales: list[float]) -> Any:
        """The attention processor of the k-th cross-attention, sharing the adapters' weights."""
        keys, values = ([getattr(one, name)[k] for one in self.adapters] for name in ("keys", "values"))
        with torch.device("meta"):
            processor = IPAdapterAttnProcessor2_0(self.adapters[0].widths[k], width, [0] * len(keys), scales)
        processor.to_k_ip, processor.to_v_ip = torch.nn.ModuleList(keys), torch.nn.ModuleList(values)
        return processor

    def _weigh(self, scales: list[float], step: int, steps: int) -> None:
        """Set the scales for a step: `start` and `end` are compared as diffusers' ControlNet pipelines do."""
        for k, unit in enumerate(self.units):
            idle = step / steps < unit.start or (step + 1) / steps > unit.end
            scales[k] = 0.0 if idle else unit.weight


def load(controlnet: ControlNet, controlnets: ControlNets, dtype: torch.dtype) -> IpAdapter:
    """Load the adapter on the CPU, every weight from its file and none left over; ModelError with file and cure."""
    path = controlnets.place(controlnet)
    with translated(controlnet, f"{path.name} cannot be loaded", CURE):
        tensors = load_file(path)
        # diffusers converts each kind of projection in a UNet's mixin; the method needs no UNet.
        convert = UNet2DConditionLoadersMixin()._convert_ip_adapter_image_proj_to_diffusers  # noqa: SLF001 - its only place
        projection = convert(_below("image_proj.", tensors), low_cpu_mem_usage=False)
        adapter = IpAdapter(projection, _below("ip_adapter.", tensors))
    adapter.to(dtype).eval()
    return adapter


def load_encoder(controlnet: ControlNet, folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    """The image encoder of an adapter, on the CPU; ModelError with folder and cure."""
    return load_part(controlnet, folder.parent, folder.name, CLIPVisionModelWithProjection, dtype)


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _linear(weight: torch.Tensor) -> torch.nn.Linear:
    width, length = weight.shape
    linear = torch.nn.Linear(length, width, bias=False, device="meta")
    linear.weight = torch.nn.Parameter(weight, requires_grad=False)
    return linear


def _attentions(unet: Any) -> list[str]:
    """The names of a UNet's cross-attention processors, in the order in which adapter files number them."""
    return [name for name in unet.attn_processors if name.endswith("attn2.processor")]


def _set_projection(unet: Any, projection: Any, kind: str | None) -> None:
    # Delete it first: assigning None over a module leaves an empty entry in `_modules`.
    del unet.encoder_hid_proj
    unet.encoder_hid_proj = projection
    unet.config.encoder_hid_dim_type = kind
