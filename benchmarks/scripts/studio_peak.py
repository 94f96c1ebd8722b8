"""The peak of memory once each of these tasks' pipelines has made an image, and how often weights were copied."""

import json
import resource
import sys
from typing import get_args

from PIL import Image

from studio.catalogue.models import Catalogue
from studio.engine.manager import PipelineManager
from studio.recipe import Task
from studio.settings import Settings

TASKS: dict[str, Task] = {task: task for task in get_args(Task)}
home, *names = sys.argv[1:]
settings = Settings.load(home=home)
catalogue = Catalogue(settings)
manager = PipelineManager(catalogue, settings)
model = catalogue["starter"]
side = int(model.default("width"))
weights: set[int] = set()
copies = 0
for task in [TASKS[name] for name in names]:
    with manager.borrow_pipeline(model, task) as pipeline:
        pipeline.set_progress_bar_config(disable=True)
        given = {"image": Image.new("RGB", (side, side)), "strength": 1.0} if task == "img2img" else {}
        pipeline("a red house", num_inference_steps=4, **given)
        parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder)
        found = {tensor.data_ptr() for part in parts for tensor in part.parameters()}
        copies += not found <= weights
        weights |= found
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"peak_bytes": peak, "copies_of_the_weights": copies}))
