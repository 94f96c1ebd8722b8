"""How people stand: their skeletons, in OpenPose's colours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from studio import openpose
from studio.catalogue.preprocessors import Weights, annotator
from studio.controls.base import Control, EstimatorContext, Option, as_seen, estimator_words
from studio.families import FAMILIES
from studio.openpose import JOINTS, Person
from studio.settings import ASSETS

# Of the three files that OpenPose's detector asks for, the body's; hands and faces are not drawn.
OPENPOSE = Weights(
    id="openpose",
    name="OpenPose",
    repo="lllyasviel/Annotators",
    files=("body_pose_model.pth",),
    bytes=209_267_595,
    licence="CMU's licence: for non-commercial use only.",
    sha256={"body_pose_model.pth": "25a948c16078b0f08e236bda51a385d855ef4c153598947c28c0d47ed94bb746"},
)
REAL = {"openpose": OPENPOSE}
STARTER = ASSETS / "starter" / "pose"
# Below this a joint of the starter's estimator is not there.
SURE = 0.25
OPENPOSE_SIDE = 512


class Pose(Control):
    """Skeletons on black."""

    label = "Pose"
    help = "Puts people in the poses of those in the picture; needs the weights of an estimator."
    options = (
        Option(
            "estimator",
            "Estimator",
            "What finds the people; auto takes the starter's own for the starter, else OpenPose.",
            "auto",
            choices=("auto", "starter", *REAL),
            words=estimator_words(REAL),
        ),
    )
    needs = tuple(REAL.values())
    nothing = "No people were found in the picture."

    def wants(self, options: Mapping[str, Any], context: EstimatorContext) -> Weights | None:
        return REAL.get(context.estimator(str(self.check(options)["estimator"]), REAL))

    def draw(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> Image.Image:
        return openpose.draw(self.people(image, options, context), *image.size)

    def people(self, image: Image.Image, options: Mapping[str, Any], context: EstimatorContext) -> list[Person]:
        """The people in the picture, in its pixels; options and errors as of `map`."""
        estimator = context.estimator(str(self.check(options)["estimator"]), REAL)
        if estimator == "starter":
            seen = as_seen(image, FAMILIES["starter"].native_side)
            found = _by_starter(seen, context)
        else:
            seen = as_seen(image, OPENPOSE_SIDE)
            found = _by_openpose(seen, context)
        across, down = image.width / seen.width, image.height / seen.height
        return [{joint: (x * across, y * down) for joint, (x, y) in person.items()} for person in found if person]


def _by_starter(image: Image.Image, context: EstimatorContext) -> list[Person]:
    """The one person that the starter's estimator looks for, with the whole picture as its box."""
    import torch
    from transformers import AutoImageProcessor, VitPoseForPoseEstimation

    def loader() -> Any:
        network = VitPoseForPoseEstimation.from_pretrained(STARTER, local_files_only=True)
        return network.eval().to(context.device)

    network = context.load(f"pose: {STARTER}", "the pose estimator", loader)
    processor = AutoImageProcessor.from_pretrained(STARTER, local_files_only=True)
    boxes = [[[0.0, 0.0, float(image.width), float(image.height)]]]
    with torch.no_grad():
        output = network(processor([image], boxes=boxes, return_tensors="pt")["pixel_values"].to(context.device))
    ((found,),) = processor.post_process_pose_estimation(output, boxes=boxes)
    triples = zip(JOINTS, found["keypoints"].tolist(), found["scores"].flatten().tolist(), strict=True)
    return [{joint: (x, y) for joint, (x, y), sure in triples if sure >= SURE}]


def _by_openpose(image: Image.Image, context: EstimatorContext) -> list[Person]:
    import torch

    module = annotator("open_pose", OPENPOSE.name)
    path = OPENPOSE.here(context.settings) / OPENPOSE.files[0]

    def loader() -> Any:
        network = module.body.bodypose_model()
        weights = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(module.util.transfer(network, weights))
        return network.eval().to(context.device)

    # Its own constructor opens the file itself, and anew each time.
    body = module.body.Body.__new__(module.body.Body)
    body.model = context.load(f"pose: {path}", "the pose estimator", loader)
    # It learned on pictures with blue first.
    candidates, subset = body(np.ascontiguousarray(np.asarray(image)[..., ::-1]))
    return [
        {joint: (float(point.x), float(point.y)) for joint, point in zip(JOINTS, one.keypoints, strict=True) if point}
        for one in body.format_body_result(candidates, subset)
    ]


CONTROL = Pose()
