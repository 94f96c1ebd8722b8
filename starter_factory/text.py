"""The text encoder: learns to read captions before any picture is drawn, then stays as it is.

Its padding carries what was read: each padding token of four in turn reports on the setting, the first, the second or
the third thing that was mentioned, so that the denoiser finds each description under a fixed key. What was not said
is reported as such, so that it is free.
"""

import random
from collections.abc import Iterator
from string import ascii_lowercase

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from starter_factory.captions import RELATIONS, Caption, Mention, describe
from starter_factory.places import PLACES
from starter_factory.scene import GROUNDS, PLAIN, POSES, SIZES, STYLES, TIMES, random_scene
from starter_factory.sprites import NATURAL
from starter_factory.store import Stored
from starter_factory.things import THINGS
from starter_factory.tokenizer import END, LENGTH, START, build_tokenizer
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average, samples_of

WIDTH = 160
LAYERS = 4
HEADS = 5
REPORT_FROM = 45
SLOTS = 4
BATCH = 32
LEARNING_RATE = 1.5e-3
STRANGE_WORDS = 0.2
NOTHING = 0.02

# What each report can say; the class after the last is that it was not said.
PLACE_NAMES = (*PLACES, PLAIN)
GROUND_NAMES = (*GROUNDS, *(f"light {name}" for name in GROUNDS))
COLOUR_NAMES = tuple(NATURAL)
POSITION_NAMES = ("left", "middle", "right")
COUNTS = (1, 2, 3, 4)
SETTING = (PLACE_NAMES, TIMES, STYLES, GROUND_NAMES, RELATIONS)
MENTION = (tuple(THINGS), COUNTS, COLOUR_NAMES, POSITION_NAMES, SIZES, POSES)
SLOT_SIZES = [[len(names) + 1 for names in SETTING], *([len(names) + 1 for names in MENTION] for _ in range(SLOTS - 1))]


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    start, end = tokenizer.convert_tokens_to_ids([START, END])
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            max_position_embeddings=LENGTH,
            bos_token_id=start,
            eos_token_id=end,
            pad_token_id=end,
        )
    )


def meaning(caption: Caption) -> Tensor:
    """What a caption says as class numbers: five of the setting, then six of each mention."""
    said = (caption.place, caption.time, caption.style, caption.ground, caption.relation)
    numbers = [_number(value, names) for value, names in zip(said, SETTING, strict=True)]
    for slot in range(SLOTS - 1):
        numbers += _mention_numbers(caption.mentions[slot] if slot < len(caption.mentions) else None)
    return torch.tensor(numbers)


def _mention_numbers(mention: Mention | None) -> list[int]:
    if mention is None:
        return [len(names) for names in MENTION]
    said = (mention.thing, mention.count, mention.colour, mention.position, mention.size, mention.pose)
    return [_number(value, names) for value, names in zip(said, MENTION, strict=True)]


def _number(value: object, names: tuple[object, ...]) -> int:
    return len(names) if value is None else names.index(value)


def to_ids(tokenizer: CLIPTokenizer, text: str) -> Tensor:
    """The caption's 77 token ids."""
    return torch.tensor(tokenizer(text, padding="max_length", truncation=True, max_length=LENGTH).input_ids)


def captions(tokenizer: CLIPTokenizer, batch: int, first: int) -> Iterator[Batch]:
    """Captions as token ids with what they say; held-out pairs included, as these are words without pictures."""
    seed = first
    while True:
        pairs = [_caption(seed + number) for number in range(batch)]
        seed += batch
        yield {
            "ids": torch.stack([to_ids(tokenizer, text) for text, _ in pairs]),
            "meaning": torch.stack([meaning(caption) for _, caption in pairs]),
        }


def _caption(seed: int) -> tuple[str, Caption]:
    rng = random.Random(seed)
    if rng.random() < NOTHING:
        return "", Caption("")
    caption = describe(random_scene(rng), rng)
    strange = rng.random() < STRANGE_WORDS
    return (_with_strange_words(caption.text, rng) if strange else caption.text), caption


def _with_strange_words(text: str, rng: random.Random) -> str:
    """The text with letters that mean nothing between its words, so that unknown words are read over."""
    words = text.split()
    for _ in range(rng.randint(1, 2)):
        words.insert(rng.randint(0, len(words)), "".join(rng.choices(ascii_lowercase, k=rng.randint(3, 8))))
    return " ".join(words)


class Reader(nn.Module):
    """The text encoder with the heads that its training asks."""

    def __init__(self, encoder: CLIPTextModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleList(nn.Linear(WIDTH, sum(sizes)) for sizes in SLOT_SIZES)

    def forward(self, ids: Tensor) -> list[Tensor]:
        """One tensor (batch, reports, classes) for each number of `meaning`."""
        hidden = self.encoder(ids).last_hidden_state[:, REPORT_FROM:]
        answers: list[Tensor] = []
        for slot, (head, sizes) in enumerate(zip(self.heads, SLOT_SIZES, strict=True)):
            answers.extend(head(hidden[:, slot::SLOTS]).split(sizes, dim=-1))
        return answers


def train_text(session: Session, stored: Stored) -> Run:
    """Train from the checkpoint, else from nothing; a tokenizer that is stored stays as it is."""
    tokenizer = stored.tokenizer() if stored.has("tokenizer") else build_tokenizer()
    reader = Reader(build_text_encoder(tokenizer))

    def loss_of(batch: Batch, _: torch.Generator) -> Tensor:
        with autocast(session.device):
            answers = reader(batch["ids"])
        losses = [
            cross_entropy(answer.float().flatten(0, 1), target.repeat_interleave(answer.shape[1]))
            for answer, target in zip(answers, batch["meaning"].unbind(dim=1), strict=True)
        ]
        return torch.stack(losses).sum()

    first = samples_of("text", session)
    return fit("text", reader, captions(tokenizer, BATCH, first), loss_of, session, LEARNING_RATE)


def trained_reader(tokenizer: CLIPTokenizer, session: Session) -> Reader:
    reader = Reader(build_text_encoder(tokenizer))
    load_average("text", reader, session.work)
    return reader


def reading_accuracy(reader: Reader, tokenizer: CLIPTokenizer, count: int = 512) -> dict[str, float]:
    """The share of answers that the last reports get right on new captions: all, and those that were said."""
    batch = next(captions(tokenizer, count, 2**40))
    with torch.no_grad():
        answers = reader(batch["ids"])
    right, said_right, said = 0, 0, 0
    targets = batch["meaning"].unbind(dim=1)
    for answer, target in zip(answers, targets, strict=True):
        hit = answer[:, -1].argmax(dim=-1) == target
        known = target != answer.shape[-1] - 1
        right += int(hit.sum())
        said_right += int(hit[known].sum())
        said += int(known.sum())
    return {"all": right / (count * len(targets)), "said": said_right / max(said, 1)}
