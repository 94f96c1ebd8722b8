"""How a scorer learns: pairs of scenes that differ in one fact, and heads that say where to look."""

import random
from collections.abc import Mapping

import cv2
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, softplus
from transformers import CLIPModel, CLIPTokenizer

from starter_factory.captions import EVERYTHING, describe
from starter_factory.draw import draw
from starter_factory.places import TIMELESS
from starter_factory.probe import BACKGROUND_WEIGHT, IGNORED, THING_NAMES, WHOLE, targets
from starter_factory.scene import PLAIN, Scene, is_held_out, training_scene
from starter_factory.scoring import PATCH, VIEW, rough
from starter_factory.sprites import COLOURS
from starter_factory.text import to_ids
from starter_factory.training import Batch, Session, autocast
from starter_factory.twins import telling, twins
from starter_factory.vae import to_tensors

FIRST_SEED = 2**37
# A little help: naming the facts of a picture, and what each patch shows, teaches the network where to look, far sooner
# than comparing does.
FACTS_WEIGHT, PATCHES_WEIGHT = 0.3, 0.5
TWINS_WEIGHT = 1.0
# How often a twin differs in a fact; those that are hardest to see are met most.
FACT_SHARES: Mapping[str, float] = {
    "place": 1,
    "time": 1,
    "style": 1,
    "ground": 1,
    "object": 3,
    "count": 1.5,
    "colour": 2,
    "position": 5,
    "whose colour": 6,
}
# The rest says no more than a prompt does.
FULL_SHARE = 0.6
SLOTS = 3
SLOT_SIZES = (len(THING_NAMES) + 1, len(COLOURS), 4)
FACT_SIZES = (*(len(names) for names in WHOLE.values()), *SLOT_SIZES * SLOTS)
GRID = VIEW // PATCH
# Pictures are kept not much larger than they are seen.
KEPT_SIDE = 128


def facts_of(scene: Scene) -> Tensor:
    """The scene as class numbers: of its setting, then thing, colour and count from left to right, or from the back."""
    subjects = list(scene.subjects) if scene.relation else sorted(scene.subjects, key=lambda each: each.spots[0].x)
    numbers = [
        WHOLE["place"].index(scene.place),
        IGNORED if scene.place in TIMELESS or scene.place == PLAIN else WHOLE["time"].index(scene.time),
        WHOLE["style"].index(scene.style),
        WHOLE["ground"].index(scene.ground) if scene.ground else IGNORED,
    ]
    for subject in subjects:
        colour = COLOURS.index(subject.colour) if subject.colour else IGNORED
        numbers += [THING_NAMES.index(subject.thing), colour, len(subject.spots) - 1]
    numbers += [len(THING_NAMES), IGNORED, IGNORED] * (SLOTS - len(subjects))
    return torch.tensor(numbers)


class Twins:
    """Each scene beside one that differs in one fact, both as pictures, token ids, facts and what patches show."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.tokenizer = tokenizer

    def __call__(self, number: int) -> Batch:
        seed = FIRST_SEED + number
        rng, scene = random.Random(seed), training_scene(seed)
        others = {fact: other for fact, other in twins(scene, rng).items() if not is_held_out(other)}
        fact = rng.choices(list(others), weights=[FACT_SHARES[fact] for fact in others])[0] if others else ""
        pair = (scene, others.get(fact) or training_scene(seed + 2**36))
        shares = EVERYTHING if not fact or rng.random() < FULL_SHARE else telling(fact)
        rows = [self._row(each, describe(each, random.Random(seed), shares).text) for each in pair]
        return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}

    def _row(self, scene: Scene, caption: str) -> Batch:
        drawing = draw(scene)  # as large as what is scored: lines and blocks of looks are as wide at any size
        shown = targets(scene, drawing, GRID)
        return {
            "images": torch.from_numpy(cv2.resize(drawing.image, (KEPT_SIDE, KEPT_SIDE), interpolation=cv2.INTER_AREA)),
            "ids": to_ids(self.tokenizer, caption),
            "facts": facts_of(scene),
            "things": shown["things"],
            "colours": shown["colours"],
        }


class Learner(nn.Module):
    """The model with heads, which only training needs: they name facts of pictures and words, and of each patch."""

    def __init__(self, model: CLIPModel) -> None:
        super().__init__()
        self.model = model
        self.facts = nn.Linear(model.config.projection_dim, sum(FACT_SIZES))
        self.patches = nn.Linear(model.config.vision_config.hidden_size, len(THING_NAMES) + 1 + len(COLOURS))
        self.requires_grad_(requires_grad=True).train()

    def forward(self, images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings (batch, width), not yet normalized, of pictures and of ids; scores (batch, patches, classes)."""
        vision = self.model.vision_model(images)
        seen: Tensor = self.model.visual_projection(vision.pooler_output)
        read: Tensor = self.model.text_projection(self.model.text_model(ids).pooler_output)
        return seen, read, self.patches(vision.last_hidden_state[:, 1:])


