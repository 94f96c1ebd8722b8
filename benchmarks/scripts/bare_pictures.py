"""Pictures by diffusers alone, the way anybody would make them: nothing here knows of the studio."""

import json
import sys
from functools import partial
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline
from rounds import serve


def picture(pipeline: Any, wanted: dict[str, Any]) -> None:
    """One picture of these settings."""
    generator = torch.Generator().manual_seed(wanted["seed"])
    pipeline(**wanted["call"], generator=generator)


given = json.loads(sys.argv[1])
on_a_card = given["device"] != "cpu"
form = {"torch_dtype": torch.float16} if on_a_card else {}
pipeline = DiffusionPipeline.from_pretrained(given["folder"], **form).to(given["device"])
scheduler = getattr(diffusers, given["scheduler"])
pipeline.scheduler = scheduler.from_config(pipeline.scheduler.config, **given["options"])
pipeline.set_progress_bar_config(disable=True)
serve(partial(picture, pipeline, given))
