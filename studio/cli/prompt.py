"""`studio prompt`: what a prompt says, without painting anything."""

import argparse
import dataclasses
import json

from studio.cli.base import Command, Exit, load_settings, settings_arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="The prompt.")
    parser.add_argument("--negative", action="store_true", help="Read it as a negative prompt.")
    parser.add_argument("--steps", type=int, default=20, metavar="STEPS", help="How many steps it is spread over.")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="SEED", help="The seed that variants and wildcards are drawn with."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """Say how a prompt is understood: for each step, chunk by chunk, the words with their weights."""
    from studio.catalogue.prompt_assets import PromptAssets
    from studio.prompts.parser import parse
    from studio.prompts.schedule import plan
    from studio.prompts.variants import draw

    prompt_assets = PromptAssets.of(load_settings(args))
    drawn = draw(args.text, args.seed, prompt_assets.wildcards, negative=args.negative)
    understood = plan(
        parse(drawn, negative=args.negative), max(1, args.steps), embeddings=tuple(prompt_assets.embeddings)
    )
    if args.json:
        first = understood.strands[0].at(1)
        chunks = [{"chunk": k, **dataclasses.asdict(words)} for k, chunk in enumerate(first) for words in chunk]
        print(json.dumps({"prompt": drawn, "chunks": chunks, **dataclasses.asdict(understood)}))
        return Exit.DONE
    for strand in understood.strands:
        for stage in strand.stages:
            words = " / ".join(
                " · ".join(
                    segment.text + (f" x{segment.weight:.3g}" if segment.weight != 1 else "") for segment in chunk
                )
                for chunk in stage.chunks
            )
            print(f"x{strand.weight:g}  to step {stage.until}: {words}")
    for lora in understood.loras:
        print(f"LoRA {lora.name}: text {lora.text_weight:g}, denoiser {lora.unet_weight:g}")
    return Exit.DONE


COMMAND = Command("Show how a prompt is understood.", arguments, run)