class Comparison:
    """The loss of one batch: which caption is whose, own before twin's, and the facts."""

    def __init__(self, learner: Learner, session: Session) -> None:
        self.learner, self.device = learner, session.device
        self.weights = torch.ones(len(THING_NAMES) + 1, device=session.device)
        self.weights[-1] = BACKGROUND_WEIGHT

    def __call__(self, batch: Batch, noise: torch.Generator) -> Tensor:
        rows = {name: part.flatten(0, 1) for name, part in batch.items()}
        ids, model = rows["ids"], self.learner.model
        with autocast(self.device):
            seen, read, patches = self.learner(rough(to_tensors(rows["images"]), noise), ids[:, : _longest(ids, model)])
            named = self.learner.facts(torch.cat([seen, read]))
        cosines = normalize(seen.float()) @ normalize(read.float()).T
        scaled = model.logit_scale.exp().clamp(max=100) * cosines
        own = torch.arange(len(ids), device=self.device)
        twin = own + 1 - 2 * (own % 2)
        compared = (cross_entropy(scaled, own) + cross_entropy(scaled.T, own)) / 2
        right, wrong = scaled[own, own], torch.cat([scaled[own, twin], scaled[twin, own]])
        before = softplus(wrong - right.repeat(2)).mean()
        help_given = FACTS_WEIGHT * facts_loss(named.float(), rows["facts"].repeat(2, 1))
        help_given = help_given + PATCHES_WEIGHT * self._patches_loss(patches.float(), rows)
        loss: Tensor = compared + TWINS_WEIGHT * before + help_given
        return loss

    def _patches_loss(self, scores: Tensor, rows: Batch) -> Tensor:
        things, colours = torch.split(scores.flatten(0, 1), [len(THING_NAMES) + 1, len(COLOURS)], dim=1)
        painted = (rows["colours"] != IGNORED).sum().clamp(min=1)
        of_colours = cross_entropy(colours, rows["colours"].flatten(), ignore_index=IGNORED, reduction="sum")
        return cross_entropy(things, rows["things"].flatten(), self.weights) + of_colours / painted


def facts_loss(named: Tensor, facts: Tensor) -> Tensor:
    """The cross-entropy of class scores (batch, sum of FACT_SIZES) to facts, summed over the facts."""
    parts = zip(torch.split(named, list(FACT_SIZES), dim=1), facts.unbind(dim=1), strict=True)
    losses = [cross_entropy(scores, fact, ignore_index=IGNORED, reduction="sum") for scores, fact in parts]
    return torch.stack(losses).sum() / len(facts)


def _longest(ids: Tensor, model: CLIPModel) -> int:
    """How many tokens the longest caption has, its end included: what follows is padding that nothing reads."""
    ends = (ids == model.config.text_config.eos_token_id).int().argmax(dim=1)
    return int(ends.max()) + 1
