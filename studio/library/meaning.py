"""Prompts by what they mean: how near each is to some words, by the small word vectors that a package of PyPI brings.

WordLlama (MIT) has 128 numbers for each token; a text is their mean. Without the package there is no search by meaning.
"""

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.errors import InvalidRequest

PACKAGE, DIMENSIONS = "wordllama", 128
# Of a longer prompt, what it begins with; so many vectors are kept.
MOST_CHARACTERS, MOST_KEPT = 1000, 200_000
# Below this, two texts have hardly anything in common; more pictures than this are no answer.
LEAST, MOST_FOUND = 0.15, 500

Vectors = NDArray[np.float32]


class Meanings:
    """The vectors of prompts, each made once; the first search makes those of all, a second for some 10,000."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: Any = None
        self._rows: dict[str, int] = {}
        self._vectors: Vectors = np.zeros((0, DIMENSIONS), np.float32)

    @property
    def available(self) -> bool:
        """Whether the package is installed."""
        return find_spec(PACKAGE) is not None

    def nearest(self, texts: Sequence[str], pictures: Sequence[tuple[int, str]]) -> list[int]:
        """The pictures, numbers with prompts, that mean most like all of these texts, the nearest first."""
        if not self.available:
            raise InvalidRequest(
                "Search by meaning needs the package wordllama, which is not installed.",
                "Install it with pip install wordllama, or search for words.",
                field="search",
            )
        there = [(number, prompt[:MOST_CHARACTERS]) for number, prompt in pictures if prompt.strip()]
        if not there:
            return []
        with self._lock:
            prompts = self._of([prompt for _, prompt in there])
            wanted = self._of([text[:MOST_CHARACTERS] for text in texts])
        scores = (prompts @ wanted.T).min(axis=1)
        order = np.argsort(-scores, kind="stable")[:MOST_FOUND]
        return [there[place][0] for place in order if scores[place] >= LEAST]

    def _of(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, of length 1 each."""
        if len(self._rows) > MOST_KEPT:
            self._rows, self._vectors = {}, self._vectors[:0]
        new = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if new:
            found = self._loaded().embed(new, norm=True).astype(np.float32)
            start = len(self._rows)
            self._rows |= {text: start + place for place, text in enumerate(new)}
            self._vectors = np.concatenate([self._vectors, np.nan_to_num(found)])
        return self._vectors[[self._rows[text] for text in texts]]

    def _loaded(self) -> Any:
        if self._model is None:
            import wordllama

            # It looks for its tokenizer in a folder of another name than the one it brings it in, unless it is told.
            own = Path(wordllama.__file__).parent
            self._model = wordllama.WordLlama.load(cache_dir=own, trunc_dim=DIMENSIONS, disable_download=True)
        return self._model
