"""Whatever is wrong with what a person gives, no library's own words are printed: only what is wrong, and the cure."""

import ast
import re
from pathlib import Path

import pytest

from studio import errors
from studio.cli import main

FOREIGN = (
    "Errno", "Expecting", "validation error", "pydantic", "codec", "cannot identify", "Traceback", "Input should",
    "unable to parse", "EnvSettingsSource", "unexpected end of data", "Error(", "NoneType", "Invalid ", "size mismatch",
    "state_dict", "torch.Size", "Error(s)", "CUDA error", "safetensors_rust", "DecompressionBomb", "no kernel image",
)  # fmt: skip

FAULTS: dict[str, tuple[str, bytes, list[str], str]] = {
    "a picture of text": ("given.png", b"hello", ["generate", "x", "--init", "FILE"], "--init"),
    "a picture that is cut": ("given.png", b"\x89PNG\r\n\x1a\n\0\0", ["generate", "x", "--init", "FILE"], "--init"),
    "a folder as picture": ("", b"", ["generate", "x", "--init", "FILE"], "--init"),
    "a mask of text": ("mask.png", b"hello", ["generate", "x", "--mask", "FILE"], "--mask"),
    "a picture that tells nothing": ("like.png", b"\x89PNG\r\n\x1a\n\0\0", ["generate", "--like", "FILE"], "like.png"),
    "a folder that tells nothing": ("", b"", ["generate", "--like", "FILE"], "permissions"),
    "a style with an open quote": ("s.csv", b'name,prompt\nA,"x\n', ["presets", "import", "FILE"], "quote"),
    "styles of no JSON": ("s.json", b"[{", ["presets", "import", "FILE"], "JSON"),
    "settings of no TOML": ("home/settings.toml", b"port = [", ["models"], "settings.toml"),
    "a port of words": ("home/settings.toml", b'port = "x"', ["models"], "port .*not a whole number"),
    "a port that is too large": ("home/settings.toml", b"port = 99999", ["models"], "port .*or less"),
    "a device of words": ("home/settings.toml", b"device = 3", ["models"], "device"),
    "prompts of no text": (
        "p.txt",
        b"\xff\xfe\xfd",
        ["compare", "--models", "starter", "--prompts", "FILE"],
        "--prompts.*UTF-8",
    ),
    "prompts of a folder": ("", b"", ["compare", "--models", "starter", "--prompts", "FILE"], "--prompts"),
}


@pytest.mark.parametrize(("name", "data", "argv", "says"), FAULTS.values(), ids=FAULTS)
def test_no_library_speaks_to_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, data: bytes,
    argv: list[str], says: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    if name:
        file.write_bytes(data)
    out = ["--out", str(tmp_path / "out")] if argv[0] in ("generate", "compare") else []
    try:
        code = main([str(file) if word == "FILE" else word for word in argv] + out)
    except SystemExit as error:
        code = int(error.code or 0)
    told = "".join(capsys.readouterr())
    assert code
    assert not [words for words in FOREIGN if words in told], told
    assert re.search(says, told), told


def test_a_variable_of_the_environment_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("STUDIO_PORT", "many")
    assert main(["models"]) == 2
    told = capsys.readouterr().err
    assert "port (STUDIO_PORT): it is not a whole number" in told


SOURCE = Path(__file__).resolve().parent.parent / "studio"
# Those of the studio's own, whose words are its own.
OWN = {*vars(errors), "ParseError", "BadInput"}
# Where a foreign error's own words are read, or told, for a reason.
MAY = {
    "engine/faults.py:idle": "it looks for what they mean",
    "engine/faults.py:unloadable": "it looks for what they mean",
    "backends/zerogpu.py:generate": "it hands them to what looks for their meaning",
    "parsing.py:parse_json": "what json says is looked up in a table of the studio's words",
    "parsing.py:_table": "what tomllib says is looked up in a table of the studio's words",
    "parsing.py:fault_words": "what the studio's own checks say comes by way of pydantic",
    "verify/bare.py:made": "what bare diffusers say is what is compared",
}


class Telling(ast.NodeVisitor):
    """Finds where the words of a foreign error become text, other than to be logged, searched or compared."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._names: list[set[str]] = []
        self._functions: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        args = [*node.args.args, *node.args.kwonlyargs]
        self._within(node, {one.arg for one in args if one.annotation and _foreign(one.annotation)}, node.name)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._within(node, {node.name} if node.name and _foreign(node.type) else set())

    def visit_Call(self, node: ast.Call) -> None:
        of = node.func.value if isinstance(node.func, ast.Attribute) else None
        searched = isinstance(node.func, ast.Attribute) and node.func.attr in ("search", "match")
        if not searched and not (isinstance(of, ast.Name) and of.id == "log"):
            if isinstance(node.func, ast.Name) and node.func.id in ("str", "repr", "format") and self._told(node.args):
                self._find()
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Looked at, not told."""

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        if self._told([node.value]):
            self._find()
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in ("args", "message", "msg", "reason", "doc") and self._told([node.value]):
            self._find()
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """What pydantic says of a value."""
        if isinstance(node.slice, ast.Constant) and node.slice.value == "msg":
            self._find()
        self.generic_visit(node)

    def _told(self, nodes: list[ast.expr]) -> bool:
        return any(isinstance(one, ast.Name) and any(one.id in names for names in self._names) for one in nodes)

    def _find(self) -> None:
        self.found.append(self._functions[-1])

    def _within(self, node: ast.AST, names: set[str], function: str = "") -> None:
        self._names.append(names)
        self._functions += [function] if function else []
        self.generic_visit(node)
        self._names.pop()
        del self._functions[len(self._functions) - bool(function) :]


def _foreign(kinds: ast.expr | None) -> bool:
    """Whether one of these classes of errors, of a handler or an annotation, is none of the studio's."""
    if kinds is None:
        return True
    names = {one.id for one in ast.walk(kinds) if isinstance(one, ast.Name)}
    names |= {one.attr for one in ast.walk(kinds) if isinstance(one, ast.Attribute)}
    names |= {str(one.value).rpartition(".")[2] for one in ast.walk(kinds) if isinstance(one, ast.Constant)}
    return any(name not in OWN and name.endswith(("Error", "Exception")) for name in names)


def test_no_error_of_the_studio_is_made_of_a_library_s_words() -> None:
    told = set()
    for path in SOURCE.rglob("*.py"):
        telling = Telling()
        telling.visit(ast.parse(path.read_text("utf-8")))
        told |= {f"{path.relative_to(SOURCE).as_posix()}:{function}" for function in telling.found}
    assert told == set(MAY)


def test_the_rule_finds_every_way_to_tell_them() -> None:
    ways = ('f"{error}"', "str(error)", "repr(error)", "error.args[0]", 'error.errors()[0]["msg"]', "error.message")
    for way in ways:
        telling = Telling()
        telling.visit(ast.parse(f"def f():\n  try: g()\n  except (OSError, KeyError) as error:\n    raise Busy({way})"))
        assert telling.found == ["f"], way
