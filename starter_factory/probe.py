"""The probe: a small network that names what a picture shows, and where. It has only ever seen renders.

It sees a picture 128 pixels wide and answers for the whole (place, time, look, ground), and for each of its cells of
4 x 4 pixels: which thing is there, and of which colour. A thing is named by all cells that touch each other together.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate, silu

from starter_factory.canvas import Image
from starter_factory.draw import Drawing, draw
from starter_factory.places import PLACES
from starter_factory.samples import stream
from starter_factory.scene import GROUNDS, PLAIN, STYLES, TIMES, Scene, random_scene
from starter_factory.sprites import COLOURS
from starter_factory.things import THINGS
from starter_factory.training import Batch, Run, Session, autocast, fit
from starter_factory.vae import to_tensor, to_tensors

VIEW = 128
CELLS = VIEW // 4
WIDTHS = (32, 64, 128, 176)
CELL_WIDTHS = (64, 80)
BATCH = 32
# Each render is learned from so many times on average, each time with other noise.
USES = 4
LEARNING_RATE = 2e-3
FIRST_SEED = 2**35
IGNORED = -100
# What is asked beside which thing it is counts less: it is far easier.
WEIGHT_OF_OTHERS = 0.3
BACKGROUND_WEIGHT = 0.25
WHOLE: dict[str, tuple[str, ...]] = {
    "place": (*PLACES, PLAIN),
    "time": TIMES,
    "style": STYLES,
    "ground": GROUNDS,
}
THING_NAMES = tuple(THINGS)
Shares = NDArray[np.float32]
Cells = NDArray[np.bool_]
# A thing is seen where at least so many cells show it, and it is so much of all that touches it.
FEWEST_CELLS = 12
SMALLEST_SHARE = 0.2


class Probe(nn.Module):
    """Pictures (batch, 3, h, w) between -1 and 1 to scores: a tensor for each key of WHOLE, of things, of colours."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, WIDTHS[0], 5, stride=2, padding=2)
        self.downs = nn.ModuleList(Down(before, after) for before, after in pairwise(WIDTHS))
        self.wide = nn.Conv2d(WIDTHS[-1], WIDTHS[-1], 3, stride=2, padding=1)
        self.levels = nn.ModuleList(nn.Conv2d(width, CELL_WIDTHS[0], 1) for width in WIDTHS[1:])
        self.joined = nn.Sequential(
            nn.GroupNorm(8, CELL_WIDTHS[0]), nn.SiLU(), nn.Conv2d(*CELL_WIDTHS, 3, padding=1), nn.SiLU()
        )
        self.things = nn.Conv2d(CELL_WIDTHS[1], len(THING_NAMES) + 1, 1)
        self.colours = nn.Conv2d(CELL_WIDTHS[1], len(COLOURS), 1)
        self.whole = nn.Linear(2 * WIDTHS[-1] + WIDTHS[1], sum(len(names) for names in WHOLE.values()))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        levels = self._levels(images)
        texture = levels[0].mean(dim=(2, 3))
        whole = self.whole(torch.cat([self._pooled(levels[-1]), texture], dim=1))
        told = [layer(level) for layer, level in zip(self.levels, levels, strict=True)]
        cells = self.joined(sum(interpolate(one, told[0].shape[-2:]) for one in told))
        answers = dict(zip(WHOLE, whole.split([len(names) for names in WHOLE.values()], dim=1), strict=True))
        return answers | {"things": self.things(cells), "colours": self.colours(cells)}

    def features(self, images: Tensor) -> Tensor:
        """What it makes of whole pictures before it answers, (batch, 352)."""
        return self._pooled(self._levels(images)[-1])

    def _levels(self, images: Tensor) -> list[Tensor]:
        """From fine to coarse: a fourth, an eighth, a sixteenth of the side."""
        hidden, levels = self.first(images), []
        for down in self.downs:
            hidden = down(hidden)
            levels.append(hidden)
        return levels

    def _pooled(self, coarse: Tensor) -> Tensor:
        wide = silu(self.wide(coarse))
        return torch.cat([wide.mean(dim=(2, 3)), wide.amax(dim=(2, 3))], dim=1)


