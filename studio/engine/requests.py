"""What a task asks for while it makes a picture: plain values, so that a task does not know who answers.

A task is a generator. It yields requests, is sent their answers and returns a picture:

    [latents] = yield Denoise(...)
    picture = yield Decode(...)

Whoever drives it answers each request as it likes: by diffusers' own pipelines (`engine/loop.py`), by a batch that rows
of many tasks share, or from a record. A request holds no pipeline, no module and no function, so it can be kept,
compared, and sent to another process. Who is told of steps and previews, and may stop the work, is the driver's own
`Listener`, one for each call of the backend, and stands beside the requests.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from PIL.Image import Image

from studio.catalogue.models import Model
from studio.engine.noise import Noise
from studio.events import Event
from studio.recipe import PaintedRecipe, Task

T = TypeVar("T")


@dataclass(frozen=True)
class Pass:
    """One way through the denoiser: pictures of `width` x `height` pixels by `task`, a schedule of `steps`.

    `made` is how many of the steps are made; a low strength leaves out the first ones, the lowest all of them. `done`
    is how many a pass before it took, for words that change at a step.
    """

    task: Task
    width: int
    height: int
    steps: int
    made: int
    strength: float | None = None
    done: int = 0

    @property
    def work(self) -> int:
        """What one picture of it costs, in steps times pixels."""
        return self.made * self.width * self.height


@dataclass(frozen=True, eq=False)
class LatentRow:
    """One row of a batch: a picture, or a tile of one, with all that is its own.

    `image` is the index of the picture among those of the call; several tiles have the same. `noise` says the seeds of
    every draw: first the sample of what the VAE encodes, then the noise, then what a scheduler adds at its steps.
    `start` is what the row begins from: RGB pixels of the pass's size, which whoever denoises encodes; or latents (1,
    channels, height / 8, width / 8), scaled as the denoiser has them; None for noise alone. `mask` (mode L, the pass's
    size, 255 where it is painted, else 0) is for inpainting, with pixels as `start`. `maps` are what the row follows,
    one RGB picture of the pass's size for each of the recipe's `mapped_units`.
    """

    image: int
    noise: Noise
    start: Image | torch.Tensor | None = None
    mask: Image | None = None
    maps: Sequence[Image] = ()


@dataclass(frozen=True, eq=False)
class Denoise:
    """Asks for the latents of each row: a list of (1, channels, height / 8, width / 8), as the denoiser leaves them.

    Transformers that keep latents as patches give them unpacked all the same. Rows of one request are of one picture.
    All that its rows share is said by `model`, `recipe` and `pass_`:

    - conditioning: `recipe.prompt`, `negative_prompt` and `clip_skip`, spread over `pass_.steps` after `pass_.done`;
    - schedule: `recipe.scheduler` with `pass_.steps`, `strength` and `made`; `eta`, `sigma_churn` and `sigma_noise`;
      `rng` says where noise is drawn;
    - guidance: `recipe.guidance_scale`, `guidance_rescale` and `image_guidance_scale`;
    - ControlNets: `recipe.mapped_units` with their weights, modes and shares of the steps, over the `maps` of each row;
    - IP-Adapters: `recipe.image_prompts`, with `looks`, their pictures in the same order;
    - LoRAs: `recipe.loras` with their weights, blocks and shares of the steps;
    - `recipe.vae`, which encodes what rows start from.

    The recipe is resolved and its maps are ready; its seed, size and step counts are not read, but those of the rows
    and the pass. The loop on diffusers' pipelines uses every field. Requests that are `alike` may share one call of a
    pipeline; a step-level batch joins more.
    """

    model: Model
    recipe: PaintedRecipe
    pass_: Pass
    rows: Sequence[LatentRow]
    looks: Sequence[Image] = ()

    def alike(self, other: object) -> bool:
        """Whether the rows of both may share one call of a pipeline; tiles have one of their own."""
        return (
            isinstance(other, Denoise)
            and len(self.rows) == len(other.rows) == 1
            and (self.model, self.recipe, self.pass_) == (other.model, other.recipe, other.pass_)
        )


@dataclass(frozen=True, eq=False)
class Decode:
    """Asks for the picture (RGB, the pass's size) of `latents` by the recipe's VAE.

    `latents` are (1, channels, height / 8, width / 8). `row` is the one that they were made of: it says whose picture
    it is, and its seed where it comes out as no numbers.
    """

    model: Model
    recipe: PaintedRecipe
    pass_: Pass
    row: LatentRow
    latents: torch.Tensor


@dataclass(frozen=True, eq=False)
class Enlarge:
    """Asks for the picture at `size` (width, height in pixels) by an upscaler of this name."""

    picture: Image
    upscaler: str
    size: tuple[int, int]


@dataclass(frozen=True)
class Borrow:
    """Asks to go on with this model and the networks of this recipe, for the second pass by another model.

    Whoever drives puts that off until nothing waits for the model before, so that models change once.
    """

    model: Model
    recipe: PaintedRecipe


@dataclass(frozen=True)
class Expect:
    """Says which passes each picture takes, before the first; where all are the same, they are its tiles."""

    passes: tuple[Pass, ...]


@dataclass(frozen=True)
class Note:
    """Something that the creator should know about the pictures; it is told once, and kept with each."""

    words: str


Request = Denoise | Decode | Enlarge | Borrow | Expect | Note
# A task under way: yields requests, is sent the answer of each (None for what only says something), returns a T.
Work = Generator[Request, Any, T]
# Renders one picture: the row that it is given says which picture, and its noise.
RenderRow = Callable[[LatentRow], Work[Image]]


class Racer(Protocol):
    """A picture in a race: it is looked at after some of its steps, and ends where it is behind."""

    def is_due(self, share: float) -> bool:
        """Whether it is looked at after this share (0 to 1) of its steps."""

    def arrive(self, predicted: Image, step: int, steps: int) -> None:
        """What it is heading for after `step` of `steps`; waits for the others; Behind where it ends here."""


class Listener(Protocol):
    """Hears of the rows of one call; whatever it raises ends them all, as Cancelled does where the job is stopped.

    In a batch shared with others it ends the rows of its own call alone.
    """

    def step(self, pass_: Pass, rows: Sequence[LatentRow], share: float) -> None:
        """After each step: `share` (0 to 1) of the pass is done for these rows, which go together."""

    def finished(self, pass_: Pass, rows: Sequence[LatentRow]) -> None:
        """These rows have gone through the pass."""

    def report(self, event: Event) -> None:
        """Previews, and words on what is being done."""

    @property
    def each_step(self) -> bool:
        """Whether what each step predicts is wanted."""

    @property
    def racer(self) -> Racer | None:
        """What the picture is raced by, where it is."""

    def frame(self, image: int, predicted: Image) -> None:
        """What a step predicts of an image, decoded."""
