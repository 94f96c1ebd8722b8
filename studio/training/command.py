"""What the commands that train on a creator's pictures share: their options, their networks, their way to fail."""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from studio.errors import InvalidTrainingData, StudioError
from studio.training.denoising import Networks, networks_of
from studio.training.loop import Team
from studio.training.pictures import Picture, PictureFolder, find_pictures


def options(name: str, about: str | None, learning_rate: float) -> argparse.ArgumentParser:
    """A parser with what every training asks."""
    parser = argparse.ArgumentParser(prog=f"python -m studio.training.{name}", description=about)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model, in the format of diffusers")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of pictures, captions beside them as .txt")
    parser.add_argument("--caption", help="one caption for all pictures, instead of the .txt files")
    parser.add_argument("--trigger", default="", help="the word that calls what is learned")
    parser.add_argument("--out", type=Path, required=True, help="the .safetensors file to write")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=1, help="pictures a step")
    parser.add_argument("--learning-rate", type=float, default=learning_rate)
    parser.add_argument("--side", type=int, help="side of the training pictures; else the model's own")
    parser.add_argument("--seed", type=int, default=0)
    return parser


class Order:
    """What a creator asked for: the pictures, the networks, and a folder for checkpoints until the file is written."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        if options.out.suffix != ".safetensors":
            raise InvalidTrainingData(f"--out: {options.out.name} has the wrong ending.", "End it in .safetensors.")
        self.pictures: Sequence[Picture] = find_pictures(options.pictures, options.trigger, options.caption)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.networks: Networks = networks_of(options.model, device)
        self.team = Team(options.out.with_suffix(".training"), device=device)
        self.team.work.mkdir(parents=True, exist_ok=True)

    def data(self, ids_of: Callable[[str], Tensor]) -> PictureFolder:
        return PictureFolder(self.pictures, self.options.side or self.networks.side, ids_of, self.options.seed)


def carry_out(parser: argparse.ArgumentParser, job: Callable[[Order], None]) -> None:
    """Do the job, then drop its checkpoints; a fault is one line, not a traceback."""
    try:
        order = Order(parser.parse_args())
        job(order)
    except StudioError as error:
        sys.exit(str(error))
    shutil.rmtree(order.team.work)
