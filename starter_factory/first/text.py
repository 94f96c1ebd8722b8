"""The text encoder: learns to read captions before any picture is drawn, then stays as it is.

Its padding carries what was read: each padding token of four in turn reports on the setting, the left, the middle or
the right, so that a place in the picture finds its own description under a fixed key.
"""

import random
from string import ascii_lowercase

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from starter_factory.first.captions import Caption, describe
from starter_factory.first.loop import Batch, Plan, Team, autocast, fit, load_average
from starter_factory.first.scene import (
    COLOURS,
    KINDS,
    PLACES,
    POSES,
    POSITIONS,
    SIZES,
    STYLES,
    TIMES,
    Scene,
    random_scene,
)
from starter_factory.first.tokenizer import END, LENGTH, START, build_tokenizer

WIDTH = 128
LAYERS = 3
REPORT_FROM = 41
IGNORED = -100
SETTING_SIZES = (len(PLACES), len(TIMES), len(STYLES))
SUBJECT_SIZES = (len(KINDS) + 1, len(COLOURS), len(SIZES), len(POSES))


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    start, end = tokenizer.convert_tokens_to_ids([START, END])
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            bos_token_id=start,
            eos_token_id=end,
            pad_token_id=end,
        )
    )


class Captions(Dataset[Batch]):
    """Captions as token ids with what they say; held-out pairs included, as these are words without pictures."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.tokenizer = tokenizer

    def __getitem__(self, index: int) -> Batch:
        rng = random.Random(index)
        scene = random_scene(rng)
        caption = describe(scene, rng)
        text = _with_strange_words(caption.text, rng) if rng.random() < 0.25 else caption.text
        return {"ids": to_ids(self.tokenizer, text), "meaning": meaning(scene, caption)}


def _with_strange_words(text: str, rng: random.Random) -> str:
    """The text with letters that mean nothing between its words, so that unknown words are read over."""
    words = text.split()
    for _ in range(rng.randint(1, 2)):
        words.insert(rng.randint(0, len(words)), "".join(rng.choices(ascii_lowercase, k=rng.randint(2, 7))))
    return " ".join(words)


def to_ids(tokenizer: CLIPTokenizer, text: str) -> Tensor:
    """The caption's 77 token ids."""
    ids = tokenizer(text, padding="max_length", truncation=True, max_length=LENGTH).input_ids
    return torch.tensor(ids)


def meaning(scene: Scene, caption: Caption) -> Tensor:
    """The scene as class numbers: three of the setting, then four each for left, middle and right; -100 is unsaid."""
    place = IGNORED if "place" in caption.free else PLACES.index(scene.place)
    numbers = [place, TIMES.index(scene.time), STYLES.index(scene.style)]
    for position in POSITIONS:
        numbers += [len(KINDS), IGNORED, IGNORED, IGNORED]
        for order, subject in enumerate(scene.subjects):
            if subject.position == position:
                colour = IGNORED if order in caption.free else COLOURS.index(subject.colour)
                pose = IGNORED if subject.pose is None else POSES.index(subject.pose)
                numbers[-4:] = [KINDS.index(subject.kind), colour, SIZES.index(subject.size), pose]
    return torch.tensor(numbers)


class Reader(nn.Module):
    """The text encoder with the heads that its pre-training asks."""

    def __init__(self, encoder: CLIPTextModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleList(nn.Linear(WIDTH, sum(sizes)) for sizes in _slot_sizes())

    def forward(self, ids: Tensor) -> list[Tensor]:
        """One tensor (batch, reports, classes) for each number of `meaning`."""
        hidden = self.encoder(ids).last_hidden_state[:, REPORT_FROM:]
        answers: list[Tensor] = []
        for slot, (head, sizes) in enumerate(zip(self.heads, _slot_sizes(), strict=True)):
            answers.extend(head(hidden[:, slot::4]).split(sizes, dim=-1))
        return answers


def _slot_sizes() -> list[tuple[int, ...]]:
    return [SETTING_SIZES, *(SUBJECT_SIZES for _ in POSITIONS)]


def train_text(seconds: float, team: Team) -> None:
    tokenizer = build_tokenizer()
    reader = Reader(build_text_encoder(tokenizer))

    def loss_of(batch: Batch, _: torch.Generator) -> Tensor:
        with autocast(team.device):
            answers = reader(batch["ids"])
        targets = batch["meaning"].unbind(dim=1)
        losses = [
            cross_entropy(answer.float().flatten(0, 1), target.repeat_interleave(answer.shape[1]), reduction="sum")
            / answer.shape[1]
            for answer, target in zip(answers, targets, strict=True)
        ]
        return torch.stack(losses).sum() / len(batch["ids"])

    fit(Plan("text", 24, 2e-3, seconds), reader, Captions(tokenizer), loss_of, team)


def trained_reader(tokenizer: CLIPTokenizer, team: Team) -> Reader:
    reader = Reader(build_text_encoder(tokenizer))
    load_average("text", reader, team.work)
    return reader


def reading_accuracy(reader: Reader, tokenizer: CLIPTokenizer, count: int = 512) -> float:
    """The share of said facts that the last reports get right, on captions that training has not seen."""
    data = Captions(tokenizer)
    batch = [data[2**40 + number] for number in range(count)]
    with torch.no_grad():
        answers = reader(torch.stack([item["ids"] for item in batch]))
    targets = torch.stack([item["meaning"] for item in batch]).unbind(dim=1)
    right = total = 0
    for answer, target in zip(answers, targets, strict=True):
        said = target != IGNORED
        right += int((answer[:, -1].argmax(dim=-1) == target)[said].sum())
        total += int(said.sum())
    return right / total
