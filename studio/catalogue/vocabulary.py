"""What a model reads of a prompt: the words it was trained on, and how many tokens its tokenizer makes of a text."""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from studio.catalogue.checkpoints import read_json
from studio.catalogue.configs import CONFIGS, Pairs, clip_vocabulary
from studio.errors import DamagedModel
from studio.parsing import fault_words

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
# (red:1.2) weighs a word; the number is not one.
WEIGHT = re.compile(r":\s*\d+(?:\.\d+)?")
CLIP_START, CLIP_END = "<|startoftext|>", "<|endoftext|>"
CLIP_PIECES = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


class WordPictures(BaseModel):
    """A picture of each of `words`: squares of one `file` beside the vocabulary, `columns` in a row."""

    model_config = ConfigDict(frozen=True)

    file: str = Field(pattern=r"^[\w-]+\.(webp|png)$")
    columns: PositiveInt
    words: tuple[str, ...]


class Vocabulary(BaseModel):
    """All the words that a small model knows; `groups` sorts the telling ones by what they are for."""

    model_config = ConfigDict(frozen=True)

    words: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = {}
    pictures: WordPictures | None = None

    @classmethod
    def read(cls, path: Path) -> "Vocabulary":
        """Read a vocabulary.json; ModelError where it is damaged."""
        try:
            return cls(**read_json(path))
        except ValidationError as error:
            problem = fault_words(error.errors()[0])
            raise DamagedModel(f"{path} is damaged: {problem}.", "Copy the whole model again.") from error

    def unknown(self, prompt: str) -> tuple[str, ...]:
        """The prompt's words that the model does not know: lower-cased, in order, each once."""
        words = WORD.findall(WEIGHT.sub("", prompt.lower().replace("’", "'")))
        parts = (part for word in words for part in ([word] if word in self._known else word.split("-")))
        return tuple(dict.fromkeys(part for part in parts if part not in self._known))

    @cached_property
    def _known(self) -> frozenset[str]:
        everything = (*self.words, *(word for group in self.groups.values() for word in group))
        return frozenset(word for phrase in everything for word in (phrase.lower(), *WORD.findall(phrase.lower())))


def read_tokenizer(folder: Path) -> "Tokenizer | None":
    """The tokenizer whose files lie in `folder`, without truncation and padding; None where there are none."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    if (folder / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        return _clip_tokenizer(*BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    return _clip_tokenizer(*clip_vocabulary()) if folder.is_relative_to(CONFIGS) and folder.is_dir() else None


def _clip_tokenizer(vocabulary: dict[str, int], merges: Pairs) -> "Tokenizer":
    """CLIP's byte-level BPE, as models older than tokenizer.json have it in two plain files."""
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    tokenizer = Tokenizer(BPE(vocabulary, merges, end_of_word_suffix="</w>", unk_token=CLIP_END))
    tokenizer.add_special_tokens([CLIP_START, CLIP_END])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer
