"""Pictures of a library that are made up: with prompts of twenty words, some of them frequent, as prompts are."""

import hashlib
import random
import time
from pathlib import Path

from studio.library import LibraryIndex
from studio.library.facts import FileFacts, item_id
from studio.library.looks import LOOK_BYTES
from studio.library.rows import add
from studio.storage.database import Database

COMMON = ("house", "red", "night", "portrait", "forest", "cat", "lake", "city", "dog", "boat")
WORDS, LORAS, MODELS = 3000, 300, 7
BATCH = 1000


def facts(number: int, made: random.Random, began: float) -> FileFacts:
    """A picture with a prompt of twenty words, some of them frequent, as prompts are."""
    words = [made.choice(COMMON) for _ in range(4)]
    words += [f"word{int(made.paretovariate(0.6)) % WORDS}" for _ in range(16)]
    return FileFacts(
        path=f"{2020 + number % 7}-{number % 12 + 1:02}-{number % 28 + 1:02}/{number:06}.png",
        id=item_id("made up", number),
        digest=hashlib.sha256(str(number).encode()).hexdigest(),
        width=512,
        height=512,
        bytes=300_000,
        modified=number,
        created=began + 600 * number,
        task="text2img",
        kind="images",
        job=f"job{number // 4}",
        item=number % 4,
        prompt=" ".join(words),
        negative_prompt="blurry, low quality",
        seed=number,
        steps=20 + number % 20,
        guidance=5.0,
        scheduler="Euler",
        seconds=1.0,
        base=f"{number}",
        look=bytes((number * 31 + place % 3 * 60) % 256 for place in range(LOOK_BYTES)),
        names=frozenset(
            {("model", f"model-{number % MODELS}"), ("lora", f"lora-{int(made.paretovariate(1)) % LORAS}")}
        ),
    )


def fill(index: LibraryIndex, database: Database, folder: Path, count: int, owner: str) -> FileFacts:
    """Have the index know so many pictures; returns the last."""
    made, began, last = random.Random(1), time.time() - 600 * count, None
    for start in range(0, count, BATCH):
        with database.write() as rows:
            for number in range(start, min(start + BATCH, count)):
                last = facts(number, made, began)
                add(rows, folder, index.owners, last, owner)
    assert last
    return last
