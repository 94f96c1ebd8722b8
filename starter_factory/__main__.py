"""Draws the world of the embedded model and trains it, stage by stage: `python -m starter_factory COMMAND`."""

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from starter_factory import parallel
from starter_factory.art import ArtError, make_art
from starter_factory.captions import describe
from starter_factory.draw import draw
from starter_factory.sampling import write_sheet
from starter_factory.scene import training_scene
from starter_factory.stages import LANES, STAGES, MissingError, chain, store, train
from starter_factory.store import Stored
from starter_factory.training import Session

WORK = Path(os.environ.get("STARTER_FACTORY_WORK", "starter-work"))
STORED = Path(__file__).parent.parent / "assets" / "starter"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m starter_factory", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("art", help="fetch the art of things and render it, once")
    world = commands.add_parser("world", help="write a sheet of scenes, and print their captions")
    world.add_argument("--sheet", type=Path, required=True)
    world.add_argument("--count", type=int, default=48)
    world.add_argument("--seed", type=int, default=0)
    training = commands.add_parser("train", help="train a stage, from its last checkpoint or from what is stored")
    training.add_argument("stage", choices=list(STAGES))
    training.add_argument("--minutes", type=float, default=1e9, help="of wall time; else until it is stopped")
    training.add_argument("--steps", type=int, help="in all, earlier runs included")
    training.add_argument(
        "--cooling", type=float, default=0.0, help="share of the run in which the learning rate falls"
    )
    training.add_argument(
        "--shrink", type=float, default=1, help="base and ControlNets: 2 draws pictures of half the side"
    )
    whole = commands.add_parser("chain", help="train and store the family in its order, each stage for its minutes")
    whole.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(STAGES)}; else all of the lane")
    whole.add_argument("--lane", choices=[*LANES, "all"], default="all", help="two may run side by side")
    whole.add_argument("--pace", type=float, default=1.0, help="times the minutes of each stage")
    keep = commands.add_parser("store", help="write a stage's averaged weights into the stored model")
    keep.add_argument("stage", choices=list(STAGES))
    ship = commands.add_parser("publish", help="write the words, sheets and facts of training beside what is stored")
    ship.add_argument("--no-pictures", action="store_true", help="paint no sheets")
    commands.add_parser("examples", help="paint the pictures of the studio's examples and of the starter's styles anew")
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
    for command in (training, whole):
        command.add_argument("--device", default="cpu")
        command.add_argument("--threads", type=int, default=1)
        command.add_argument("--workers", type=int, default=0, help="processes that draw")
        command.add_argument(
            "--rate", type=float, default=1.0, help="share of the learning rate: 0.4 for weights that have cooled down"
        )
    for command in (training, whole, keep, sample, measure):
        command.add_argument(
            "--work", type=Path, default=WORK, help="folder of checkpoints; a file `pause` there pauses"
        )
    for command in (training, whole, keep, sample, measure, ship):
        command.add_argument("--stored", type=Path, default=STORED, help="the model's folder (default: assets/starter)")
    arguments = parser.parse_args()
    try:
        COMMANDS[arguments.command](arguments)
    except (ArtError, MissingError) as error:
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
    session = replace(
        _session(asked),
        minutes=asked.minutes,
        steps=asked.steps,
        cooling=asked.cooling,
        rate=asked.rate,
        shrink=asked.shrink,
    )
    run = train(asked.stage, session, Stored(asked.stored))
    print(f"{run.name}: {run.step} steps, {run.samples} samples, loss {run.loss:.4f}")


def _chain(asked: argparse.Namespace) -> None:
    if unknown := [name for name in asked.stages if name not in STAGES]:
        sys.exit(f"There is no stage {unknown[0]}; there are {', '.join(STAGES)}.")
    lanes = LANES.values() if asked.lane == "all" else [LANES[asked.lane]]
    chain(asked.stages or [name for lane in lanes for name in lane], _session(asked), Stored(asked.stored), asked.pace)


def _session(asked: argparse.Namespace) -> Session:
    torch.set_num_threads(asked.threads)
    parallel.join()
    asked.work.mkdir(parents=True, exist_ok=True)
    return Session(asked.work, torch.device(asked.device), workers=asked.workers, rate=asked.rate)


def _store(asked: argparse.Namespace) -> None:
    store(asked.stage, Session(asked.work, torch.device("cpu")), Stored(asked.stored))


def _publish(asked: argparse.Namespace) -> None:
    from starter_factory.publish import publish

    publish(Stored(asked.stored), pictures=not asked.no_pictures)


def _examples(_: argparse.Namespace) -> None:
    from starter_factory.examples import paint_examples

    for path in paint_examples():
        print(path)


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
    "chain": _chain,
    "store": _store,
    "publish": _publish,
    "examples": _examples,
    "sample": _sample,
    "measure": _measure,
}


if __name__ == "__main__":
    main()
