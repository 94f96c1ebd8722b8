"""Where the weights of a picture are, as code of diffusers that loads them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from studio.catalogue import lenders
from studio.catalogue.configs import CONFIGS
from studio.catalogue.controlnets import ControlNet
from studio.catalogue.models import Model
from studio.catalogue.vaes import Vaes
from studio.studio import Studio

# What a pipeline is told beside its weights: the checker would answer with a black picture and no word.
BARE: Mapping[str, Any] = {"safety_checker": None, "requires_safety_checker": False, "add_watermarker": False}
# A ControlNet that is a single file without a config of its own.
SINGLE = '''
def of_file(cls, config, path, dtype):
    """A network that is one file, by the config that it was built by."""
    with torch.device("meta"):
        network = cls.from_config(config)
    network.load_state_dict(convert_controlnet_checkpoint(load_file(path), network.config), assign=True)
    return network.to(dtype).eval()
'''


@dataclass(frozen=True)
class Source:
    """The class that loads weights, by which method, from what, and with what options."""

    cls: str
    place: str
    options: Mapping[str, Any] = field(default_factory=dict)
    method: str = "from_pretrained"


def of_model(studio: Studio, model: Model, pipeline: str) -> Source:
    """The pipeline of a model."""
    options = bare(pipeline)
    if model.file is None:
        more = {"revision": model.revision, "variant": model.variant}
        options |= {name: value for name, value in more.items() if value is not None}
        return Source(pipeline, model.repo or str(studio.catalogue.location(model)), options)
    config = studio.catalogue.config(model)
    if config is None or config.is_relative_to(CONFIGS):
        lender = lenders.repo_of(model.family, lenders.build_of_file(model.file, model.family))
        return Source(pipeline, str(model.file), {"config": lender, **options}, "from_single_file")
    return Source(pipeline, str(model.file), {"config": str(config), **options}, "from_single_file")


def bare(pipeline: str) -> dict[str, Any]:
    """What a pipeline of this class is told beside its weights."""
    takes = parameters(pipeline, "__init__")
    return {name: value for name, value in BARE.items() if name in takes}


def network(studio: Studio, controlnet: ControlNet, dtype: str) -> str:
    """The expression that loads a ControlNet."""
    cls, location = controlnet.network, str(studio.controlnets.location(controlnet))
    if controlnet.single_file:
        config = {name: value for name, value in studio.controlnets.config(controlnet).items() if name != "_class_name"}
        return f"of_file({cls}, {config!r}, {location!r}, torch.{dtype})"
    options = {"variant": controlnet.variant} if controlnet.variant else {}
    options |= studio.controlnets.network_options(controlnet)
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    return f"{cls}.from_pretrained({controlnet.repo or location!r}, dtype=torch.{dtype}{more})"


def vae(studio: Studio, name: str, dtype: str) -> tuple[str, str]:
    """The code that gives `pipe` a VAE of its own, and the module of the studio whose code that uses; empty."""
    found = Vaes(studio.settings)[name]
    if found.folder:
        return f"pipe.vae = AutoencoderKL.from_pretrained({str(found.folder)!r}, dtype=torch.{dtype})", ""
    lines = [
        "own = AutoencoderKL.from_config(pipe.vae.config)",
        f"own.load_state_dict(_plain(load_file({str(found.path)!r}), pipe.vae.config))",
        f"pipe.vae = own.to(torch.{dtype}).eval()",
    ]
    return "\n".join(lines), "studio.engine.vaes"


def adapter(studio: Studio, controlnet: ControlNet) -> tuple[str, str, str]:
    """Repository or folder, subfolder and file of an IP-Adapter."""
    if controlnet.repo and controlnet.weights:
        path = PurePosixPath(controlnet.weights)
        return controlnet.repo, str(path.parent) if path.parent.name else "", path.name
    place = Path(str(studio.controlnets.location(controlnet)))
    return str(place.parent), "", place.name


def parameters(pipeline: str, method: str = "__call__") -> Mapping[str, inspect.Parameter]:
    """What a method of a pipeline class takes."""
    from studio.engine.loading import pipeline_class

    return inspect.signature(getattr(pipeline_class(pipeline), method)).parameters
