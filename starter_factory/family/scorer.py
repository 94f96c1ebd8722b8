"""The scorer: a small CLIP that says how well a picture fits a prompt, even where only one fact is wrong."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, softplus
from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer

from starter_factory.base import FIRST_GENERATION
from starter_factory.captions import EVERYTHING, describe
from starter_factory.draw import draw
from starter_factory.evaluate import full_caption, generate
from starter_factory.family.base import Member, Sitting, Table, weights_of
from starter_factory.places import TIMELESS
from starter_factory.probe import BACKGROUND_WEIGHT, IGNORED, THING_NAMES, WHOLE, targets
from starter_factory.samples import stream
from starter_factory.sampling import FIRST_UNSEEN
from starter_factory.scene import PLAIN, Scene, held_out_scene, is_held_out, training_scene
from starter_factory.scoring import PATCH, VIEW, Scorer, build_scorer, rough, write_scorer
from starter_factory.sprites import COLOURS
from starter_factory.store import Stored
from starter_factory.text import to_ids
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average
from starter_factory.twins import telling, twins
from starter_factory.vae import to_tensor

NAME = "scorer"
FOLDER = "scorer"
FILE = f"{FOLDER}/model.safetensors"
BATCH = 12
LEARNING_RATE = 1.2e-3
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
SEARCHED = 100
CANDIDATES = 4
# Painted without guidance, enough pictures are wrong to tell a judge of them from a coin.
UNGUIDED = 1.0


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
        drawing = draw(scene)
        shown = targets(scene, drawing, GRID)
        return {
            "images": to_tensor(drawing.image),
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
            seen, read, patches = self.learner(rough(rows["images"], noise), ids[:, : _longest(ids, model)])
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


class ScorerMember(Member):
    """Compares within batches in which each scene stands beside its twin, which differs from it in one fact."""

    title = "Scorer (CLIP)"
    minutes = 45.0
    files = (FILE,)
    needs = ("text_encoder", "tokenizer")

    def train(self, session: Session, stored: Stored) -> Run:
        known = weights_of(FILE, stored.folder, FIRST_GENERATION)
        learner = Learner(build_scorer(stored.text_encoder(), known))
        pairs = stream(NAME, Twins(stored.tokenizer()), session, BATCH)
        return fit(NAME, learner, pairs, Comparison(learner, session), session, LEARNING_RATE)

    def store(self, session: Session, stored: Stored) -> None:
        learner = Learner(build_scorer(stored.text_encoder(), {}))
        load_average(NAME, learner, session.work)
        write_scorer(learner.model, stored.tokenizer(), stored.folder / FOLDER)

    def load(self, base: Path) -> tuple[CLIPModel, CLIPProcessor]:
        return CLIPModel.from_pretrained(base / FOLDER).eval(), CLIPProcessor.from_pretrained(base / FOLDER)

    def measure(self, sitting: Sitting) -> Table:
        """Searches among held-out renders, choices between twins, and agreement with the probe on painted pictures."""
        model, processor = self.load(sitting.folder)
        trained, untrained = Scorer(model, processor), Scorer(CLIPModel(model.config).eval(), processor)
        return {
            **_searches(trained, untrained, sitting.count),
            **_choices(trained, untrained, 2 * sitting.count),
            **_agreement(trained, untrained, sitting),
        }


def _searches(trained: Scorer, untrained: Scorer, count: int) -> Table:
    """How often the right one of a hundred scores highest: renders for a caption, captions for a render."""
    table: Table = {}
    rounds = max(1, count // SEARCHED)
    for kind, scene_of in (("new scenes", training_scene), ("held-out pairs", held_out_scene)):
        for name, scorer in (("", trained), (", untrained", untrained)):
            found = [
                _search(scorer, [scene_of(FIRST_UNSEEN + SEARCHED * k + n) for n in range(SEARCHED)])
                for k in range(rounds)
            ]
            table[f"{kind}: the right one of {SEARCHED}, %{name}"] = {
                "render for a caption": round(100 * sum(by_text for by_text, _ in found) / rounds, 1),
                "caption for a render": round(100 * sum(by_picture for _, by_picture in found) / rounds, 1),
            }
    return table


def _search(scorer: Scorer, scenes: Sequence[Scene]) -> tuple[float, float]:
    cosines = scorer([draw(scene).image for scene in scenes], [full_caption(scene).text for scene in scenes])
    own = torch.arange(len(scenes))
    by_text, by_picture = (cosines.argmax(dim=axis) == own for axis in (0, 1))
    return float(by_text.float().mean()), float(by_picture.float().mean())


def _choices(trained: Scorer, untrained: Scorer, count: int) -> Table:
    """How often a render scores higher with its own caption than with one that is wrong in one fact."""
    right: dict[str, dict[str, list[bool]]] = {}
    for number in range(count):
        scene = training_scene(FIRST_UNSEEN + number)
        facts = twins(scene, random.Random(number))
        captions = [full_caption(each).text for each in (scene, *facts.values())]
        picture = draw(scene).image
        for name, scorer in (("", trained), (", untrained", untrained)):
            cosines = scorer([picture], captions)[0]
            for fact, cosine in zip(facts, cosines[1:], strict=True):
                right.setdefault(f"own caption before one wrong in one fact, %{name}", {}).setdefault(fact, []).append(
                    bool(cosines[0] > cosine)
                )
    return {row: {fact: _per_cent(seen) for fact, seen in facts.items()} for row, facts in right.items()}


def _agreement(trained: Scorer, untrained: Scorer, sitting: Sitting) -> Table:
    """How the score goes with what the probe says, on several pictures for each caption, painted without guidance."""
    numbers = [n for n in range(max(2, sitting.count // CANDIDATES)) for _ in range(CANDIDATES)]
    captions = [sitting.captions()[number % sitting.count] for number in numbers]
    pictures = generate(sitting.pipeline(), captions, guidance=UNGUIDED)
    met = sitting.met(pictures, [number % sitting.count for number in numbers])
    rightness = torch.tensor([float(np.mean(facts)) for facts in met])
    table: Table = {}
    shuffled = captions[CANDIDATES:] + captions[:CANDIDATES]
    for name, scorer, texts in (
        ("score", trained, captions),
        ("score, wrong captions", trained, shuffled),
        ("score, untrained", untrained, captions),
    ):
        scores = torch.cat([scorer([picture], [text])[0] for picture, text in zip(pictures, texts, strict=True)])
        table[f"{name}, and the probe's answers"] = _goes_with(scores, rightness)
    return table


def _goes_with(scores: Tensor, rightness: Tensor) -> dict[str, float]:
    perfect = rightness == 1
    above = scores[perfect][:, None] > scores[~perfect][None]
    by_caption = scores.view(-1, CANDIDATES)
    rows = torch.arange(len(by_caption))
    of_caption = perfect.view(-1, CANDIDATES)
    return {
        "rank correlation": round(float(spearmanr(scores.numpy(), rightness.numpy()).statistic), 3),
        "AUC for a picture without a fault": round(float(above.float().mean()), 3),
        "without a fault, any picture, %": _per_cent(perfect.tolist()),
        f"without a fault, best of {CANDIDATES}, %": _per_cent(of_caption[rows, by_caption.argmax(dim=1)].tolist()),
        f"without a fault, any of {CANDIDATES}, %": _per_cent(of_caption.any(dim=1).tolist()),
    }


def _per_cent(seen: Sequence[bool]) -> float:
    return round(100 * sum(seen) / len(seen), 1)


MEMBER = ScorerMember()
