"""Text embeddings with weighted words, in A1111's way: chunks of a prompt become the embeddings that a UNet attends to.

CLIP encodes 75 tokens between its begin and end tokens; longer prompts are encoded in several windows, concatenated.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from studio.prompts.schedule import Chunks, Segment
from studio.prompts.view import CHUNK

# Where a chunk is full, what follows a comma among its last tokens moves on to the next.
BACKTRACK = 20
# The token id that stands for an embedding's vector until `_put_in` replaces it.
PLACEHOLDER = 0
# A mean of so little of what is averaged is none.
ROUNDING = 1e-6
# An embedding's vectors, (count, width), for each text encoder.
Vectors = Mapping[str, Sequence[torch.Tensor]]


@dataclass(frozen=True)
class Token:
    """A token with its weight; one of an embedding knows which of whose vectors it is."""

    id: int
    weight: float
    embedding: str = ""
    row: int = 0


@dataclass(frozen=True, eq=False)
class TextEmbeds:
    """Encoded text: `embeds` (1, tokens, width), and the pooled vector of models with two encoders."""

    embeds: torch.Tensor
    pooled: torch.Tensor | None

    def stretched(self, tokens: int, empty: "TextEmbeds") -> "TextEmbeds":
        """Repeat the embeddings to `tokens` rows where that comes out even: cross-attention does not change. Else
        append `empty` chunks, as A1111 pads.
        """
        times, rest = divmod(tokens, self.embeds.shape[1])
        if not rest:
            return TextEmbeds(self.embeds.repeat(1, times, 1), self.pooled)
        more = (tokens - self.embeds.shape[1]) // empty.embeds.shape[1]
        return TextEmbeds(torch.cat([self.embeds, empty.embeds.repeat(1, more, 1)], dim=1), self.pooled)

    def zeros(self) -> "TextEmbeds":
        """All zeros: what `force_zeros_for_empty_prompt` of SDXL takes for no prompt."""
        return TextEmbeds(torch.zeros_like(self.embeds), None if self.pooled is None else torch.zeros_like(self.pooled))


@torch.no_grad()
def read(pipe: Any, chunks: Chunks, vectors: Vectors, skipped: int = 0) -> TextEmbeds:
    """Encode the chunks with all text encoders of the pipeline; the pooled vector is the first chunk's.

    `skipped` layers before the pipeline's own one are left out, as by its `clip_skip`.
    """
    sides = [_by_encoder(pipe, chunks, vectors, number, skipped) for number in range(len(encoders(pipe)))]
    embeds = torch.cat([side.embeds for side in sides], dim=-1)
    return TextEmbeds(embeds.to(encoders(pipe)[0][1].dtype), sides[-1].pooled)


def encoders(pipe: Any) -> list[tuple[Any, Any]]:
    """The tokenizers and text encoders of a pipeline of Stable Diffusion; the refiner of XL has the second alone."""
    pairs = [(getattr(pipe, f"tokenizer{end}", None), getattr(pipe, f"text_encoder{end}", None)) for end in ("", "_2")]
    return [(tokenizer, encoder) for tokenizer, encoder in pairs if encoder is not None]


def layers_back(pipe: Any) -> int:
    """How many layers from the last a pipeline reads by itself: those of XL, the refiner too, the one before it."""
    return 2 if hasattr(pipe, "text_encoder_2") else 1


def filled(chunks: Chunks, tokenizer: Any, counts: Mapping[str, int]) -> list[list[Token]]:
    """The tokens of each window of 75; `counts` is the number of vectors of each embedding.

    In A1111's way: each segment is tokenized by itself, an embedding is never cut in two.
    """
    comma = tokenizer.convert_tokens_to_ids(",</w>")
    full: list[list[Token]] = []
    for chunk in chunks:
        tokens: list[Token] = []
        last_comma = -1
        for piece in _pieces(chunk, tokenizer, counts):
            if piece[0].id == comma:
                last_comma = len(tokens)
            elif len(tokens) == CHUNK and last_comma >= 0 and CHUNK - last_comma <= BACKTRACK:
                full.append(tokens[: last_comma + 1])
                tokens, last_comma = tokens[last_comma + 1 :], -1
            if len(tokens) + len(piece) > CHUNK:
                full.append(tokens)
                tokens, last_comma = [], -1
            tokens = tokens + piece
        full.append(tokens)
    return full


def _pieces(chunk: Sequence[Segment], tokenizer: Any, counts: Mapping[str, int]) -> Iterator[list[Token]]:
    """Yield what must stay in one window: a token, or all vectors of an embedding."""
    for segment in chunk:
        if segment.kind == "embedding":
            count = counts[segment.text]
            yield [Token(PLACEHOLDER, segment.weight, segment.text, row) for row in range(count)]
        else:
            ids = tokenizer(segment.text, add_special_tokens=False, truncation=False, verbose=False).input_ids
            yield from ([Token(number, segment.weight)] for number in ids)


def _by_encoder(pipe: Any, chunks: Chunks, vectors: Vectors, number: int, skipped: int) -> TextEmbeds:
    """Encode the chunks with one encoder, each window weighted and its mean restored."""
    tokenizer, encoder = encoders(pipe)[number]
    goes = filled(chunks, tokenizer, {name: len(rows[number]) for name, rows in vectors.items()})
    device = pipe._execution_device  # noqa: SLF001 (where an offloaded pipeline computes is told nowhere else)
    reads = []
    for tokens in goes:
        rest = CHUNK - len(tokens)
        ids = [tokenizer.bos_token_id, *(token.id for token in tokens), tokenizer.eos_token_id]
        row = torch.tensor([ids + [tokenizer.pad_token_id] * rest], device=device)
        with _put_in(encoder, tokens, {name: rows[number] for name, rows in vectors.items()}):
            hidden, pooled = _encoded(pipe, encoder, row, skipped)
        weights = torch.tensor([1.0, *(token.weight for token in tokens), *[1.0] * (rest + 1)])
        reads.append(TextEmbeds(_weighed(hidden, weights), pooled))
    return TextEmbeds(torch.cat([one.embeds for one in reads], dim=1), reads[0].pooled)


def _encoded(pipe: Any, encoder: Any, ids: torch.Tensor, skipped: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The hidden state that the family's own pipeline would take, and the pooled vector."""
    last = layers_back(pipe) == 1
    if last and not skipped:
        return encoder(ids)[0], None
    output = encoder(ids, output_hidden_states=True)
    if last:  # SD 1 and 2 were trained on normed states; a skipped layer is normed too, as diffusers' clip_skip does
        norm = getattr(encoder, "text_model", encoder).final_layer_norm
        return norm(output.hidden_states[-1 - skipped]), None
    return output.hidden_states[-2 - skipped], output[0] if output[0].dim() == 2 else None


def _weighed(hidden: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    if bool((weights == 1).all()):
        return hidden
    # A1111 restores the mean of each window after scaling, so that weights change the direction, not the loudness.
    # Where it is 0 but for rounding, as a norm leaves it that has learned nothing, none is: 0 / 0 is no number.
    mean = hidden.float().mean()
    more = hidden.float() * weights.to(hidden.device)[None, :, None]
    kept = more.mean()
    ratio = mean / kept if min(abs(mean), abs(kept)) > ROUNDING * hidden.float().abs().mean() else 1.0
    return (more * ratio).to(hidden.dtype)


@contextmanager
def _put_in(encoder: Any, tokens: Sequence[Token], vectors: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Replace the placeholder tokens by the embeddings' vectors while the encoder runs."""
    places = [(place, token) for place, token in enumerate(tokens, start=1) if token.embedding]
    if not places:
        yield
        return

    def put(table: Any, args: Any, read: torch.Tensor) -> torch.Tensor:
        del table, args
        read = read.clone()
        for place, token in places:
            read[:, place] = vectors[token.embedding][token.row].to(read)
        return read

    handle = encoder.get_input_embeddings().register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()
