"""Trains a LoRA on a folder of pictures:
`python -m studio.training.lora --model FOLDER --pictures DIR --trigger WORD --out FILE --steps N`.

Stop it when you like: the same command goes on from its last checkpoint, which lies beside the file.
"""

from collections import Counter
from dataclasses import dataclass
from typing import get_args

import torch
from peft.helpers import disable_input_dtype_casting
from torch.utils.data import Dataset

from studio.training.adapters import Reach, adapter_of, attach, header_of, save_kohya, save_lora
from studio.training.command import Order, carry_out, options
from studio.training.denoising import Networks, NoiseLoss
from studio.training.loop import Batch, Plan, Team, checkpoint_of, fit, load_average


@dataclass(frozen=True)
class Shape:
    """What an adapter can learn: `rank` numbers a direction, weighed by alpha / rank, in the modules of its `reach`."""

    rank: int = 8
    alpha: float = 8.0
    reach: Reach = "attention"


def main() -> None:
    parser = options("lora", __doc__, learning_rate=1e-4)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=float, help="as the rank, where it is not given")
    parser.add_argument("--reach", choices=get_args(Reach), default="attention", help="everything is for styles")
    parser.add_argument("--kohya", action="store_true", help="write it in kohya's format, for other tools")
    carry_out(parser, _write)


def train_lora(
    networks: Networks,
    data: Dataset[Batch],
    shape: Shape,
    plan: Plan,
    team: Team,
    *,
    noises: int = 1,
    stop_after: int | None = None,
) -> bool:
    """Leave a trained adapter on the denoiser, going on from the checkpoint if there is one; whether it is complete.

    `data` gives "images", (3, h, w) between -1 and 1, and "ids" as `Networks.ids` makes them; `noises` as in
    `NoiseLoss`, `stop_after` as in `fit`.
    """
    put_on(networks, shape, plan.seed)
    loss = NoiseLoss(networks, team.device, noises)
    # Autocast casts already; PEFT's own casting back and forth costs a sixth of the time.
    with disable_input_dtype_casting(networks.unet):
        return fit(plan, adapter_of(networks.unet), data, loss, team, stop_after=stop_after)


def put_trained(networks: Networks, shape: Shape, name: str, team: Team) -> int:
    """Leave on the denoiser what an earlier training reached; after how many steps."""
    put_on(networks, shape)
    load_average(name, adapter_of(networks.unet), team.work)
    return int(checkpoint_of(name, team.work)["step"])


def put_on(networks: Networks, shape: Shape, seed: int = 0) -> None:
    """Give the denoiser a new adapter of this shape."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        attach(networks.unet, shape.rank, shape.alpha, shape.reach)


def _write(order: Order) -> None:
    options, networks = order.options, order.networks
    shape = Shape(options.rank, options.rank if options.alpha is None else options.alpha, options.reach)
    # Another shape does not fit an older checkpoint, so it has another name.
    plan = Plan(
        f"rank{shape.rank}-{shape.reach}", options.batch, options.learning_rate, steps=options.steps, seed=options.seed
    )
    train_lora(networks, order.data(networks.ids), shape, plan, order.team)
    captions = Counter(picture.caption for picture in order.pictures)
    header = header_of(networks.family, options.trigger, captions, options.steps, options.learning_rate)
    (save_kohya if options.kohya else save_lora)(networks.unet, options.out, header)


if __name__ == "__main__":
    main()
