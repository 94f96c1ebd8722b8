"""The probe: a small network that names what a picture shows, and where. It has only ever seen renders.

It sees a picture 192 pixels wide and answers for the whole (place, time, look, ground), and for each of its cells of
8 x 8 pixels: which thing is there, and of which colour.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, silu

from starter_factory.canvas import Image
from starter_factory.draw import Drawing, draw
from starter_factory.places import PLACES
from starter_factory.scene import GROUNDS, PLAIN, STYLES, TIMES, Scene, random_scene
from starter_factory.sprites import COLOURS
from starter_factory.things import THINGS
from starter_factory.training import Batch, Run, Session, autocast, fit, samples_of
from starter_factory.vae import to_tensor

VIEW = 192
CELLS = VIEW // 8
WIDTHS = (24, 48, 72, 112, 144)
BATCH = 8
LEARNING_RATE = 1.5e-3
FIRST_SEED = 2**35
IGNORED = -100
BACKGROUND_WEIGHT = 0.25
WHOLE: dict[str, tuple[str, ...]] = {
    "place": (*PLACES, PLAIN),
    "time": TIMES,
    "style": STYLES,
    "ground": GROUNDS,
}
THING_NAMES = tuple(THINGS)
# A thing is seen where at least so many cells show it.
FEWEST_CELLS = 4


class Probe(nn.Module):
    """Pictures (batch, 3, h, w) between -1 and 1 to scores: a tensor for each key of WHOLE, of things, of colours."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, WIDTHS[0], 5, stride=2, padding=2)
        self.downs = nn.ModuleList(_block(before, after) for before, after in pairwise(WIDTHS))
        self.wide = _block(WIDTHS[-1], WIDTHS[-1], stride=2)
        self.across = nn.Conv2d(WIDTHS[-1], WIDTHS[2], 1)
        self.middle = nn.Conv2d(WIDTHS[3], WIDTHS[2], 1)
        self.joined = _block(WIDTHS[2], WIDTHS[3], stride=1)
        self.things = nn.Conv2d(WIDTHS[3], len(THING_NAMES) + 1, 1)
        self.colours = nn.Conv2d(WIDTHS[3], len(COLOURS), 1)
        self.whole = nn.Linear(2 * WIDTHS[-1], sum(len(names) for names in WHOLE.values()))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        fine, middle, coarse = self._levels(images)
        whole = self.whole(self._pooled(coarse)).split([len(names) for names in WHOLE.values()], dim=1)
        size = fine.shape[-2:]
        up = fine + interpolate(self.middle(middle), size) + interpolate(self.across(coarse), size)
        cells = self.joined(up)
        answers = dict(zip(WHOLE, whole, strict=True))
        return answers | {"things": self.things(cells), "colours": self.colours(cells)}

    def features(self, images: Tensor) -> Tensor:
        """What it makes of whole pictures before it answers, (batch, 288)."""
        return self._pooled(self._levels(images)[-1])

    def _levels(self, images: Tensor) -> list[Tensor]:
        """From fine to coarse: an eighth, a sixteenth, a thirty-second of the side."""
        hidden, levels = silu(self.first(images)), []
        for down in self.downs:
            hidden = down(hidden)
            levels.append(hidden)
        return levels[1:]

    def _pooled(self, coarse: Tensor) -> Tensor:
        wide = self.wide(coarse)
        return torch.cat([wide.mean(dim=(2, 3)), wide.amax(dim=(2, 3))], dim=1)


def _block(before: int, after: int, stride: int = 2) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1),
        nn.GroupNorm(8, after),
        nn.SiLU(),
        nn.Conv2d(after, after, 3, padding=1),
        nn.GroupNorm(8, after),
        nn.SiLU(),
    )


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


def labelled_renders(batch: int, first: int) -> Iterator[Batch]:
    """Renders of any scene without end, held-out pairs included: the probe must know them."""
    seed = FIRST_SEED + first
    while True:
        rows = []
        for _ in range(batch):
            scene = random_scene(random.Random(seed))
            drawing = draw(scene, VIEW, VIEW)
            rows.append({"images": to_tensor(drawing.image)} | targets(scene, drawing))
            seed += 1
        yield {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


def train_probe(session: Session, probe: Probe) -> Run:
    """Train the given one on renders, from its checkpoint where there is one."""
    probe = probe.to(memory_format=torch.channels_last)
    weights = torch.ones(len(THING_NAMES) + 1, device=session.device)
    weights[-1] = BACKGROUND_WEIGHT

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        # Drawings are cleaner than a decoder's output: the probe must not depend on it.
        rough = 0.08 * torch.randn(batch["images"].shape, generator=noise, device=noise.device)
        with autocast(session.device):
            answers = probe((batch["images"] + rough).to(memory_format=torch.channels_last))
        losses = [cross_entropy(answers["things"].float(), batch["things"], weights)]
        for key in ("colours", *WHOLE):
            asked = (batch[key] != IGNORED).sum().clamp(min=1)
            losses.append(cross_entropy(answers[key].float(), batch[key], reduction="sum") / asked)
        return torch.stack(losses).sum()

    batches = labelled_renders(BATCH, samples_of("probe", session))
    return fit("probe", probe, batches, loss_of, session, LEARNING_RATE)


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
        cells = answers["things"][0].argmax(dim=0).numpy()
        sights.append(Sight(**whole, things=_things(cells, answers["colours"][0].argmax(dim=0).numpy())))
    return sights


def as_seen(picture: Image) -> Image:
    """The picture at the width that the probe knows."""
    height, width = picture.shape[:2]
    size = (VIEW, round(height * VIEW / width / 8) * 8)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _things(cells: NDArray[np.integer], colours: NDArray[np.integer]) -> tuple[Seen, ...]:
    found = []
    for number in np.unique(cells[cells < len(THING_NAMES)]):
        where = cells == number
        if where.sum() < FEWEST_CELLS:
            continue
        count, parts, stats, _ = cv2.connectedComponentsWithStats(where.astype(np.uint8), connectivity=8)
        sizes = stats[1:, cv2.CC_STAT_AREA]
        large = int((sizes >= max(FEWEST_CELLS, 0.3 * sizes.max())).sum()) if count > 1 else 0
        if not large:
            continue
        colour = COLOURS[int(np.bincount(colours[where]).argmax())]
        found.append(
            Seen(THING_NAMES[number], large, colour, float(np.nonzero(where)[1].mean() + 0.5) / parts.shape[1])
        )
    return tuple(found)
