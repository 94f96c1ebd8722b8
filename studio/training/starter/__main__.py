"""Builds the embedded starter model: `python -m studio.training.starter --work DIR --minutes N`.

Stages run one after the other, each for its share of the minutes, and go on where they were stopped.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from studio.training.starter.export import export
from studio.training.starter.stages import STAGES, run_stage


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m studio.training.starter", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints; start again here to resume")
    parser.add_argument("--minutes", type=float, default=120, help="training time of all stages together")
    parser.add_argument("--stage", choices=[*STAGES], help="only this stage, for all the minutes")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="training processes on a CPU")
    parser.add_argument("--export", type=Path, help="then write the model to this folder, such as assets/starter")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the training processes end with this one
    arguments.work.mkdir(parents=True, exist_ok=True)
    for name in [arguments.stage] if arguments.stage else STAGES:
        share = 1 if arguments.stage else STAGES[name][0]
        run_stage(name, 60 * arguments.minutes * share, arguments.work, arguments.processes)
    if arguments.export:
        export(arguments.work, arguments.export)


if __name__ == "__main__":
    main()
