"""Where a pipeline's modules are between their turns: on the device, or kept off it whole or layer by layer."""

import inspect
from typing import Any

import torch
from accelerate.hooks import remove_hook_from_module
from diffusers.hooks import apply_group_offloading

from studio.engine.device import CARDS, Device
from studio.engine.loading import pipeline_class
from studio.engine.memory import Offload

# What group offloading registers on the modules of a part, see diffusers.hooks.group_offloading.
GROUP_HOOKS = ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading")


def modules(pipe: Any) -> dict[str, torch.nn.Module]:
    """The parts of a pipeline that have weights, by name."""
    return {name: part for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)}


def sibling(pipe: Any, name: str, **more: Any) -> Any:
    """A pipeline of class `name` with the very modules of `pipe`, some `more`, and a fresh scheduler.

    Not `from_pipe` of the class: it casts the shared modules to float32.
    """
    cls = pipeline_class(name)
    scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
    known = {"add_watermarker": False, **pipe.config, **pipe.components, "scheduler": scheduler, **more}
    takes = [name for name in inspect.signature(cls.__init__).parameters if name != "self"]
    made = cls(**{name: known[name] for name in takes if name in known})
    made.set_progress_bar_config(disable=True)
    return made


def place(pipe: Any, offload: Offload, device: Device) -> None:
    """Put a pipeline's modules where `offload` wants them between their turns, however they were kept before."""
    parts = modules(pipe)
    pipe.remove_all_hooks()  # what it knows of its own
    for part in parts.values():
        unhook(part)
    if offload == "model":
        # Its hooks belong to one pipeline object: each sibling is placed anew.
        pipe.enable_model_cpu_offload(device=device.torch_device)
        return
    # A stream gives back the weights as they were when it was set up, and the VAE changes its number format: it decodes
    # in float32. It is small, so it stays on the device; it goes there last, when the others have left.
    vae = parts.pop("vae")
    for part in parts.values():
        place_part(part, offload, device)
    place_part(vae, "none", device)


def place_part(part: torch.nn.Module, offload: Offload, device: Device) -> None:
    """Put one module on the device, or let it stream there layer by layer; "model" is for a whole pipeline only."""
    unhook(part)
    if offload == "none":
        part.to(device.torch_device)
        return
    part.to("cpu")
    # Leaf by leaf on a stream moves the next layer while this one computes; the older sequential offload waits.
    apply_group_offloading(
        part,
        onload_device=device.torch_device,
        offload_device=torch.device("cpu"),
        offload_type="leaf_level",
        use_stream=device.kind in CARDS,
    )


def unhook(part: torch.nn.Module) -> None:
    """Take away whatever moves the module or its layers by itself."""
    remove_hook_from_module(part, recurse=True)
    for module in part.modules():
        if registry := getattr(module, "_diffusers_hook", None):
            for name in GROUP_HOOKS:
                registry.remove_hook(name, recurse=False)
