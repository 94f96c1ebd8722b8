"""The scorer: a small CLIP that says how well a picture fits a prompt, even where only one fact is wrong."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from transformers import CLIPModel, CLIPProcessor

from starter_factory.comparing import Comparison, Learner, Twins
from starter_factory.draw import draw
from starter_factory.family.base import Member, Sitting, Table
from starter_factory.samples import stream
from starter_factory.sampling import FIRST_UNSEEN, paint
from starter_factory.scene import Scene, held_out_scene, training_scene
from starter_factory.scoring import Scorer, build_scorer, write_scorer
from starter_factory.sitting import full_caption
from starter_factory.store import Stored
from starter_factory.training import Run, Session, fit, load_average
from starter_factory.twins import twins

NAME = "scorer"
FOLDER = "scorer"
FILE = f"{FOLDER}/model.safetensors"
BATCH = 16
# Each pair is compared so many times, each time with other noise and among others.
USES, KEPT = 4, 3_000
LEARNING_RATE = 1.2e-3
FIRST_SEED = 2**37
SEARCHED = 100
CANDIDATES = 4
# Painted without guidance, enough pictures are wrong to tell a judge of them from a coin.
UNGUIDED = 1.0


class ScorerMember(Member):
    """Compares within batches in which each scene stands beside its twin, which differs from it in one fact."""

    title = "Scorer (CLIP)"
    minutes = 45.0
    files = (FILE,)
    needs = ("text_encoder", "tokenizer")

    def train(self, session: Session, stored: Stored) -> Run:
        known = self.known(stored.folder)
        learner = Learner(build_scorer(stored.text_encoder(), known))
        pairs = stream(NAME, Twins(stored.tokenizer()), session, BATCH, USES, KEPT)
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
    pictures = paint(sitting.pipeline(), captions, guidance=UNGUIDED)
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
    # Nothing is told of what is without a fault where nothing is, or all.
    parted = {"AUC for a picture without a fault": round(float(above.float().mean()), 3)} if above.numel() else {}
    return {
        "rank correlation": round(float(spearmanr(scores.numpy(), rightness.numpy()).statistic), 3),
        **parted,
        "without a fault, any picture, %": _per_cent(perfect.tolist()),
        f"without a fault, best of {CANDIDATES}, %": _per_cent(of_caption[rows, by_caption.argmax(dim=1)].tolist()),
        f"without a fault, any of {CANDIDATES}, %": _per_cent(of_caption.any(dim=1).tolist()),
    }


def _per_cent(seen: Sequence[bool]) -> float:
    return round(100 * sum(seen) / len(seen), 1)


MEMBER = ScorerMember()
