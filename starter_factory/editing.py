"""How well the base changes pictures: image to image takes another colour, inpainting another thing in its place."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline
from PIL import Image as Pictures

from starter_factory.canvas import Image
from starter_factory.captions import Caption
from starter_factory.draw import SIDE, draw
from starter_factory.measures import agreement
from starter_factory.sampling import FIRST_UNSEEN, GUIDANCE, STEPS
from starter_factory.scene import Scene, training_scene
from starter_factory.sitting import Sitting, Table, full_caption
from starter_factory.twins import twins

STRENGTH = 0.75
# Share of the side that a mask is larger than the thing.
MARGIN = 0.05


def edited(sitting: Sitting) -> Table:
    """Renders of one thing, changed by words; as they were, they stand beside it."""
    pairs = [_pair(FIRST_UNSEEN + 1000 * number) for number in range(sitting.count)]
    starts = [draw(scene).image for scene, _, _ in pairs]
    recoloured = [full_caption(other) for _, other, _ in pairs]
    exchanged = [full_caption(other) for _, _, other in pairs]
    masks = [mask_of(scene) for scene, _, _ in pairs]
    painted = _painted(sitting, starts, recoloured)
    filled = _filled(sitting, starts, exchanged, masks)
    return {
        "image to image, another colour, %": _asked(sitting, recoloured, painted, "colour", starts),
        "inpainting, another thing, %": _asked(sitting, exchanged, filled, "one thing", starts),
        "inpainting, change outside of the mask, levels": {"changed": _outside(starts, filled, masks)},
    }


def mask_of(scene: Scene) -> Image:
    """Where the scene's thing is, as a box with a margin, 255 on 0."""
    rows, columns = np.nonzero(draw(scene).labels)
    mask: Image = np.zeros((SIDE, SIDE), np.uint8)
    margin = round(MARGIN * SIDE)
    top, left = max(0, rows.min() - margin), max(0, columns.min() - margin)
    mask[top : rows.max() + margin, left : columns.max() + margin] = 255
    return mask


def _pair(seed: int) -> tuple[Scene, Scene, Scene]:
    """A scene of one painted thing, with another colour, and with another thing."""
    while True:
        scene = training_scene(seed)
        if len(scene.subjects) == 1 and len(scene.subjects[0].spots) == 1 and scene.subjects[0].colour:
            others = twins(scene, random.Random(seed))
            if draw(scene).labels.any():
                return scene, others["colour"], others["object"]
        seed += 1


def _painted(sitting: Sitting, starts: Sequence[Image], captions: Sequence[Caption]) -> list[Image]:
    pipeline = StableDiffusionImg2ImgPipeline(**sitting.pipeline().components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    return [
        _made(pipeline, caption, number, image=Pictures.fromarray(start), strength=STRENGTH)
        for number, (start, caption) in enumerate(zip(starts, captions, strict=True))
    ]


def _filled(
    sitting: Sitting, starts: Sequence[Image], captions: Sequence[Caption], masks: Sequence[Image]
) -> list[Image]:
    pipeline = StableDiffusionInpaintPipeline(**sitting.pipeline().components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    rows = zip(starts, captions, masks, strict=True)
    return [
        _made(
            pipeline,
            caption,
            number,
            image=Pictures.fromarray(start),
            mask_image=Pictures.fromarray(mask),
            strength=1.0,
            width=SIDE,
            height=SIDE,
        )
        for number, (start, caption, mask) in enumerate(rows)
    ]


def _made(
    pipeline: StableDiffusionImg2ImgPipeline | StableDiffusionInpaintPipeline,
    caption: Caption,
    number: int,
    **given: object,
) -> Image:
    output = pipeline(
        caption.text,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=torch.Generator().manual_seed(number),
        output_type="np",
        **given,
    )
    return np.asarray(np.round(output.images[0] * 255), np.uint8)


def _asked(
    sitting: Sitting, captions: Sequence[Caption], pictures: Sequence[Image], question: str, starts: Sequence[Image]
) -> dict[str, float]:
    columns = {"changed": pictures, "as they were": starts}
    scores = {name: agreement(captions, sitting.sights(made)) for name, made in columns.items()}
    return {name: found[question] for name, found in scores.items() if question in found}


def _outside(starts: Sequence[Image], filled: Sequence[Image], masks: Sequence[Image]) -> float:
    """The mean change of pixels that no mask covers: what the autoencoder alone costs."""
    rows = zip(starts, filled, masks, strict=True)
    return round(float(np.mean([np.abs(one.astype(float) - two)[mask == 0].mean() for one, two, mask in rows])), 1)
