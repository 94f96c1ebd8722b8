"""`studio candidates`: many images of one recipe, measured, ranked, and those that are not worth a look named."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from studio.cli import generate
from studio.cli.base import Command, load_settings
from studio.errors import InvalidSetting
from studio.events import Finished
from studio.gate.identity import COMMAND_LINE
from studio.hosted.spending import price_words
from studio.inputs import InputStore
from studio.metrics import METRICS
from studio.racing import Race
from studio.recipe import Recipe
from studio.suggestions import near

if TYPE_CHECKING:
    from studio.candidates.ranking import Filter
    from studio.placing import Scores


def arguments(parser: argparse.ArgumentParser) -> None:
    generate.arguments(parser)
    group = parser.add_argument_group("ranking")
    some = group.add_mutually_exclusive_group()
    some.add_argument("--keep", type=int, metavar="N", help="Keep the best N.")
    some.add_argument("--reject-share", type=float, metavar="X", help="Reject the worst share, such as 0.6.")
    group.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME:WEIGHT",
        help="Rank by this metric, weighed so; without any, by each metric's own weight. May be repeated.",
    )
    group.add_argument(
        "--race", action="store_true", help="Score the pictures while they are made, and drop those that fall behind."
    )


def run(args: argparse.Namespace) -> int:
    """Generate and rank; a line for each, best first, or with --json one object, on standard output."""
    studio_settings, rules, given = load_settings(args), _filter(args), generate.given_values(args)
    recipe = Recipe.make(**given | generate.stored(InputStore.of(studio_settings), given))
    images: dict[int, Finished] = {}
    with redirect_stdout(sys.stderr):
        from studio.studio import Studio

        with Studio(studio_settings, images=args.out.absolute(), durable=False) as studio:
            if price := price_words(studio.most_usd([recipe])):
                print(price, file=sys.stderr)
            weights = {name: weight for name in METRICS if (weight := rules.weight(name))}
            job = studio.submit(recipe, COMMAND_LINE, race=Race(weights) if args.race else None)
            end = generate.follow(studio, job, images, None)
            made = [images[number] for number in sorted(images)]
            measured = studio.scorer.measure([image.path for image in made])
    for name, why in measured.missing.items():
        print(f"{METRICS[name].label}: {why}", file=sys.stderr)
    rows, dropped = _rows(made, measured.scores, rules), [item for item in job.items if item.fell]
    if args.json:
        fallen = [{"seed": item.recipe.seed, "reason": item.fell.sentence} for item in dropped if item.fell]
        print(json.dumps({"candidates": rows, "dropped": fallen}))
    else:
        for item in dropped:
            print(f"Seed {item.recipe.seed}: {item.fell.sentence if item.fell else ''}", file=sys.stderr)
        for row in sorted(rows, key=lambda row: row["rank"] or len(rows)):
            print(f"{row['path']}  {row['rank']}  {'kept' if row['kept'] else 'rejected'}  {row['reason']}".rstrip())
    return generate.exit_code(end, args)


def _rows(made: Sequence[Finished], scores: Sequence["Scores"], rules: "Filter") -> list[dict[str, Any]]:
    from studio.candidates.ranking import Rating, judge

    return [
        {
            "path": str(image.path),
            "seed": image.recipe.seed,
            "scores": {name: round(score, 4) for name, score in found.items()},
            "rank": verdict.rank,
            "kept": verdict.kept,
            "reason": verdict.reason,
        }
        for image, found, verdict in zip(made, scores, judge(scores, [Rating() for _ in made], rules), strict=True)
    ]


def _filter(args: argparse.Namespace) -> "Filter":
    """What the options say; InvalidSetting where they cannot be."""
    from studio.candidates.ranking import Filter

    if args.keep is not None and args.keep < 0:
        raise InvalidSetting(
            f"--keep {args.keep} is not a valid number of pictures.", "Give the number of pictures to keep."
        )
    if args.reject_share is not None and not 0 <= args.reject_share <= 1:
        raise InvalidSetting(f"--reject-share {args.reject_share:g} is not a valid share.", "Give a share from 0 to 1.")
    given = dict(_weight(text) for text in args.metric)
    weights = {name: given.get(name, 0.0) for name in METRICS} if given else {}
    return Filter(weights=weights, keep=args.keep, reject_share=args.reject_share)


def _weight(text: str) -> tuple[str, float]:
    """The metric and weight of `sharpness:2`."""
    name, _, weight = text.partition(":")
    if name not in METRICS:
        raise InvalidSetting(f"There is no metric {name!r}.", near(name, METRICS))
    try:
        number = float(weight)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise InvalidSetting(
            f"--metric {text!r} is not a valid weight of a metric.", "Write NAME:WEIGHT with a weight of 0 or more."
        )
    return name, number


COMMAND = Command("Make many images of one recipe, measure and rank them.", arguments, run)
