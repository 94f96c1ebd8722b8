"""From a model's files, all on this disk, to a diffusers pipeline. Nothing here contacts the network."""

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from huggingface_hub.utils.tqdm import disable_progress_bars
from safetensors import SafetensorError

from studio.catalogue import variants
from studio.catalogue.checkpoints import INDEX, read_json
from studio.catalogue.configs import CONFIGS, clip_vocabulary
from studio.catalogue.controlnets import ControlNet
from studio.catalogue.models import Catalogue, Model
from studio.catalogue.sources import not_here
from studio.catalogue.vaes import Vae
from studio.engine import edm
from studio.engine.faults import unloadable
from studio.engine.memory import ran_out
from studio.errors import DamagedModel, OutOfMemory

# What the libraries raise for files they cannot make a model of.
FOREIGN = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    SafetensorError,
)
# What has a name, and files of a variant.
Named = Model | ControlNet | Vae
LIBRARIES = {"diffusers": diffusers, "transformers": transformers}
# The checker would answer with a black picture and no word; image prompts bring the encoder that they learned with.
LEFT_OUT = ("safety_checker", "feature_extractor", "image_encoder")

# What text encoders are often saved with, and no pipeline asks for.
UNUSED = re.compile(r"position_ids$|^logit_scale$|^(text|visual)_projection\b|^vision_model\.")


def load(model: Model, catalogue: Catalogue, dtype: torch.dtype) -> Any:
    """The first pipeline of the model's family on the CPU, its weights in `dtype`, every one of them from its files.

    Raises ModelError that names the file and the cure.
    """
    _quieten()
    place = catalogue.place(model)
    if model.file:
        pipeline = _load_file(model, model.file, _config(model, catalogue), dtype)
    else:
        pipeline = _load_folder(model, place, dtype)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _config(model: Model, catalogue: Catalogue) -> Path:
    """The folder of a single file's configs; ModelError where they have yet to be fetched."""
    if config := catalogue.config(model):
        return config
    raise not_here(f"The configs and tokenizers of {model.name}", f"{model.id}.config")


def pipeline_class(name: str) -> Any:
    """A pipeline class of diffusers by its name."""
    return getattr(diffusers, name)


def _first_pipeline(model: Model) -> Any:
    return pipeline_class(next(iter(model.family_facts().pipelines.values())))


def _load_folder(model: Model, folder: Path, dtype: torch.dtype) -> Any:
    """Parts are loaded one by one, because only then the libraries tell which weights were missing."""
    cls = _first_pipeline(model)
    takes = inspect.signature(cls.__init__).parameters
    parts = {name: load_part(model, folder, name, kind, dtype) for name, kind in _parts(folder) if name in takes}
    with translated(model, f"{folder} cannot be loaded", "Copy the whole model again."):
        return cls.from_pretrained(folder, local_files_only=True, **parts, **_options(takes))


def _parts(folder: Path) -> Iterator[tuple[str, Any]]:
    """Name and class of each part with weights, from the folder's index."""
    for name, value in read_json(folder / INDEX).items():
        if not isinstance(value, list) or not value[0] or name in LEFT_OUT:
            continue
        kind = getattr(LIBRARIES.get(value[0]), str(value[1]), None)
        if isinstance(kind, type) and issubclass(kind, torch.nn.Module):
            yield name, kind


def load_part(
    model: Named, folder: Path, name: str, kind: Any, dtype: torch.dtype, **config: object
) -> torch.nn.Module:
    """A part of class `kind` on the CPU, every weight of it from its files and none left over.

    `config` is what its config should say. Raises ModelError that names file and cure.
    """
    with translated(model, f"{folder / name} cannot be loaded", "The download or copy was interrupted: get it again."):
        part, report = kind.from_pretrained(
            folder,
            subfolder=name,
            dtype=dtype,
            variant=variants.chosen_in(folder / name, model.variant),
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **config,
        )
    lacking = sorted({*report["missing_keys"], *map(str, report["mismatched_keys"]), *unfilled(part)})
    if lacking:
        raise DamagedModel(
            f"{folder / name} lacks {len(lacking)} of its weights, such as {lacking[0]}.",
            "Weights and config do not belong together: copy the whole model again.",
        )
    surplus = sorted(key for key in report["unexpected_keys"] if not UNUSED.search(key))
    if surplus:
        raise DamagedModel(
            f"{folder / name} has {len(surplus)} weights without a place in a {kind.__name__}, such as {surplus[0]}.",
            "Weights and config do not belong together: copy the whole model again.",
        )
    module: torch.nn.Module = part.eval()
    return module


def _load_file(model: Model, file: Path, config: Path, dtype: torch.dtype) -> Any:
    cls = _first_pipeline(model)
    cure = f"Its config folder must be of the same family ({model.family_facts().name}) as the weights."
    with translated(model, f"{file.name} cannot be loaded", cure):
        pipeline = cls.from_single_file(
            str(file),
            config=str(config),
            local_files_only=True,
            dtype=dtype,
            **_tokenizers(config),
            **_options(inspect.signature(cls.__init__).parameters),
        )
        edm.adopt(pipeline, file)
    if learned := _learned(model):
        pipeline.scheduler = type(pipeline.scheduler).from_config({**pipeline.scheduler.config, **learned})
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module) and (lacking := unfilled(part)):
            raise DamagedModel(f"{file.name} lacks {len(lacking)} weights of its {name}, such as {lacking[0]}.", cure)
    return pipeline


def _tokenizers(config: Path) -> dict[str, Any]:
    """The tokenizers of a folder of the studio's own, which share one vocabulary."""
    if not config.is_relative_to(CONFIGS):
        return {}
    vocabulary, merges = clip_vocabulary()
    return {
        path.parent.name: transformers.CLIPTokenizer(vocab=vocabulary, merges=merges, **read_json(path))
        for path in sorted(config.glob("*/tokenizer_config.json"))
    }


def _learned(model: Model) -> dict[str, Any]:
    """What a single file says of its training that its folder of configs says otherwise."""
    if model.noise_schedule == "edm":
        return {}
    learned: dict[str, Any] = {"prediction_type": model.prediction_type} if model.prediction_type else {}
    if model.noise_schedule == "zero_snr":
        learned |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return learned


def _options(takes: Any) -> dict[str, Any]:
    """What a pipeline is told beside its weights. SDXL puts a watermark in by itself where it finds the package."""
    options = {**dict.fromkeys(LEFT_OUT), "requires_safety_checker": False, "add_watermarker": False}
    return {name: value for name, value in options.items() if name in takes}


def unfilled(part: torch.nn.Module) -> list[str]:
    """The tensors that no file filled: they are still on the meta device."""
    tensors = [*part.named_parameters(), *part.named_buffers()]
    return [name for name, tensor in tensors if tensor.is_meta]


@contextmanager
def translated(model: Named, what: str, cure: str) -> Iterator[None]:
    """Foreign errors become a ModelError, `from` their cause; running out of memory is the device's fault."""
    try:
        yield
    except FOREIGN as error:
        if ran_out(error):
            raise OutOfMemory(f"Memory ran out while {model.name} was loading.", "Close other programs.") from error
        raise DamagedModel(f"{model.name}: {what} ({unloadable(error)}).", cure) from error


def _quieten() -> None:
    """The libraries' bars and reports belong on no terminal of ours; what matters of them is raised as an error."""
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    disable_progress_bars()
