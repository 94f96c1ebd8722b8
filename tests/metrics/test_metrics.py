"""Every metric tells an obviously good picture from an obviously bad one; a new metric without such a pair fails."""

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from studio.controls.base import EstimatorContext
from studio.errors import ModelError
from studio.metrics import METRICS
from studio.metrics.aesthetic import HEAD
from studio.metrics.base import Metric, Sample
from studio.metrics.clip_score import CLIP, STARTER
from studio.presets.examples import examples
from studio.recipe import Recipe
from studio.safety.layer import SAFETY
from studio.settings import Settings

SIZE = (160, 120)


def scene(seed: int = 0) -> Image.Image:
    """Shapes of middling colours, a little noisy, as a picture is."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", SIZE, tuple(int(v) for v in rng.integers(60, 200, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, wide, high = (int(v) for v in rng.integers(8, 80, 4))
        colour = tuple(int(v) for v in rng.integers(40, 220, 3))
        draw.ellipse((x, y, x + wide, y + high), fill=colour)
    return Image.fromarray((np.asarray(image) + rng.integers(-6, 7, (*SIZE[::-1], 3))).clip(0, 255).astype(np.uint8))


def tiled() -> Image.Image:
    levels = np.asarray(scene()).astype(int)
    levels[:, SIZE[0] // 2 :] += 30
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def samples(*images: Image.Image) -> list[Sample]:
    return [Sample(image) for image in images]


PLAIN = samples(scene())
# Pictures whose last one is good, and such whose last one is bad.
PAIRS: dict[str, tuple[Sequence[Sample], Sequence[Sample]]] = {
    "sharpness": (PLAIN, samples(scene().filter(ImageFilter.GaussianBlur(4)))),
    "contrast": (PLAIN, samples(Image.blend(scene(), Image.new("RGB", SIZE, "grey"), 0.9))),
    "exposure": (PLAIN, samples(scene().point(lambda v: 255 if v > 120 else 0).convert("L").convert("RGB"))),
    "colour_clipping": (PLAIN, samples(scene().point(lambda v: 255 if v > 120 else 0))),
    "blank": (PLAIN, samples(Image.new("RGB", SIZE))),
    "seams": (PLAIN, samples(tiled())),
    "duplicate": (samples(scene(1), scene(2)), samples(scene(1), scene(1).resize((80, 60)))),
    "diversity": (samples(scene(1), scene(1), scene(1), scene(2)), samples(scene(1), scene(1), scene(1), scene(1))),
    "safety": (
        [Sample(scene(), facts={SAFETY: "passed"})],
        [Sample(scene(), facts={SAFETY: "withheld"})],
    ),
}
# Their good and bad pictures are the starter's, or need weights: below.
APART = {"clip_score", "aesthetic"}


@pytest.fixture
def context(tmp_path: Path) -> EstimatorContext:
    return EstimatorContext(Settings.load(home=tmp_path))


def test_every_metric_has_its_pair():
    assert PAIRS.keys() | APART == set(METRICS)


def last(metric: Metric, pictures: Sequence[Sample], context: EstimatorContext) -> float:
    score = metric.measure(pictures, context)[-1]
    assert score is not None
    return score


@pytest.mark.parametrize("name", PAIRS)
def test_a_good_picture_scores_better_than_a_bad_one_and_passes_the_usual_limit(name: str, context: EstimatorContext):
    metric = METRICS[name]
    good, bad = (last(metric, pictures, context) for pictures in PAIRS[name])
    assert not metric.fails(good, metric.usual)
    assert metric.fails(bad, metric.usual)
    assert all(metric.minimum <= score <= metric.maximum for score in (good, bad) if not metric.among)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2)])
def test_a_picture_of_any_shape_has_a_number_or_none(name: str, size: tuple[int, int], context: EstimatorContext):
    found = METRICS[name].measure(samples(Image.new("RGB", size), Image.new("RGB", size, "red")), context)
    assert all(score is None or np.isfinite(score) for score in found)


DRAWN = {one.id: one for one in examples() if one.model == "starter" and one.use == "text2img"}


@pytest.mark.parametrize("name", DRAWN)
def test_an_example_fits_its_own_prompt_better_than_that_of_any_other(name: str, context: EstimatorContext):
    path = DRAWN[name].picture
    assert path is not None
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    asked = [Sample(picture, Recipe(prompt=one.prompt)) for one in DRAWN.values()]
    found = METRICS["clip_score"].measure(asked, EstimatorContext(context.settings, starter=True))
    assert None not in found
    fits = dict(zip(DRAWN, found, strict=True))
    assert max(fits, key=fits.__getitem__) == name


@pytest.mark.parametrize("name", sorted(APART))
def test_a_metric_without_its_weights_says_what_belongs_where(name: str, context: EstimatorContext):
    with pytest.raises(ModelError, match=r"CLIP ViT-L/14 \(1.7 GB\) is not on this disk.* or leave this metric out"):
        METRICS[name].measure(PLAIN, context)


@pytest.fixture
def with_clip(context: EstimatorContext) -> EstimatorContext:
    """A workshop that has a CLIP, the starter's."""
    shutil.copytree(STARTER, CLIP.folder(context.settings))
    (CLIP.folder(context.settings) / "preprocessor_config.json").write_text("{}")
    return context


def test_any_clip_can_score(with_clip: EstimatorContext):
    sample = Sample(scene(), Recipe(prompt="a red house"))
    (score,) = METRICS["clip_score"].measure([sample], with_clip)
    assert [score] == METRICS["clip_score"].measure([sample], EstimatorContext(with_clip.settings, starter=True))
    assert METRICS["clip_score"].measure(PLAIN, with_clip) == [None]


def write_head(context: EstimatorContext, *sides: int) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    layers = {f"layers.{2 * k}": torch.nn.Linear(*pair) for k, pair in enumerate(pairwise(sides))}
    tensors = {f"{name}.{part}": value for name, layer in layers.items() for part, value in layer.state_dict().items()}
    folder = HEAD.folder(context.settings)
    folder.mkdir(parents=True)
    save_file(tensors, folder / HEAD.files[0])


def test_the_aesthetic_head_is_put_on_what_clip_sees(with_clip: EstimatorContext):
    write_head(with_clip, 128, 16, 1)
    found = METRICS["aesthetic"].measure(samples(scene(1), scene(2)), with_clip)
    assert len(set(found)) == 2


def test_an_aesthetic_head_of_another_clip_is_refused(with_clip: EstimatorContext):
    write_head(with_clip, 768, 16, 1)
    with pytest.raises(ModelError, match=r"reads 768 numbers of CLIP ViT-L/14, and the CLIP in .* gives 128"):
        METRICS["aesthetic"].measure(PLAIN, with_clip)
