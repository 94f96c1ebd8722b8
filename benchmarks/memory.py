"""A second task on a model that is loaded: it must not cost a second copy of the weights."""

import json
import subprocess
import sys
import tempfile

from benchmarks.base import Benchmark, Measured, environment

ONE, TWO = ("text2img", "text2img"), ("text2img", "img2img")
# Both processes make two images, so that they differ in the second pipeline only.
SCRIPT = """
import json, resource, sys
from PIL import Image
from studio.engine.manager import PipelineManager
from studio.catalogue.models import Catalogue
from studio.settings import Settings

settings = Settings.load(home=sys.argv[1])
catalogue = Catalogue(settings)
manager = PipelineManager(catalogue, settings)
model = catalogue["starter"]
side = model.default("width")
weights = set()
copies = 0
for task in sys.argv[2:]:
    with manager.borrow(model, task) as pipeline:
        pipeline.set_progress_bar_config(disable=True)
        given = {"image": Image.new("RGB", (side, side)), "strength": 1.0} if task == "img2img" else {}
        pipeline("a red house", num_inference_steps=4, **given)
        parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder)
        found = {tensor.data_ptr() for part in parts for tensor in part.parameters()}
        copies += not found <= weights
        weights |= found
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"peak_bytes": peak, "copies_of_the_weights": copies}))
"""


def measure() -> Measured:
    before, second, after = _run(ONE), _run(TWO), _run(ONE)
    return Measured(
        ratio=second["peak_bytes"] / ((before["peak_bytes"] + after["peak_bytes"]) / 2),
        noise=abs(after["peak_bytes"] / before["peak_bytes"] - 1),
        details={
            "reference_peak_bytes": before["peak_bytes"],
            "candidate_peak_bytes": second["peak_bytes"],
            "copies_of_the_weights": second["copies_of_the_weights"],
        },
    )


def _run(tasks: tuple[str, ...]) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-c", SCRIPT, home, *tasks]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment())
        answer: dict[str, int] = json.loads(done.stdout)
        return answer


BENCHMARK = Benchmark("peak memory with a second task's pipeline / with one", 1.01, 1.03, measure)
