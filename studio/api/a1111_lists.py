"""What A1111's clients look up before they ask: what there is to choose from, and what was chosen."""

from collections.abc import Mapping
from typing import Any

import psutil

from studio.api.a1111_recipes import OVERRIDES
from studio.api.a1111_units import LISTED, TYPES
from studio.api.openai_models import own_names
from studio.catalogue.vaes import Vaes
from studio.errors import InUse, InvalidRequest, Refused
from studio.gate.identity import Identity
from studio.metadata.a1111.resources import bare
from studio.metadata.fitting import model_named
from studio.metadata.foreign_names import plain
from studio.recipe import IMAGE_PROMPT
from studio.schedulers import SCHEDULERS, Scheduler
from studio.studio import Studio

NO_VAE = ("", "automatic", "none")
SCHEDULES = [
    {"name": name, "label": label, "aliases": None, "default_rho": -1.0, "need_inner_model": False}
    for name, label in (
        ("automatic", "Automatic"),
        ("uniform", "Uniform"),
        ("karras", "Karras"),
        ("normal", "Normal"),
        ("simple", "Simple"),
        ("sgm_uniform", "SGM Uniform"),
    )
]
# Clients take the second for the sign that the first is there.
SCRIPTS = {"txt2img": ["controlnet", "controlnet m2m"], "img2img": ["controlnet", "controlnet m2m"]}
SCRIPT_FACTS: list[dict[str, Any]] = [
    {"name": "controlnet", "is_alwayson": True, "is_img2img": is_img2img, "args": []} for is_img2img in (False, True)
]
# Of how the studio was started, what clients ask for; nothing that is a secret or a place on the disk.
FLAGS: dict[str, Any] = {"api": True, "nowebui": False, "share": False}


def samplers(studio: Studio) -> list[dict[str, Any]]:
    """The samplers, as A1111 spells them, with and without a schedule; aliases as others do."""
    del studio
    rows: dict[str, Scheduler] = {}
    for row in SCHEDULERS.values():
        rows.setdefault(row.infotext or row.name, row)
    return [{"name": name, "aliases": list(row.known_as), "options": {}} for name, row in rows.items()]


def upscalers(studio: Studio) -> list[dict[str, Any]]:
    """The upscalers, Lanczos first."""
    names = ["None", "Lanczos", *studio.upscalers]
    return [
        {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": 4 if at > 1 else 1}
        for at, name in enumerate(names)
    ]


def networks(studio: Studio) -> list[dict[str, Any]]:
    """The upscalers that have weights."""
    return [{"name": name, "path": None, "scale": 4} for name in studio.upscalers]


def models(studio: Studio, who: Identity) -> list[dict[str, Any]]:
    """The models that who asks may use now; where they lie is not told."""
    return [
        {"title": name, "model_name": name, "hash": None, "sha256": None, "filename": name, "config": None}
        for name in own_names(studio, who)
    ]


def vaes(studio: Studio) -> list[dict[str, Any]]:
    """The VAEs of the data folder."""
    return [{"model_name": name, "filename": name} for name in Vaes(studio.settings)]


def styles(studio: Studio) -> list[dict[str, Any]]:
    """The styles."""
    known = studio.presets.styles.values()
    return [{"name": one.id, "prompt": one.prompt, "negative_prompt": one.negative} for one in known]


def embeddings(studio: Studio) -> dict[str, Any]:
    """The embeddings."""
    blank = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": None, "vectors": None}
    return {"loaded": dict.fromkeys(studio.prompt_assets.embeddings, blank), "skipped": {}}


def loras(studio: Studio) -> list[dict[str, Any]]:
    """The LoRAs; where they lie is not told."""
    return [{"name": name, "alias": name, "path": name, "metadata": {}} for name in studio.prompt_assets.loras]


def memory(studio: Studio) -> dict[str, Any]:
    """The memory of the machine, and the device in words."""
    ram = psutil.virtual_memory()
    return {
        "ram": {"free": ram.available, "used": ram.used, "total": ram.total},
        "cuda": {"error": studio.backend.describe()},
    }


def options(studio: Studio, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen, and what cannot be."""
    return {
        "sd_model_checkpoint": studio.settings.model,
        "sd_checkpoint_hash": None,
        "sd_vae": "Automatic",
        "CLIP_stop_at_last_layers": 1,
        "samples_save": True,
        "samples_format": "png",
        "show_progress_every_n_steps": 1,
        **chosen,
    }


def check_options(studio: Studio, wanted: Mapping[str, Any], chosen: Mapping[str, Any]) -> None:
    """InvalidRequest for an option that cannot be chosen otherwise, ModelError for a model that there is not."""
    stands = options(studio, chosen)
    for name, value in wanted.items():
        if name not in OVERRIDES and stands.get(name, value) != value:
            known = ", ".join(OVERRIDES)
            raise InvalidRequest(f"{name[:80]} cannot be chosen here.", f"These can: {known}.", field=name[:80])
    if name := bare(str(wanted.get("sd_model_checkpoint") or ""), {}):
        _ = studio.catalogue[model_named(studio.catalogue, name) or name]
    vae = str(wanted.get("sd_vae") or "")
    if plain(vae) not in NO_VAE:
        _ = Vaes(studio.settings)[vae.removesuffix(".safetensors")]
    layers = wanted.get("CLIP_stop_at_last_layers", 1)
    if not isinstance(layers, int | float) or not 1 <= layers <= 12:
        field = "CLIP_stop_at_last_layers"
        raise InvalidRequest(f"{field} has to be from 1 to 12.", field=field)


def unload(studio: Studio, who: Identity) -> None:
    """Unload the studio's own model; Refused where who asks may not, InUse where it is at work."""
    if not who.keeps:
        raise Refused("Only this studio's operator can do that.", "It is loaded again when it is needed.")
    if not studio.backend.unload(studio.settings.model):
        raise InUse("The model is in use.", "Try again when it is done.")


def control_models(studio: Studio) -> dict[str, Any]:
    """The ControlNets and IP-Adapters."""
    return {"model_list": list(studio.controlnets)}


def control_modules() -> dict[str, Any]:
    """The preprocessors."""
    detail = {name: {"model_free": False, "sliders": []} for name in LISTED}
    return {"module_list": list(LISTED), "module_detail": detail}


def control_types(studio: Studio) -> dict[str, Any]:
    """Preprocessors and ControlNets by what they keep of a picture."""
    types = {"All": _type(list(LISTED), list(studio.controlnets))}
    for title, kind in TYPES.items():
        modules = [name for name, own in LISTED.items() if own == kind]
        fits = [one.id for one in studio.controlnets.values() if kind in one.kinds]
        types[title] = _type(modules if kind == IMAGE_PROMPT else ["none", *modules], fits)
    return {"control_types": types}


def _type(modules: list[str], names: list[str]) -> dict[str, Any]:
    return {
        "module_list": modules,
        "model_list": ["None", *names],
        "default_option": modules[-1],
        "default_model": names[0] if names else "None",
    }
