"""Makes pictures as a script of anybody's would, by diffusers alone: nothing of the studio is imported here.

Run with the path of a JSON file: `pipeline` says where the weights are, `dtype`, `device` and `offload` how they are
kept, `cases` what is made, as `studio.verify.cases.Case` tells it. Writes each picture to its place, and what each took
to `told`.
"""

import inspect
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import torch
import transformers
from PIL import Image

# Devices with memory of their own, which torch counts.
CARDS = ("cuda", "xpu")


def main(path: str) -> None:
    plan = json.loads(Path(path).read_text("utf-8"))
    results = [made(plan, case) for case in plan["cases"]]
    Path(plan["told"]).write_text(json.dumps(results), "utf-8")


def made(plan: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """What a case took, or why there is no picture; the second of two pictures is timed."""
    try:
        pipe = loaded(plan, case)
        call = arguments(pipe, case)
        picture(pipe, call, case)
        began = time.perf_counter()
        image = picture(pipe, call, case)
        seconds = time.perf_counter() - began
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told beside the other cases
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        if plan["device"] in CARDS:
            getattr(torch, plan["device"]).empty_cache()
    image.save(case["bare"])
    return {"seconds": seconds, "bytes": most_bytes(plan["device"])}


def loaded(plan: dict[str, Any], case: dict[str, Any]) -> Any:
    cls = getattr(diffusers, case["pipeline"])
    options: dict[str, Any] = {"dtype": getattr(torch, plan["dtype"]), "local_files_only": True}
    if "safety_checker" in inspect.signature(cls.__init__).parameters:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if "add_watermarker" in inspect.signature(cls.__init__).parameters:
        options["add_watermarker"] = False
    if network := case["network"]:
        options["controlnet"] = getattr(diffusers, network["class"]).from_pretrained(
            network["folder"], variant=network["variant"], use_safetensors=True, dtype=options["dtype"]
        )
    if "file" in plan:
        pipe = cls.from_single_file(plan["file"], config=plan["config"], **options)
    else:
        pipe = cls.from_pretrained(plan["folder"], variant=plan["variant"], use_safetensors=True, **options)
    scheduler = getattr(diffusers, case["scheduler"])
    pipe.scheduler = scheduler.from_config(pipe.scheduler.config, **case["scheduler_options"])
    pipe.set_progress_bar_config(disable=True)
    if plan["offload"] == "model":
        pipe.enable_model_cpu_offload(device=plan["device"])
    elif plan["offload"] == "sequential":
        pipe.enable_sequential_cpu_offload(device=plan["device"])
    else:
        pipe.to(plan["device"])
    if case["pipeline"] == "StableDiffusion3InpaintPipeline":
        # It alone of its family decodes without the shift that it encodes with.
        decode, shift = pipe.vae.decode, pipe.vae.config.shift_factor
        pipe.vae.decode = lambda latents, **how: decode(latents + shift, **how)
    if case["pipeline"] == "StableDiffusion3ControlNetPipeline":
        # It draws the latents of a map with noise that no seed brings back.
        encode = pipe.vae.encode
        pipe.vae.encode = lambda pixels: SimpleNamespace(
            latent_dist=SimpleNamespace(sample=encode(pixels).latent_dist.mode)
        )
    return pipe


def arguments(pipe: Any, case: dict[str, Any]) -> dict[str, Any]:
    """What the pipeline takes of the case."""
    pictures = {name: Image.open(path) for name, path in case["pictures"].items()}
    takes = inspect.signature(pipe.__call__).parameters
    if "map" in pictures:
        pictures["control_image" if "control_image" in takes else "image"] = pictures.pop("map")
    return {name: value for name, value in {**case["arguments"], **pictures}.items() if name in takes}


def picture(pipe: Any, call: dict[str, Any], case: dict[str, Any]) -> Image.Image:
    image: Image.Image = pipe(**call, generator=torch.Generator("cpu").manual_seed(case["seed"])).images[0]
    if "mask_image" not in call:
        return image
    # What the mask leaves out is the creator's own picture, whatever the autoencoder made of it.
    return Image.composite(image, call["image"].convert("RGB"), call["mask_image"].convert("L"))


def most_bytes(device: str) -> int:
    """The most memory that was taken: of the card, or else of the whole process."""
    if device in CARDS:
        return int(getattr(torch, device).max_memory_allocated())
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    main(sys.argv[1])
