"""The tokenizer: CLIP's byte-pair encoding, learned from the starter's vocabulary, able to spell any other text."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from starter_factory.first.captions import vocabulary

LENGTH = 77
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"

Merge = tuple[str, str]


def build_tokenizer() -> CLIPTokenizer:
    """A tokenizer in which each known word is one token."""
    tokens, merges = _byte_pairs(vocabulary())
    numbers = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=numbers, merges=merges, model_max_length=LENGTH)


def save_tokenizer(tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write the stock files, and the vocab.json and merges.txt that `save_pretrained` leaves out."""
    tokenizer.save_pretrained(folder)
    model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _byte_pairs(words: list[str]) -> tuple[list[str], list[Merge]]:
    """All bytes, alone and at a word's end, then merges of the most frequent pair until each word is whole."""
    alphabet = list(bytes_to_unicode().values())
    spelt = [[*word[:-1], word[-1] + WORD_END] for word in words]
    merges: list[Merge] = []
    while any(len(parts) > 1 for parts in spelt):
        counts = Counter(pair for parts in spelt for pair in pairwise(parts))
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        spelt = [_merged(parts, best) for parts in spelt]
    joined = list(dict.fromkeys(left + right for left, right in merges))
    return [*alphabet, *(letter + WORD_END for letter in alphabet), *joined, START, END], merges


def _merged(parts: list[str], pair: Merge) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged
