"""Teaches a model with one text encoder a new word from a folder of pictures, by textual inversion:
`python -m studio.training.embedding --model FOLDER --pictures DIR --trigger WORD --out FILE --steps N`.

The model stays as it is: only the vectors that the word is read as are learned. Stop it when you like: the same command
goes on from its last checkpoint, which lies beside the file.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from studio.errors import InvalidTrainingData, UnsupportedModel
from studio.training.adapters import header_of, write_tensors
from studio.training.command import Order, carry_out, options
from studio.training.denoising import Networks, NoiseLoss
from studio.training.loop import Batch, Plan, Team, fit


class Word(nn.Module):
    """A new word in front of an encoder's own: `vectors` (count, width) are what it is read as."""

    def __init__(self, known: nn.Embedding, start: Tensor) -> None:
        super().__init__()
        self.known = known
        self.first = known.num_embeddings
        self.vectors = nn.Parameter(start.clone())

    def forward(self, ids: Tensor) -> Tensor:
        known = self.known(ids.clamp(max=self.first - 1))
        new = self.vectors.to(known.dtype)[(ids - self.first).clamp(min=0)]
        return torch.where((ids >= self.first)[..., None], new, known)


def main() -> None:
    parser = options("embedding", __doc__, learning_rate=5e-3)
    parser.add_argument("--vectors", type=int, default=2, help="how many vectors the word is read as")
    parser.add_argument("--start", default="picture", help="a word with a like meaning, to start from")
    carry_out(parser, _write)


def add_word(networks: Networks, word: str, start: str, count: int) -> Word:
    """Let the networks read `word` as `count` vectors, at first those of the words in `start`.

    Raises InvalidTrainingData where the tokenizer has the word already, UnsupportedModel where the model
    has two text encoders.
    """
    if len(networks.encoders) != 1:
        raise UnsupportedModel("This model reads prompts with two text encoders.", "Train a LoRA for it instead.")
    tokenizer, encoder = networks.tokenizers[0], networks.encoders[0]
    known = encoder.get_input_embeddings()
    begin = tokenizer(start, add_special_tokens=False).input_ids
    chosen = torch.tensor([begin[number % len(begin)] for number in range(count)], device=known.weight.device)
    if {word, f"{word}</w>"} & tokenizer.get_vocab().keys():
        raise InvalidTrainingData(
            f"The model knows the word {word!r} already.", "Choose another one, such as <my-style>."
        )
    tokenizer.add_tokens(_names(word, count))
    added = Word(known, known.weight[chosen].detach())
    encoder.set_input_embeddings(added)
    return added


def spelt(text: str, word: str, count: int) -> str:
    """The text with all of the word's tokens where it stands, as the pipelines of diffusers read it."""
    return text.replace(word, " ".join(_names(word, count)))


def train_word(word: Word, networks: Networks, data: Dataset[Batch], plan: Plan, team: Team) -> bool:
    """Train the word's vectors, going on from the checkpoint if there is one; whether the plan is complete."""
    own = nn.ParameterList([word.vectors])
    return fit(plan, own, data, NoiseLoss(networks, team.device), team)


def save_word(word: Word, name: str, path: Path, header: Mapping[str, str]) -> None:
    """Write the vectors in half precision, as diffusers reads them."""
    write_tensors({name: word.vectors.detach().half().cpu()}, path, header)


def _names(word: str, count: int) -> list[str]:
    return [word, *(f"{word}_{number}" for number in range(1, count))]


def _write(order: Order) -> None:
    options, networks = order.options, order.networks
    if not options.trigger:
        raise InvalidTrainingData("The new word is missing.", "Give it as --trigger, such as <my-style>.")
    word = add_word(networks, options.trigger, options.start, options.vectors)
    data = order.data(lambda text: networks.ids(spelt(text, options.trigger, options.vectors)))
    # Another count of vectors does not fit an older checkpoint, so it has another name.
    plan = Plan(
        f"vectors{options.vectors}", options.batch, options.learning_rate, steps=options.steps, seed=options.seed
    )
    train_word(word, networks, data, plan, order.team)
    header = header_of(networks.family, options.trigger, {}, options.steps, options.learning_rate)
    save_word(word, options.trigger, options.out, header)


if __name__ == "__main__":
    main()
