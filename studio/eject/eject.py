"""A recipe made a folder: the script, what it is shown, and the packages that it needs."""

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from PIL.Image import Image

from studio.catalogue.upscalers import LATENT
from studio.eject.calls import CallCode
from studio.eject.script import Enlarging, Script
from studio.errors import InvalidRecipe
from studio.gate.identity import Identity
from studio.metadata.own import Made
from studio.recipe import PaintedRecipe, Recipe, ResolvedRecipe, UpscaleRecipe
from studio.resolve.sizes import result_size
from studio.studio import Studio

if TYPE_CHECKING:
    from studio.engine.recording import Call, Recording

SCRIPT, REQUIREMENTS = "make.py", "requirements.txt"
TITLE = f"Made with diffusers alone, as Image Studio makes it: python {SCRIPT} [PICTURE]"
# What the script imports, and what those import for it; and where a network enlarges.
PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "pillow", "numpy")
ENLARGES = ("spandrel",)


def eject(studio: Studio, made: Made, folder: Path, who: Identity) -> Path:
    """Write a script that makes the picture of this recipe into `folder`; its path.

    The models are loaded to see what their pipelines are given. InvalidRecipe where the recipe is of several pictures,
    or of none that this machine paints, ModelError where something is missing, StorageError.
    """
    recipe = _single(studio.of(who), made.recipe)
    if isinstance(recipe, UpscaleRecipe):
        script, pictures = _enlarging(studio, recipe, made), {"image.png": studio.inputs.open(recipe.init_image)}
        folder.mkdir(parents=True, exist_ok=True)
    else:
        recording = _recorded(studio, recipe)
        folder.mkdir(parents=True, exist_ok=True)
        script, pictures = _script(studio, recording, made), dict(_pictures(recording))
        _save_tensors(recording, folder)
    for name, picture in pictures.items():
        picture.save(folder / name)
    packages = [*PACKAGES, *(ENLARGES if script.needs_spandrel else ())]
    (folder / REQUIREMENTS).write_text("".join(f"{line}\n" for line in _requirements(made, packages)), "utf-8")
    (folder / SCRIPT).write_text(script.text(), "utf-8")
    return folder / SCRIPT


def _single(studio: Studio, recipe: Recipe) -> PaintedRecipe | UpscaleRecipe:
    """The recipe with nothing left open; InvalidRecipe where it is not of one picture of this machine's models."""
    if studio.is_hosted(recipe):
        raise InvalidRecipe(
            "model", "The picture was made by a hosted model.", "Choose one of a model of this machine."
        )
    single, *others = studio.resolve(recipe)
    if others:
        raise InvalidRecipe("count", f"The recipe is of {1 + len(others)} pictures.", "Give one with a count of 1.")
    return _of_here(single)


def _of_here(recipe: ResolvedRecipe) -> PaintedRecipe | UpscaleRecipe:
    if recipe.speedups:
        raise InvalidRecipe(
            "speedups", "A script of diffusers alone has no speed-ups of the studio.", "Leave them out."
        )
    if isinstance(recipe, PaintedRecipe | UpscaleRecipe):
        return recipe
    raise TypeError(f"{type(recipe).__name__} is made by no model of this machine")


def _recorded(studio: Studio, recipe: PaintedRecipe) -> "Recording":
    from studio.engine.manager import PipelineManager
    from studio.engine.recording import record

    manager = PipelineManager(studio.catalogue, studio.settings, studio.controlnets, studio.prompt_assets)
    try:
        return record(manager, recipe, studio.inputs)
    finally:
        manager.close()


def _enlarging(studio: Studio, recipe: UpscaleRecipe, made: Made) -> Script:
    from studio.engine.device import Device

    device = Device.choose(studio.settings.device, studio.settings.precision).kind
    step = Enlarging.by(studio.upscalers, recipe.upscale.upscaler, result_size(recipe, studio.inputs))
    threads = _threads(made, device) if step.path else None
    return Script(TITLE, [step], device, _tile(device), step.size, step.size, threads)


def _script(studio: Studio, recording: "Recording", made: Made) -> Script:
    device = recording.device
    return Script(
        title=TITLE,
        steps=[*_steps(studio, recording)],
        device=device,
        tile=_tile(device),
        threads=_threads(made, device),
        whole=_whole(recording),
        size=recording.size,
        laid=recording.view.box if recording.view else None,
    )


def _steps(studio: Studio, recording: "Recording") -> Iterator[CallCode | Enlarging]:
    """The code of each step; of latents that are enlarged between two calls, the first of these says it."""
    from studio.engine.recording import Enlarged

    calls = _calls(recording)
    for step in recording.steps:
        if isinstance(step, Enlarged):
            yield Enlarging.by(studio.upscalers, step.upscaler, step.size)
            continue
        place = calls.index(step)
        before = calls[place - 1] if place else None
        later = calls[place + 1] if place + 1 < len(calls) else None
        packs = _latent_size(step, later) if later and later.recipe.hires.upscaler == LATENT else None
        yield CallCode(studio, step, place + 1, recording.device, before, packs, recording.tiled)


def _pictures(recording: "Recording") -> Iterator[tuple[str, Image]]:
    """What the calls are shown, by the names of the files."""
    for number, call in enumerate(_calls(recording)):
        prefix = f"{number + 1}-" if number else ""
        for place, row in enumerate(call.rows):
            each = f"{prefix}{place}-" if len(call.rows) > 1 else prefix
            shown = {"image.png": row.start if not number else None, "mask.png": row.mask}
            shown |= {f"map-{which}.png": one for which, one in enumerate(row.maps)}
            yield from ((f"{each}{name}", one) for name, one in shown.items() if isinstance(one, Image))
    if recording.canvas:
        yield from (("canvas.png", recording.canvas.picture), ("alpha.png", recording.canvas.alpha))


def _save_tensors(recording: "Recording", folder: Path) -> None:
    for number, call in enumerate(_calls(recording)):
        prefix = f"{number + 1}-" if number else ""
        if call.conditioning:
            call.save_words(folder / f"{prefix}words.safetensors")
        if call.looks:
            call.save_looks(folder / f"{prefix}looks.safetensors")
        if call.layers and (not number or _calls(recording)[number - 1].model != call.model):
            call.save_layers(folder / f"{prefix}loras.safetensors")


def _calls(recording: "Recording") -> list["Call"]:
    from studio.engine.recording import Call

    return [step for step in recording.steps if isinstance(step, Call)]


def _whole(recording: "Recording") -> tuple[int, int]:
    """The size of what comes of the last step."""
    from studio.engine.recording import Enlarged

    last = recording.steps[-1]
    if isinstance(last, Enlarged):
        return last.size
    return recording.tiled if len(last.rows) > 1 else (last.pass_.width, last.pass_.height)


def _latent_size(first: "Call", second: "Call") -> tuple[int, int]:
    """Height and width of the latents that the second call begins with."""
    scale = first.latent_scale
    return second.pass_.height // scale, second.pass_.width // scale


def _requirements(made: Made, packages: Sequence[str]) -> Iterator[str]:
    """The packages of the versions that the picture was made with, else of those that are here."""
    for name in packages:
        try:
            found = made.text(name) or version(name)
        except PackageNotFoundError:
            continue
        yield f"{name}=={found.partition('+')[0]}"


def _threads(made: Made, device: str) -> int | None:
    text = made.text("threads")
    return int(text) if text.isdecimal() and device == "cpu" else None


def _tile(device: str) -> int:
    from studio.engine.upscale import CPU_TILE, TILES

    return CPU_TILE if device == "cpu" else TILES[0]
