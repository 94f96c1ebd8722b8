"""Prompts alone, without settings: what is shared most, and what nothing else could read."""

from studio.metadata.readers.a1111 import read_prompts
from studio.metadata.readers.base import Reader

READER = Reader("A1111", read_prompts, rank=99)
