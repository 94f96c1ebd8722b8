"""A recipe made a folder: the script, what it is shown, and the packages that it needs."""

import inspect
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.catalogue import lenders
from studio.catalogue.configs import CONFIGS
from studio.catalogue.controlnets import ControlNet
from studio.catalogue.models import Model
from studio.catalogue.vaes import Vaes
from studio.eject.script import Script, Source
from studio.errors import InvalidRecipe
from studio.metadata.own import Made
from studio.recipe import PaintedRecipe, Recipe, TiledUpscaleRecipe, TwoPassRecipe
from studio.studio import Studio

if TYPE_CHECKING:
    from studio.engine.noise import Noise
    from studio.engine.recording import Recording

SCRIPT, REQUIREMENTS = "make.py", "requirements.txt"
CURE = "Only what one call of a pipeline does can be written as a script."
# What the script imports, and what those import for it.
PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "pillow")
# What a pipeline is told beside its weights: the checker would answer with a black picture and no word.
BARE = {"safety_checker": None, "requires_safety_checker": False, "add_watermarker": False}


def eject(studio: Studio, made: Made, folder: Path) -> Path:
    """Write a script that makes the picture of this recipe into `folder`; its path.

    The model is loaded to see what its pipeline is given. InvalidRecipe where one call of a pipeline cannot say the
    recipe, ModelError where something is missing, StorageError.
    """
    recipe = _single(studio, made.recipe)
    recording = _recorded(studio, recipe)
    folder.mkdir(parents=True, exist_ok=True)
    script = _script(studio, recording, made)
    _save_pictures(recording, folder)
    (folder / REQUIREMENTS).write_text("".join(f"{line}\n" for line in _requirements(made)), "utf-8")
    (folder / SCRIPT).write_text(script.text(), "utf-8")
    return folder / SCRIPT


def _single(studio: Studio, recipe: Recipe) -> PaintedRecipe:
    """The recipe with nothing left open; InvalidRecipe where it is not of one picture that one call makes."""
    if studio.is_hosted(recipe):
        raise InvalidRecipe(
            "model", "The picture was made by a hosted model.", "Choose one of a model of this machine."
        )
    single, *others = studio.resolve(recipe)
    if others:
        raise InvalidRecipe("count", f"The recipe is of {1 + len(others)} pictures.", "Give one with a count of 1.")
    if not isinstance(single, PaintedRecipe):
        raise InvalidRecipe("upscaler", "The picture is enlarged only, and no model of diffusers does that.", CURE)
    faults = {
        "hires_scale": isinstance(single, TwoPassRecipe) and "It is painted in two passes.",
        "upscale": isinstance(single, TiledUpscaleRecipe) and "It is painted in tiles.",
        "mask_resample": single.mask.resample > 1 and "Its steps are made several times.",
        "controls": _beyond(studio, single),
        "vae": single.vae and Vaes(studio.settings)[single.vae].folder is None and "Its VAE is a single file.",
    }
    for name, fault in faults.items():
        if fault:
            raise InvalidRecipe(name, str(fault), CURE)
    return single


def _beyond(studio: Studio, recipe: PaintedRecipe) -> str:
    """What of the control units goes beyond what pipelines do by themselves; empty where nothing does."""
    for unit in recipe.controls:
        network = studio.controlnets[unit.model]
        if unit.is_prompt:
            return "A picture is a prompt itself, by an IP-Adapter."
        if unit.mode != "balanced" or network.modes or network.reads:
            return f"{network.name} is told more of its map than pipelines tell it."
        if network.single_file:
            return f"{network.name} is a single file without a config."
    return ""


def _recorded(studio: Studio, recipe: PaintedRecipe) -> "Recording":
    from studio.engine.manager import PipelineManager
    from studio.engine.recording import record

    manager = PipelineManager(studio.catalogue, studio.settings, studio.controlnets, studio.prompt_assets)
    try:
        return record(manager, recipe, studio.inputs)
    finally:
        manager.close()


