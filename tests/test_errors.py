"""A class a cause: each is said in words, has a code of its own, and stands in the table that `make errors` writes."""

import argparse
import ast
import pickle
import re
from pathlib import Path

import pytest

from studio import errors
from studio.cli.base import Exit, error_text
from studio.cli.generate import COMMAND
from studio.errors import (
    Busy,
    InternalError,
    InvalidPrompt,
    InvalidRecipe,
    OutOfMemory,
    RateLimited,
    StudioError,
)
from studio.events import Failed
from studio.labels import label_of, labelled
from studio.recipe import Recipe, setting_specs
from tests.sources import naming

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"
PLACE = re.compile(r"(?<=<!-- made by `make errors` -->\n).*?(?=<!-- end -->)", re.DOTALL)


def table() -> str:
    """All causes as the documentation shows them."""
    head = "| code | HTTP status | exit code | what happened |\n|---|---|---|---|\n"
    rows = (
        f"| `{code}` | {kind.status} | {int(Exit.of(kind))} | {(kind.__doc__ or '').splitlines()[0]} |\n"
        for code, kind in sorted(errors.causes().items(), key=lambda one: (one[1].status, one[0]))
    )
    return head + "".join(rows)


def kinds() -> list[type[StudioError]]:
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, StudioError)]


def test_the_table_in_the_documentation_is_made_from_the_classes() -> None:
    assert PLACE.findall(PAGE.read_text("utf-8")) == [table()], "out of date: make errors"


def test_each_cause_has_a_code_of_its_own_and_says_in_a_sentence_what_happened() -> None:
    causes = errors.causes()
    assert len(causes) == sum(bool(kind.code) for kind in kinds())
    for code, kind in causes.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
        assert 400 <= kind.status <= 599
        assert re.fullmatch(r"[A-Z].*\.", (kind.__doc__ or "").splitlines()[0]), kind


def test_a_group_is_caught_and_never_raised() -> None:
    groups = {kind.__name__ for kind in kinds() if not kind.code}
    assert {"StudioError", "ModelError", "StorageError", "DeviceError", "HostedError"} == groups
    made = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in naming(*(rf"\b{group}\(" for group in groups))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in groups
    ]
    assert not made


def test_all_errors_stand_in_one_place() -> None:
    bases = {base.__name__ for base in kinds()}
    for path, tree in naming(rf"class \w+\([^)]*\b({'|'.join(bases)})\b"):
        if path.name != "errors.py":
            classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
            own = [one.name for one in classes if bases & {base.id for base in one.bases if isinstance(base, ast.Name)}]
            assert not own, path


@pytest.mark.parametrize(
    "error",
    [
        InvalidRecipe("controls", "No.", "Yes.", 2),
        InvalidPrompt("prompt", "a (b", 2, "It is open.", "Close it."),
        RateLimited("Too often.", "Wait.", billed=True, wait_seconds=2.0),
        InternalError(ValueError("secret")),
    ],
    ids=lambda error: error.code,
)
def test_an_error_is_whole_in_another_process(error: StudioError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again), str(again)) == (type(error), vars(error), str(error))
    assert "secret" not in str(error)


def test_each_field_that_an_error_can_name_has_a_label_on_the_page() -> None:
    named = {
        place.value
        for _, tree in naming(r"InvalidRecipe\(", r"InvalidPrompt\(")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
        if node.func.id in ("InvalidRecipe", "InvalidPrompt")
        for place in ast.walk(node.args[0])
        if isinstance(place, ast.Constant) and isinstance(place.value, str)
    }
    named |= {*Recipe.model_fields, *setting_specs()}
    assert not [field for field in named if label_of(field) == field]
    assert (label_of("outpaint.left"), label_of("lora:ink"), label_of("stepz")) == ("Outpaint", "LoRAs", "stepz")
    assert labelled(InvalidRecipe("hires_scale", "No.", "Yes.")) == "Hires fix: No. Yes."


def test_what_a_job_ended_with_is_told_as_the_error_is() -> None:
    error = InvalidRecipe("loras", "No.", "Yes.", 1)
    assert Failed.of(error).as_fault() == error.as_fault()
    assert error.as_fault() == {"code": "invalid_recipe", "message": "No.", "hint": "Yes.", "field": "loras", "part": 1}


def test_the_command_line_names_the_option_and_ends_by_the_class() -> None:
    parser = argparse.ArgumentParser()
    COMMAND.arguments(parser)
    args = parser.parse_args(["a house", "--out", "x"])
    args.parser = parser
    fault = InvalidRecipe("steps", "No.", "Yes.")
    assert error_text(args, fault) == error_text(args, Failed.of(fault)) == "--steps: No. Yes."
    assert error_text(args, Busy("Full.\n", "Wait.")) == "Full. Wait."
    assert (Exit.of(fault), Exit.of(OutOfMemory("No."))) == (Exit.WRONG, Exit.FAILED)


if __name__ == "__main__":
    PAGE.write_text(PLACE.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")
