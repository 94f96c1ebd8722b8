"""The scorer: a small CLIP that says how well a picture fits a prompt, even where only one fact is wrong."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, normalize
from torch.utils.data import Dataset
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTextModel, CLIPTokenizer

from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.evaluate import FIRST_SEED, NOTHING_FREE, full_captions, generate, judge
from starter_factory.first.family.base import Member, Sitting, Table, store
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.probe import Probe
from starter_factory.first.scene import (
    COLOURS,
    KINDS,
    PLACES,
    POSES,
    POSITIONS,
    STYLES,
    TIMES,
    Scene,
    Subject,
    held_out_scene,
    is_held_out,
    training_scene,
)
from starter_factory.first.text import IGNORED, SETTING_SIZES, SUBJECT_SIZES, meaning, to_ids
from starter_factory.first.tokenizer import save_tokenizer
from starter_factory.scoring import Scorer

FOLDER = "scorer"
VIEW, PATCH = 64, 8
WIDTH, LAYERS, HEADS = 128, 3, 4
# A little help: naming the facts of a picture teaches the network where to look, far sooner than comparing does.
FACTS_WEIGHT = 0.3
# How often a twin differs in a fact; those that are hardest to see are met most.
FACT_SHARES = {"place": 1, "time": 1, "style": 1, "object": 4, "colour": 2, "position": 4, "whose colour": 4}
# A generated picture is rougher than a drawn one, in each pixel and in patches.
GRAIN, BLOTCHES = 0.08, 0.1
SEARCHED = 100
CANDIDATES = 4
# Painted without guidance, enough pictures are wrong to tell a judge of them from a coin.
UNGUIDED = 1.0
# Which of the numbers of `meaning` are judged: sizes and poses the probe itself reads badly.
JUDGED = [
    *range(len(SETTING_SIZES)),
    *(len(SETTING_SIZES) + len(SUBJECT_SIZES) * k + n for k in range(3) for n in (0, 1)),
]


class ScorerMember(Member):
    """Compares within batches in which each scene stands beside its twin, which differs from it in one fact."""

    title = "Scorer (CLIP)"
    minutes = 32.0
    files = (f"{FOLDER}/model.safetensors",)

    def train(self, seconds: float, team: Team, base: Path) -> None:
        train_scorer(Plan("scorer", 16, 1.5e-3, seconds), team, base)

    def export(self, team: Team, base: Path) -> None:
        learner = Learner(build_scorer(base))
        load_average("scorer", learner, team.work)
        write_scorer(learner.model, CLIPTokenizer.from_pretrained(base / "tokenizer"), base / FOLDER)

    def load(self, base: Path) -> tuple[CLIPModel, CLIPProcessor]:
        return CLIPModel.from_pretrained(base / FOLDER).eval(), CLIPProcessor.from_pretrained(base / FOLDER)

    def measure(self, sitting: Sitting) -> Table:
        """Searches among held-out renders, choices between twins, and agreement with the probe on painted pictures."""
        model, processor = self.load(sitting.folder)
        trained, untrained = Scorer(model, processor), Scorer(CLIPModel(model.config).eval(), processor)
        return {
            **_searches(trained, untrained, sitting.count),
            **_choices(trained, untrained, sitting.count),
            **_agreement(trained, untrained, sitting),
        }


def build_scorer(base: Path) -> CLIPModel:
    """A CLIP whose text tower can read already: it starts as the base's text encoder."""
    reader = CLIPTextModel.from_pretrained(base / "text_encoder")
    vision = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "image_size": VIEW,
        "patch_size": PATCH,
        "projection_dim": WIDTH,
    }
    text = {name: value for name, value in reader.config.to_dict().items() if name != "_name_or_path"}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH)
    model = CLIPModel(config)
    model.text_model.load_state_dict(reader.state_dict())
    return model