def _script(studio: Studio, recording: "Recording", made: Made) -> Script:
    recipe, canvas = recording.recipe, recording.view
    arguments = dict(recording.arguments)
    if recipe.guidance_rescale:
        if "guidance_rescale" not in inspect.signature(_class(recording.pipeline).__call__).parameters:
            raise InvalidRecipe("guidance_rescale", f"{recording.pipeline} takes no guidance rescale.", CURE)
        arguments["guidance_rescale"] = recipe.guidance_rescale
    threads, noise = made.text("threads"), _noise(recipe)
    return Script(
        title=f"Made with diffusers alone, as Image Studio makes it: python {SCRIPT} [PICTURE]",
        model=_model(studio, recording.model, recording.pipeline),
        scheduler=recording.scheduler,
        dtype=recording.dtype,
        device=recording.device,
        arguments={**arguments, **_controls(recipe)},
        seed=noise.other if noise.share == 1 else noise.seed,
        variation=(noise.other, noise.share) if 0 < noise.share < 1 else None,
        noise_device=recording.device if recipe.rng == "device" else "cpu",
        threads=_threads(threads) if recording.device == "cpu" else None,
        networks=[_network(studio, studio.controlnets[unit.model]) for unit in recipe.mapped_units],
        vae=Source("AutoencoderKL", str(Vaes(studio.settings)[recipe.vae].folder)) if recipe.vae else None,
        pictures=_named(recording),
        has_words=recording.words is not None,
        changes=frozenset(type(change).__name__ for changes in recording.layers.values() for change in changes),
        churn=(recipe.sigma_churn, recipe.sigma_noise) if recipe.sigma_churn else None,
        size=recording.size if recording.start is not None else None,
        laid=canvas.box if canvas else None,
    )


def _model(studio: Studio, model: Model, pipeline: str) -> Source:
    takes = inspect.signature(_class(pipeline).__init__).parameters
    options: dict[str, Any] = {name: value for name, value in BARE.items() if name in takes}
    if model.file is None:
        more = {"revision": model.revision, "variant": model.variant}
        options |= {name: value for name, value in more.items() if value is not None}
        return Source(pipeline, model.repo or str(studio.catalogue.location(model)), options)
    config = studio.catalogue.config(model)
    if config is None or config.is_relative_to(CONFIGS):
        lender = lenders.repo_of(model.family, lenders.build_of_file(model.file, model.family))
        return Source(pipeline, str(model.file), {"config": lender, **options}, "from_single_file")
    return Source(pipeline, str(model.file), {"config": str(config), **options}, "from_single_file")


def _network(studio: Studio, network: ControlNet) -> Source:
    options = {"variant": network.variant} if network.variant else {}
    return Source(network.network, network.repo or str(studio.controlnets.location(network)), options)


def _controls(recipe: PaintedRecipe) -> Mapping[str, Any]:
    """How strongly each map is followed, and when; one by itself is no list."""
    units = recipe.mapped_units
    values = {
        "controlnet_conditioning_scale": [unit.weight for unit in units],
        "control_guidance_start": [unit.start for unit in units],
        "control_guidance_end": [unit.end for unit in units],
    }
    return {name: value[0] if len(value) == 1 else value for name, value in values.items()} if units else {}


def _named(recording: "Recording") -> dict[str, str | list[str]]:
    """The files that the call is shown, by its arguments."""
    takes = inspect.signature(_class(recording.pipeline).__call__).parameters
    found: dict[str, str | list[str]] = {}
    if recording.start is not None:
        found["image"] = "image.png"
    if recording.mask is not None:
        found["mask_image"] = "mask.png"
    if recording.maps:
        files = [f"map-{number}.png" for number, _ in enumerate(recording.maps)]
        found["control_image" if "control_image" in takes else "image"] = files[0] if len(files) == 1 else files
    return found


def _save_pictures(recording: "Recording", folder: Path) -> None:
    pictures = {"image.png": recording.start, "mask.png": recording.mask}
    pictures |= {f"map-{number}.png": one for number, one in enumerate(recording.maps)}
    if recording.canvas:
        pictures |= {"canvas.png": recording.canvas.picture, "alpha.png": recording.canvas.alpha}
    for name, picture in pictures.items():
        if picture is not None:
            picture.save(folder / name)
    if recording.words is not None:
        recording.save_words(folder / "words.safetensors")
    if recording.layers:
        recording.save_layers(folder / "loras.safetensors")


def _requirements(made: Made) -> Iterator[str]:
    """The packages of the versions that the picture was made with, else of those that are here."""
    for name in PACKAGES:
        try:
            found = made.text(name) or version(name)
        except PackageNotFoundError:
            continue
        yield f"{name}=={found.partition('+')[0]}"


def _noise(recipe: PaintedRecipe) -> "Noise":
    from studio.engine.noise import Noise

    return Noise.of(recipe)


def _threads(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _class(name: str) -> Any:
    from studio.engine.loading import pipeline_class

    return pipeline_class(name)