class Down(nn.Module):
    """Half the side and `after` channels; what the first layer makes is passed by the second, too."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.halve = nn.Sequential(nn.GroupNorm(8, before), nn.SiLU(), nn.Conv2d(before, after, 3, stride=2, padding=1))
        self.refine = nn.Sequential(nn.GroupNorm(8, after), nn.SiLU(), nn.Conv2d(after, after, 3, padding=1))

    def forward(self, hidden: Tensor) -> Tensor:
        halved = self.halve(hidden)
        return cast(Tensor, halved + self.refine(halved))


def targets(scene: Scene, drawing: Drawing, side: int = CELLS) -> Batch:
    """The right answers, in `side` x `side` cells; the colour of a thing that is not painted is not asked for."""
    cells = cv2.resize(drawing.labels, (side, side), interpolation=cv2.INTER_NEAREST)
    things = [len(THING_NAMES), *(THING_NAMES.index(subject.thing) for subject in scene.subjects)]
    colours = [IGNORED, *(COLOURS.index(s.colour) if s.colour else IGNORED for s in scene.subjects)]
    ground = GROUNDS.index(scene.ground) if scene.ground else IGNORED
    timeless = scene.place in ("space", "underwater", PLAIN)
    return {
        "things": torch.from_numpy(np.array(things)[cells]),
        "colours": torch.from_numpy(np.array(colours)[cells]),
        "place": torch.tensor(WHOLE["place"].index(scene.place)),
        "time": torch.tensor(IGNORED if timeless else TIMES.index(scene.time)),
        "style": torch.tensor(STYLES.index(scene.style)),
        "ground": torch.tensor(ground),
    }


def labelled_render(number: int) -> Batch:
    """The render of any scene as bytes, with the right answers; held-out pairs included: the probe must know them."""
    scene = random_scene(random.Random(FIRST_SEED + number))
    drawing = draw(scene)  # as large as what is judged: lines and blocks of looks are as wide at any size
    return {"images": torch.from_numpy(as_seen(drawing.image))} | targets(scene, drawing)


def train_probe(session: Session, probe: Probe) -> Run:
    """Train the given one on renders, from its checkpoint where there is one."""
    probe = probe.to(memory_format=torch.channels_last)
    weights = torch.ones(len(THING_NAMES) + 1, device=session.device)
    weights[-1] = BACKGROUND_WEIGHT

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        images = to_tensors(batch["images"])
        if torch.rand((), generator=noise, device=noise.device) < 0.5:
            images, batch = _mirrored(images, batch)
        with autocast(session.device):
            answers = probe(_roughened(images, noise).to(memory_format=torch.channels_last))
        losses = [cross_entropy(answers["things"].float(), batch["things"], weights)]
        for key in ("colours", *WHOLE):
            asked = (batch[key] != IGNORED).sum().clamp(min=1)
            missed = cross_entropy(answers[key].float(), batch[key], reduction="sum", ignore_index=IGNORED)
            losses.append(WEIGHT_OF_OTHERS * missed / asked)
        return torch.stack(losses).sum()

    batches = stream("probe", labelled_render, session, BATCH, USES)
    return fit("probe", probe, batches, loss_of, session, LEARNING_RATE)


def _mirrored(images: Tensor, batch: Batch) -> tuple[Tensor, Batch]:
    """The same with left and right exchanged: of the answers, those to cells."""
    return images.flip(-1), {key: answer.flip(-1) if answer.ndim == 3 else answer for key, answer in batch.items()}


def _roughened(images: Tensor, noise: torch.Generator) -> Tensor:
    """Drawings are cleaner and sharper than a decoder's output: the probe must not depend on it."""
    device = images.device
    soft = avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    softness = torch.rand((len(images), 1, 1, 1), generator=noise, device=device)
    strength = 0.1 * torch.rand((len(images), 1, 1, 1), generator=noise, device=device)
    return images.lerp(soft, softness) + strength * torch.randn(images.shape, generator=noise, device=device)


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that the probe sees: how many of it, its colour, and the middle of all (x, share of the width)."""

    thing: str
    count: int
    colour: str
    x: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What the probe sees in a picture."""

    place: str
    time: str
    style: str
    ground: str
    things: tuple[Seen, ...]


def look(probe: Probe, pictures: Sequence[Image]) -> list[Sight]:
    """What the probe sees in each picture."""
    sights = []
    for picture in pictures:
        with torch.no_grad():
            answers = probe(to_tensor(as_seen(picture))[None])
        whole = {key: names[int(answers[key][0].argmax())] for key, names in WHOLE.items()}
        things, colours = (answers[key][0].softmax(dim=0).numpy() for key in ("things", "colours"))
        sights.append(Sight(**whole, things=_things(things, colours)))
    return sights


def as_seen(picture: Image) -> Image:
    """The picture at the width that the probe knows."""
    height, width = picture.shape[:2]
    size = (VIEW, round(height * VIEW / width / 8) * 8)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _things(likely: Shares, colours: Shares) -> tuple[Seen, ...]:
    """What the cells show together: each group of cells that touch names one thing, or several that are much of it."""
    background = len(THING_NAMES)
    shown = likely[background] < 0.5
    cells = np.full(shown.shape, background)
    for group in _groups(shown):
        areas = np.bincount(likely[:background, group].argmax(axis=0), minlength=background)
        kept = np.flatnonzero(areas >= max(FEWEST_CELLS, SMALLEST_SHARE * group.sum()))
        if len(kept):
            cells[group] = kept[likely[kept][:, group].argmax(axis=0)]
    return tuple(_seen(int(thing), cells == thing, colours) for thing in np.unique(cells[cells < background]))


def _seen(thing: int, where: Cells, colours: Shares) -> Seen:
    sizes = [group.sum() for group in _groups(where)]
    count = sum(size >= max(FEWEST_CELLS, 0.3 * max(sizes)) for size in sizes)
    colour = COLOURS[int(colours[:, where].sum(axis=1).argmax())]
    return Seen(THING_NAMES[thing], max(1, count), colour, float(np.nonzero(where)[1].mean() + 0.5) / where.shape[1])


def _groups(shown: Cells) -> list[Cells]:
    """The cells of each group that touch side by side."""
    count, groups = cv2.connectedComponents(shown.astype(np.uint8), connectivity=4)
    return [groups == number for number in range(1, count)]