def write_scorer(model: CLIPModel, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write the stock files; the weights in half precision, to be loaded in single."""
    store(model.state_dict(), folder / "model.safetensors")
    model.config.dtype = "float32"
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    CLIPProcessor(build_image_processor(), tokenizer).save_pretrained(folder)
    save_tokenizer(tokenizer, folder)


def build_image_processor() -> CLIPImageProcessor:
    """The whole picture at the size that the network sees: what stands left and right must not be cut off."""
    return CLIPImageProcessor(
        size={"height": VIEW, "width": VIEW}, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )


class Learner(nn.Module):
    """The model with a head that names a scene's facts, alike from a picture and from words; only training needs it."""

    def __init__(self, model: CLIPModel) -> None:
        super().__init__()
        self.model = model
        self.facts = nn.Linear(model.config.projection_dim, sum(Probe.sizes))
        self.requires_grad_(requires_grad=True).train()

    def forward(self, images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings (batch, width), not yet normalized, of pictures and of token ids."""
        seen: Tensor = self.model.visual_projection(self.model.vision_model(images).pooler_output)
        read: Tensor = self.model.text_projection(self.model.text_model(ids).pooler_output)
        return seen, read


class Twins(Dataset[Batch]):
    """Each scene beside one that differs in one fact, both as pictures, token ids and facts."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.tokenizer = tokenizer

    def __getitem__(self, index: int) -> Batch:
        rng = random.Random(index)
        scene = training_scene(index)
        others = {fact: other for fact, other in twins(scene, rng).items() if not is_held_out(other)}
        pair = (scene, *rng.choices(list(others.values()), weights=[FACT_SHARES[fact] for fact in others]))
        captions = full_captions(pair)
        return {
            "images": torch.stack([to_tensor(draw(each, SIDE, SIDE).image) for each in pair]),
            "ids": torch.stack([to_ids(self.tokenizer, caption) for caption in captions]),
            "meaning": torch.stack([meaning(each, NOTHING_FREE) for each in pair]),
        }


def twins(scene: Scene, rng: random.Random) -> dict[str, Scene]:
    """The scene with one fact changed, by the name of the fact."""

    def other(values: Sequence[str], *taken: str) -> str:
        return rng.choice([value for value in values if value not in taken])

    found = {
        "place": replace(scene, place=other(PLACES, scene.place)),
        "time": replace(scene, time=other(TIMES, scene.time)),
        "style": replace(scene, style=other(STYLES, scene.style)),
    }
    if not scene.subjects:
        return found
    at = rng.randrange(len(scene.subjects))
    one = scene.subjects[at]

    def changed(**facts: str | None) -> Scene:
        subjects = list(scene.subjects)
        subjects[at] = replace(one, **facts)  # type: ignore[arg-type]
        return replace(scene, subjects=tuple(subjects))

    kind = other(KINDS, *(subject.kind for subject in scene.subjects))
    found["object"] = changed(kind=kind, pose=rng.choice(POSES) if kind == "person" else None)
    found["colour"] = changed(colour=other(COLOURS, one.colour))
    if len(scene.subjects) == 1:
        found["position"] = changed(position=other(POSITIONS, one.position))
        return found
    left, right = scene.subjects
    exchanged = (replace(right, position=left.position), replace(left, position=right.position))
    found["position"] = replace(scene, subjects=exchanged)
    if left.colour != right.colour:
        found["whose colour"] = replace(scene, subjects=_recoloured(left, right))
    return found


def _recoloured(left: Subject, right: Subject) -> tuple[Subject, Subject]:
    return replace(left, colour=right.colour), replace(right, colour=left.colour)


def train_scorer(plan: Plan, team: Team, base: Path) -> None:
    learner = Learner(build_scorer(base))

    def loss_of(batch: Batch, noise: torch.Generator) -> Tensor:
        images, ids, facts = (batch[name].flatten(0, 1) for name in ("images", "ids", "meaning"))
        with autocast(team.device):
            seen, read = learner(rough(images, noise), ids[:, : _longest(ids, learner.model)])
            named = learner.facts(torch.cat([seen, read]))
        scale = learner.model.logit_scale.exp().clamp(max=100)
        cosines = scale * normalize(seen.float()) @ normalize(read.float()).T
        own = torch.arange(len(ids), device=ids.device)
        compared = (cross_entropy(cosines, own) + cross_entropy(cosines.T, own)) / 2
        loss: Tensor = compared + FACTS_WEIGHT * facts_loss(named.float(), facts.repeat(2, 1))
        return loss

    fit(plan, learner, Twins(CLIPTokenizer.from_pretrained(base / "tokenizer")), loss_of, team)


def _longest(ids: Tensor, model: CLIPModel) -> int:
    """How many tokens the longest caption has, its end included: what follows is padding that nothing reads."""
    ends = (ids == model.config.text_config.eos_token_id).int().argmax(dim=1)
    return int(ends.max()) + 1


def rough(images: Tensor, noise: torch.Generator) -> Tensor:
    """Pictures as the network sees them, with some grain and blotches."""
    small = interpolate(images, (VIEW, VIEW), mode="bicubic", antialias=True)
    grain = torch.randn(small.shape, generator=noise)
    blotches = torch.randn(*small.shape[:2], VIEW // 4, VIEW // 4, generator=noise)
    blotches = interpolate(blotches, (VIEW, VIEW), mode="bilinear")
    strength = torch.rand(len(small), 1, 1, 1, generator=noise)
    return small + (strength * (GRAIN * grain + BLOTCHES * blotches)).to(small)


def facts_loss(named: Tensor, facts: Tensor) -> Tensor:
    """The cross-entropy of class scores (batch, sum of `Probe.sizes`) to facts (batch, 15), summed over the facts."""
    parts = zip(torch.split(named, list(Probe.sizes), dim=1), facts.unbind(dim=1), strict=True)
    losses = [cross_entropy(scores, fact, ignore_index=IGNORED, reduction="sum") for scores, fact in parts]
    return torch.stack(losses).sum() / len(facts)


def _searches(trained: Scorer, untrained: Scorer, count: int) -> Table:
    """How often the right one of a hundred scores highest: renders for a caption, captions for a render."""
    table: Table = {}
    rounds = max(1, count // SEARCHED)
    for kind, scene_of in (("new scenes", training_scene), ("held-out pairs", held_out_scene)):
        for name, scorer in (("", trained), (", untrained", untrained)):
            found = [
                _search(scorer, [scene_of(FIRST_SEED + SEARCHED * k + n) for n in range(SEARCHED)])
                for k in range(rounds)
            ]
            table[f"{kind}: the right one of {SEARCHED}, %{name}"] = {
                "render for a caption": round(100 * sum(by_text for by_text, _ in found) / rounds, 1),
                "caption for a render": round(100 * sum(by_picture for _, by_picture in found) / rounds, 1),
            }
    return table


def _search(scorer: Scorer, scenes: Sequence[Scene]) -> tuple[float, float]:
    cosines = scorer([draw(scene, SIDE, SIDE).image for scene in scenes], full_captions(scenes))
    own = torch.arange(len(scenes))
    by_text, by_picture = (cosines.argmax(dim=axis) == own for axis in (0, 1))
    return float(by_text.float().mean()), float(by_picture.float().mean())


def _choices(trained: Scorer, untrained: Scorer, count: int) -> Table:
    """How often a render scores higher with its own caption than with one that is wrong in one fact."""
    right: dict[str, dict[str, list[bool]]] = {}
    for number in range(count):
        scene = training_scene(FIRST_SEED + number)
        facts = twins(scene, random.Random(number))
        captions, picture = full_captions([scene, *facts.values()]), draw(scene, SIDE, SIDE).image
        for name, scorer in (("", trained), (", untrained", untrained)):
            cosines = scorer([picture], captions)[0]
            for fact, cosine in zip(facts, cosines[1:], strict=True):
                right.setdefault(f"own caption before one wrong in one fact, %{name}", {}).setdefault(fact, []).append(
                    bool(cosines[0] > cosine)
                )
    return {row: {fact: _per_cent(seen) for fact, seen in facts.items()} for row, facts in right.items()}


def _agreement(trained: Scorer, untrained: Scorer, sitting: Sitting) -> Table:
    """How the score goes with what the probe says, on several pictures for each caption, painted without guidance."""
    scenes = [scene for scene in sitting.scenes()[: max(2, sitting.count // CANDIDATES)] for _ in range(CANDIDATES)]
    captions = full_captions(scenes)
    pictures = generate(sitting.pipeline(), captions, guidance=UNGUIDED)
    wanted = torch.stack([meaning(scene, NOTHING_FREE) for scene in scenes])[:, JUDGED]
    said = wanted != IGNORED
    met = (judge(sitting.probe(), pictures)[:, JUDGED] == wanted) & said
    rightness = met.sum(dim=1) / said.sum(dim=1)
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
