"""One picture made again: its job, and what came of it."""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from studio.errors import DownloadNotAgreed, InvalidRecipe, ModelError, NotFound, Unreadable
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.metadata import own
from studio.metadata.own import Made
from studio.metadata.writing import OPTIONS
from studio.recipe import Recipe
from studio.replay.likeness import Likeness, Verdict, difference, tolerance
from studio.replay.reasons import lost, reasons
from studio.resolve.tasks import shares_steps
from studio.safety.layer import WATERMARK
from studio.safety.watermark import put
from studio.studio import Studio

KIND = "replay"
# As many as no picture takes.
MOST_FORWARDS = 9999
UNEXPLAINED = "Nothing in the two files says why; the picture may have been changed since."


@dataclass(frozen=True)
class Outcome:
    """What came of making a picture again; without a likeness it could not be made.

    `because` are sentences on what was otherwise; `difference` is where two pictures of one size differ.
    """

    likeness: Likeness | None
    tolerance: float = 0.0
    because: list[str] = field(default_factory=list)
    difference: Image.Image | None = None

    @property
    def verdict(self) -> Verdict:
        """What could not be made again is different, too."""
        return self.likeness.verdict if self.likeness else "different"

    @property
    def words(self) -> str:
        """The verdict in a line."""
        if self.likeness is None:
            return "It cannot be made again."
        if self.likeness.verdict == "identical":
            return "Identical: every pixel is the same."
        if self.likeness.mean is None:
            return "Different: the two have other sizes."
        apart = f"mean {self.likeness.mean:.3f}, most {self.likeness.most} of 255 levels"
        if self.likeness.verdict == "close":
            return f"Within tolerance: {apart}; up to a mean of {self.tolerance:g} no eye sees it."
        return f"Different: {apart}; a mean up to {self.tolerance:g} would be within tolerance."

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        likeness = self.likeness or Likeness("different")
        verdict = "within tolerance" if self.verdict == "close" else self.verdict
        return {
            "verdict": verdict,
            "mean_levels": likeness.mean,
            "most_levels": likeness.most,
            "tolerance_levels": self.tolerance,
            "because": self.because,
        }


def begin(studio: Studio, made: Made, who: Identity) -> Job | Outcome:
    """The job that makes a picture again, or why that cannot be; StudioError as of `Studio.submit` for all else."""
    if studio.is_hosted(made.recipe):
        return Outcome(None, because=["It was made by a hosted model, which makes another picture each time."])
    recipe = as_made(studio, made)
    try:
        studio.of(who).resolve(recipe)
        return studio.submit(recipe, who, kind=KIND)
    except DownloadNotAgreed:  # with a yes it can be made
        raise
    except (InvalidRecipe, ModelError, NotFound) as error:
        missing = lost(made, studio.hashes.of(made.recipe))
        return Outcome(None, because=missing or [error.sentence])


def as_made(studio: Studio, made: Made) -> Recipe:
    """The recipe that makes the very bytes again, in steps of as many rows as there were."""
    recipe, batch = own.again(made), made.text("batch")
    if recipe.buckets or not batch.isdecimal() or int(batch) < 2:
        return recipe
    models = [studio.catalogue[name] for name in recipe.models if name in studio.catalogue]
    if not models or not shares_steps(recipe, models):
        return recipe
    guided = recipe.guidance_scale is not None and recipe.guidance_scale > 1
    # Those of its own job stood beside it: a row each, and one more where guidance looks without the prompt.
    return recipe.replace(numerics="free", buckets=f"{int(batch) * (2 if guided else 1)}x{MOST_FORWARDS}")


def compared(path: Path, again: Path) -> Outcome:
    """A picture and what was made by its recipe; Unreadable where one of them is no picture that the studio made."""
    before, after = own.read_made(path), own.read_made(again)
    one, other = _alike_marked(_pixels(path), before, _pixels(again), after)
    if path.suffix.lower() in (".jpg", ".jpeg"):
        other = _as_jpeg(other)
    dtype = before.text("dtype") or after.text("dtype")
    likeness = Likeness.of(one, other, dtype)
    if likeness.verdict == "identical":
        return Outcome(likeness, tolerance(dtype))
    shown = difference(one, other) if likeness.mean is not None else None
    return Outcome(likeness, tolerance(dtype), reasons(before, after) or [UNEXPLAINED], shown)


def _alike_marked(one: Image.Image, before: Made, other: Image.Image, after: Made) -> tuple[Image.Image, Image.Image]:
    """Both with the watermark that one of them has, which is no difference in how they were made."""
    then, now = before.text(WATERMARK), after.text(WATERMARK)
    return (put(one, now) if now and not then else one), (put(other, then) if then and not now else other)


def _pixels(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable(f"{path.name} is damaged.", "Choose a picture as the studio wrote it.") from error


def _as_jpeg(image: Image.Image) -> Image.Image:
    """What JPEG makes of a picture, as it made of the one that it is held against."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", **OPTIONS["jpeg"])
    with Image.open(buffer) as read:
        return read.convert("RGB")
