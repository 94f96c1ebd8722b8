"""Units of ControlNet in A1111's language, as control units of a recipe; and what there is to choose from."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from studio.api.a1111_schemas import Unit
from studio.api.coded import decoded
from studio.catalogue.models import Model
from studio.controls import CONTROLS
from studio.errors import InvalidRequest
from studio.gate.identity import Identity
from studio.metadata.foreign_names import plain
from studio.metadata.imported import stem
from studio.parsing import fault_words
from studio.recipe import IMAGE_PROMPT, ControlUnit
from studio.studio import Studio

READY = "map"
# By the beginning of what A1111 calls a preprocessor, the kind of control.
MODULES: Mapping[str, str] = {
    "canny": "canny",
    "depth": "depth",
    "openpose": "pose",
    "dwopenpose": "pose",
    "dwpose": "pose",
    "animalopenpose": "pose",
    "scribble": "scribble",
    "softedge": "scribble",
    "lineart": "lineart",
    "tile": "tile",
    "ipadapter": IMAGE_PROMPT,
    "pose": "pose",
}
# What is listed as preprocessors, and what each is here.
LISTED: Mapping[str, str] = {
    "none": READY,
    "canny": "canny",
    "depth": "depth",
    "openpose": "pose",
    "scribble_hed": "scribble",
    "lineart_standard": "lineart",
    "tile_resample": "tile",
    "ip-adapter-auto": IMAGE_PROMPT,
}
TYPES: Mapping[str, str] = {
    "Canny": "canny",
    "Depth": "depth",
    "OpenPose": "pose",
    "Scribble": "scribble",
    "Lineart": "lineart",
    "Tile": "tile",
    "IP-Adapter": IMAGE_PROMPT,
}
RESIZE: Mapping[str, str] = {
    "0": "stretch",
    "1": "crop",
    "2": "pad",
    "justresize": "stretch",
    "scaletofitinnerfit": "crop",
    "cropandresize": "crop",
    "envelopeouterfit": "pad",
    "resizeandfill": "pad",
}
MODES: Mapping[str, str] = {
    "0": "balanced",
    "1": "prompt",
    "2": "control",
    "balanced": "balanced",
    "mypromptismoreimportant": "prompt",
    "controlnetismoreimportant": "control",
}
SCRIPT = "controlnet"


def units(
    studio: Studio, scripts: Mapping[str, Any], model: Model, who: Identity, left: list[str]
) -> tuple[ControlUnit, ...]:
    """The control units of alwayson_scripts; InvalidRequest for any other script that would do something."""
    found: list[ControlUnit] = []
    for name, given in scripts.items():
        args = given.get("args", []) if isinstance(given, dict) else given
        if plain(name) == SCRIPT:
            given_units = [_read(one, place) for place, one in enumerate(args if isinstance(args, list) else [])]
            found += [_unit(studio, one, model, who, left) for one in given_units if one.enabled]
        elif _does_something(args):
            raise InvalidRequest(f"There is no script “{name[:80]}” here.", "Leave it out.", field="alwayson_scripts")
    return tuple(found)


def control_kind(module: str, model: str = "") -> str:
    """The kind of control of a preprocessor; without one, that of the model's name; InvalidRequest."""
    word = plain(module)
    if word in ("", "none"):
        return next((kind for start, kind in MODULES.items() if start in plain(model)), READY)
    kind = word if word in CONTROLS else next((kind for start, kind in MODULES.items() if word.startswith(start)), "")
    if not kind:
        known = f"Known are {', '.join(LISTED)}."
        raise InvalidRequest(f"There is no preprocessor “{module[:80]}” here.", known, field="controlnet")
    return kind


def options_of(kind: str, first: float, second: float) -> dict[str, int]:
    """The thresholds, where the control has some and they are given."""
    if kind != "canny" or first < 0 or second < 0:
        return {}
    return {"low": max(1, round(min(first, second))), "high": max(1, round(max(first, second)))}


def _read(given: Any, place: int) -> Unit:
    try:
        return Unit.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        fault = f"alwayson_scripts.{SCRIPT}.args.{place}.{where}: {fault_words(first)}."
        raise InvalidRequest(fault, field="controls", part=place) from error


def _unit(studio: Studio, given: Unit, model: Model, who: Identity, left: list[str]) -> ControlUnit:
    name = _model_named(studio, given.model, model)
    kind = control_kind(given.module, name or given.model)
    picture = _picture(given.image or given.input_image)
    studio.pace.check(who)
    stored = studio.inputs.add(decoded(picture, "controlnet"), "controls", who).id if picture else None
    ready = plain(given.module) in ("", "none") and kind != IMAGE_PROMPT
    left += ["The mask of a control unit is left out"] if given.mask or given.mask_image else []
    return ControlUnit.model_validate(
        {
            "kind": kind,
            "map" if ready and stored else "image": stored,
            "model": name,
            "weight": given.weight,
            "start": given.guidance_start,
            "end": given.guidance_end,
            "resize": RESIZE.get(plain(str(given.resize_mode)), "crop"),
            "mode": "balanced" if kind == IMAGE_PROMPT else MODES.get(plain(str(given.control_mode)), "balanced"),
            "options": {} if ready else options_of(kind, given.threshold_a, given.threshold_b),
        }
    )


def _model_named(studio: Studio, wanted: str, model: Model) -> str | None:
    """The ControlNet that is meant, by its id, file or name; None where the best one is to be taken."""
    bare = wanted.partition(" [")[0]
    if plain(bare) in ("", "none", "auto"):
        return None
    own = {plain(word): one.id for one in studio.controlnets.values() for word in (one.id, one.name)}
    if found := own.get(plain(bare)) or own.get(plain(stem(bare))):
        return found
    # What A1111 calls the published ones tells their kind.
    kind = control_kind("none", bare)
    fits = studio.controlnets.fitting(model.family, kind) if kind != READY else []
    return fits[0] if fits else bare


def _picture(given: Any) -> str:
    """The picture of a unit, which may stand beside its mask."""
    if isinstance(given, dict):
        given = given.get("image")
    if isinstance(given, list | tuple):
        given = given[0] if given else ""
    return given if isinstance(given, str) else ""


def _does_something(args: Any) -> bool:
    """Whether the arguments of a script that is not here switch it on."""
    if isinstance(args, dict):
        return bool(args.get("enabled", args.get("enable", bool(args))))
    if isinstance(args, list) and args:
        first = args[0]
        return _does_something(first) if isinstance(first, dict) else first is not False
    return bool(args)
