"""Draws the world of the embedded model and trains it, stage by stage: `python -m starter_factory COMMAND`."""

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

from starter_factory.art import ArtError, make_art
from starter_factory.canvas import Image
from starter_factory.captions import describe
from starter_factory.draw import draw
from starter_factory.scene import training_scene
from starter_factory.stages import STAGES
from starter_factory.store import Stored
from starter_factory.training import Session

WORK = Path(os.environ.get("STARTER_FACTORY_WORK", "starter-work"))
STORED = Path(__file__).parent / "model"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m starter_factory", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("art", help="fetch the art of things and render it, once")
    world = commands.add_parser("world", help="write a sheet of scenes, and print their captions")
    world.add_argument("--sheet", type=Path, required=True)
    world.add_argument("--count", type=int, default=48)
    world.add_argument("--seed", type=int, default=0)
    train = commands.add_parser("train", help="train a stage, from its last checkpoint or from what is stored")
    train.add_argument("stage", choices=list(STAGES))
    train.add_argument("--minutes", type=float, default=1e9, help="of wall time; else until it is stopped")
    train.add_argument("--steps", type=int, help="in all, earlier runs included")
    train.add_argument("--cooling", type=float, default=0.0, help="share of the run in which the learning rate falls")
    train.add_argument("--device", default="cpu")
    train.add_argument("--threads", type=int, default=1)
    train.add_argument("--workers", type=int, default=0, help="processes that draw")
    train.add_argument(
        "--shrink", type=float, default=1, help="base: 1.5 or 3 draws smaller pictures, which teach words sooner"
    )
    keep = commands.add_parser("store", help="write a stage's averaged weights into the stored model")
    keep.add_argument("stage", choices=list(STAGES))
    sample = commands.add_parser("sample", help="write a sheet of pictures of unseen captions, or of one prompt")
    sample.add_argument("--sheet", type=Path, required=True)
    sample.add_argument("--count", type=int, default=32)
    sample.add_argument("--prompt", help="the same for all; else captions of unseen scenes")
    sample.add_argument("--guidance", type=float, default=3.0)
    sample.add_argument("--steps", type=int, default=20)
    sample.add_argument("--live", action="store_true", help="take the denoiser from its checkpoint")
    measure = commands.add_parser("measure", help="how well pictures follow unseen captions, and how much they differ")
    measure.add_argument("--count", type=int, default=64, help="captions")
    measure.add_argument("--prompt", default="house", help="the thing whose pictures are compared")
    measure.add_argument("--seeds", type=int, default=32)
    measure.add_argument("--live", action="store_true", help="take the denoiser from its checkpoint")
    for command in (train, keep, sample, measure):
        command.add_argument(
            "--work", type=Path, default=WORK, help="folder of checkpoints; a file `pause` there pauses"
        )
        command.add_argument("--stored", type=Path, default=STORED, help="folder of the stored model")
    arguments = parser.parse_args()
    try:
        COMMANDS[arguments.command](arguments)
    except ArtError as error:
        sys.exit(str(error))


def _make_art(_: argparse.Namespace) -> None:
    print(make_art())


def _draw_world(asked: argparse.Namespace) -> None:
    pictures = []
    for seed in range(asked.seed, asked.seed + asked.count):
        scene = training_scene(seed)
        print(describe(scene, random.Random(seed)).text)
        pictures.append(draw(scene).image)
    write_sheet(pictures, asked.sheet)


def _train(asked: argparse.Namespace) -> None:
    torch.set_num_threads(asked.threads)
    asked.work.mkdir(parents=True, exist_ok=True)
    session = Session(
        asked.work, torch.device(asked.device), asked.minutes, asked.steps, asked.cooling, asked.workers, asked.shrink
    )
    run = STAGES[asked.stage].train(session, Stored(asked.stored))
    print(f"{run.name}: {run.step} steps, {run.samples} samples, loss {run.loss:.4f}")


def _store(asked: argparse.Namespace) -> None:
    STAGES[asked.stage].store(Session(asked.work, torch.device("cpu")), Stored(asked.stored))


def _sample(asked: argparse.Namespace) -> None:
    from starter_factory.sampling import paint, pipeline_of, unseen_captions

    pipeline = pipeline_of(Stored(asked.stored), Session(asked.work, torch.device("cpu")) if asked.live else None)
    prompts = [asked.prompt] * asked.count if asked.prompt else unseen_captions(asked.count)
    if not asked.prompt:
        print("\n".join(prompts))
    write_sheet(paint(pipeline, prompts, steps=asked.steps, guidance=asked.guidance), asked.sheet)


def _measure(asked: argparse.Namespace) -> None:
    from starter_factory.report import measure

    live = Session(asked.work, torch.device("cpu")) if asked.live else None
    print(json.dumps(measure(Stored(asked.stored), live, asked.count, asked.prompt, asked.seeds), indent=2))


COMMANDS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "art": _make_art,
    "world": _draw_world,
    "train": _train,
    "store": _store,
    "sample": _sample,
    "measure": _measure,
}


def write_sheet(pictures: list[Image], path: Path, columns: int = 8) -> None:
    """The pictures side by side, in rows; the last row is filled with white."""
    blank = np.full_like(pictures[0], 255)
    filled = pictures + [blank] * (-len(pictures) % columns)
    rows = [np.hstack(filled[start : start + columns]) for start in range(0, len(filled), columns)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
