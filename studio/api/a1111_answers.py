"""What A1111's clients are answered: the pictures with what is told of them, and how far a job is."""

import json
import time
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from studio import __version__
from studio.api.a1111_schemas import Generation
from studio.api.pictures import encoded, look, withheld
from studio.events import Finished, Preview, Step
from studio.jobs.job import Job
from studio.library import facts, size
from studio.metadata.infotext import to_infotext
from studio.safety.layer import SAFETY, is_withheld
from studio.schedulers import SCHEDULERS
from studio.studio import Studio


def generated(
    studio: Studio, wanted: Generation, job: Job, images: Sequence[Finished], left: Sequence[str]
) -> dict[str, Any]:
    """The pictures, the request, and what is told of them; Withheld where none may be given away."""
    shown = [event for event in images if not is_withheld(facts(event.path))]
    if not shown and (error := withheld(images[0].path)):
        raise error
    data = [encoded(studio.settings, event.path, "png") for event in shown] if wanted.send_images else []
    coded = [b64encode(one).decode() for one in data]
    request = wanted.model_dump(exclude={"init_images", "mask"})
    return {"images": coded, "parameters": request, "info": json.dumps(_info(job, shown, left)), "notes": list(left)}


def _info(job: Job, images: Sequence[Finished], left: Sequence[str]) -> dict[str, Any]:
    first, (width, height) = images[0].recipe, size(images[0].path)
    row = SCHEDULERS.get(first.scheduler or "")
    return {
        "prompt": first.prompt,
        "all_prompts": [event.recipe.prompt for event in images],
        "negative_prompt": first.negative_prompt,
        "all_negative_prompts": [event.recipe.negative_prompt for event in images],
        "seed": first.seed,
        "all_seeds": [event.recipe.seed for event in images],
        "subseed": first.variation.seed,
        "all_subseeds": [event.recipe.variation.seed for event in images],
        "subseed_strength": first.variation.strength or 0,
        "width": width,
        "height": height,
        "sampler_name": (row.infotext or row.name) if row else None,
        "cfg_scale": first.guidance_scale,
        "steps": first.steps,
        "batch_size": len(images),
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": first.model,
        "sd_model_hash": None,
        "sd_vae_name": first.vae,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": first.strength,
        "extra_generation_params": {},
        "index_of_first_image": 0,
        "infotexts": [to_infotext(event.recipe, size(event.path)) for event in images],
        "styles": [],
        "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.localtime(job.created)),
        "clip_skip": first.clip_skip,
        "is_using_inpainting_conditioning": False,
        "version": f"Image Studio {__version__}",
        "job": job.id,
        "safety": [facts(event.path).get(SAFETY, "") for event in images],
        "notes": list(left),
    }


def line(studio: Studio) -> dict[str, Any]:
    """How many jobs there are before one that comes now, as the page of A1111 is told."""
    waiting = len(studio.jobs.unfinished())
    return {"msg": "estimation", "rank": None, "queue_size": waiting, "queue_eta": 0}


def progress(job: Job | None, without_image: bool) -> dict[str, Any]:
    """How far a job is; as idle where there is none."""
    events = job.events if job else ()
    step = next((event for event in reversed(events) if isinstance(event, Step)), None)
    looks = [event for event in events if isinstance(event, Preview)]
    done = len([event for event in events if isinstance(event, Finished)])
    count = len(job.items) if job else 0
    part = step.step / step.steps if step and done < count else 0
    return {
        "progress": min(1.0, (done + part) / count) if count else 0.0,
        "eta_relative": step.seconds_left if step else 0.0,
        "state": {
            "skipped": False,
            "interrupted": bool(job and job.stopping.is_set()),
            "stopping_generation": bool(job and job.stopping.is_set()),
            "job": job.id if job else "",
            "job_count": count - done,
            "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.localtime(job.created)) if job else "0",
            "job_no": done,
            "sampling_step": step.step if step else 0,
            "sampling_steps": step.steps if step else 0,
        },
        # They take it for PNG, which it is there unless somebody chose otherwise.
        "current_image": b64encode(look(looks[-1].jpeg, "png")).decode() if looks and not without_image else None,
        "textinfo": None,
    }
