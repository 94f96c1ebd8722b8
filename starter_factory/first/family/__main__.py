"""Trains one member of the starter's family and writes it beside the base; started again, it goes on where it was:
`python -m starter_factory.first.family NAME --work DIR`.
"""

import argparse
import signal
import sys
from functools import partial
from pathlib import Path

from starter_factory.first.family import MEMBERS
from starter_factory.first.loop import Team
from starter_factory.first.teams import work_together


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m starter_factory.first.family", description=__doc__)
    parser.add_argument("name", choices=[*MEMBERS], help="the member; text_to_image is the base itself")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints; start again here to resume")
    parser.add_argument("--minutes", type=float, help="training time; else what its stored weights took")
    parser.add_argument("--processes", type=int, default=1, help="training processes on a CPU")
    parser.add_argument("--base", type=Path, default=Path("assets/starter"), help="folder of the model")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the training processes end with this one
    arguments.work.mkdir(parents=True, exist_ok=True)
    member = MEMBERS[arguments.name]
    minutes = member.minutes / arguments.processes if arguments.minutes is None else arguments.minutes
    job = partial(_train, arguments.name, 60 * minutes, arguments.base)
    work_together(job, arguments.work, arguments.processes)
    member.export(Team(arguments.work), arguments.base)


def _train(name: str, seconds: float, base: Path, team: Team) -> None:
    MEMBERS[name].train(seconds, team, base)


if __name__ == "__main__":
    main()
