"""Names are the field's own: private words that have gone do not come back; each fault names the word to use."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests import script_texts

ROOT = Path(__file__).resolve().parent.parent
OURS = ("studio", "benchmarks", "tests", "starter_factory")
# Nobody else's: neither in a name nor in a docstring or comment.
PRIVATE = {
    "dearness": "change cost",
    "easel": "inpaint panel, editor pane",
    "hearsay": "imported settings",
    "knob": "setting",
    "knobs": "shared settings",
    "lectern": "ControlNet panel",
    "sieve": "filter",
    "wardrobe": "LoRA cache",
    "wordbook": "prompt assets",
    "wordview": "prompt preview",
}
# English words that meant something of ours: prose may say them, names may not.
NAMES = {
    "desk": "context",
    "enlarger": "upscaler",
    "gauge": "scorer",
    "harbour": "deploy panel",
    "lend": "borrow",
    "lent": "in use, borrowed",
    "loan": "lease",
    "purse": "budget",
    "rehearse": "validate steps",
    "rehearsed": "validated steps",
    "settle": "resolve",
    "settled": "resolved",
    "settles": "resolves",
    "settling": "resolve",
    "steering": "controls",
    "workshop": "estimator context",
}
# These say of a value only that somebody uttered it. Tests may, and schemas: they are keys of the page's JSON.
UTTERED = {
    "asked": "what it is: event, wanted, given, options",
    "heard": "what it is: event, received, attached",
    "said": "what it is: text, message, payload, metadata",
    "told": "what it is: answer, facts, row, event",
}
# What nobody says: sentences that a person reads have the plain words.
STILTED = {
    r"(?<![Tt]here )\bis no (?!longer\b|more\b)": "is not a ...",
    r"\b[Mm]end(s|ed)?\b": "correct",
    r"\banew\b": "again",
    r"\bnot (here|there) any more\b": "no longer there",
    r"\bcannot be\.": "say what it is not",
    r"\b[Kk]eeps nothing of it\b": "repaints completely",
    r"\bstands? here\b": "appears here",
    r"\b(control|unit) in hand\b": "selected ...",
    r"\bSettings of a picture\b": "import settings",
    r"\bGo on with the result\b": "use the result as the new picture",
    r"\bExtend, in pixels\b": "outpaint",
    r"\bPaint it over, larger\b": "hires fix",
    r"\b[Tt]here is no token of\b": "no ... token",
    r"\b[Ss]hows the like\b": "shows something similar",
    r"\b[Ww]hoever runs (the|this) studio\b": "the studio's operator",
    r"\bare the most\b": "the limit is ...",
    r"\bgiven again\b": "repeated",
    r"\b(prompt|object) a line\b": "one ... per line",
}
# And what is said in the place of what somebody stumbled over.
PLAIN = (
    "Repaints completely.",
    "The control map appears here.",
    "Import settings",
    "Use the result as the new picture",
    "Outpaint, in pixels",
    "Hires fix",
    "Enlarge and refine",
    "No Hugging Face token.",
    "Create one with write access at ",
)
# And how texts of scripts are typed.
TYPED = {r"[a-z]'(s|t|re|ve|ll|d)\b": "it with \N{RIGHT SINGLE QUOTATION MARK}"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words(name: str) -> list[str]:
    """The words of an identifier, in whatever case it is written."""
    return [word.lower() for word in WORD.findall(name)]


def sources() -> list[Path]:
    return sorted(path for folder in OURS for path in (ROOT / folder).rglob("*.py") if path != Path(__file__))


def names(text: str) -> Iterator[tuple[int, str]]:
    """The names that a file binds, each with its line: those of others are others' business."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case ast.ExceptHandler(name=str()):
                yield node.lineno, node.name


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of docstrings and comments, each with its number."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            first = node.body[0]
            yield from enumerate(ast.unparse(first).splitlines(), start=first.lineno)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def holds(text: str, table: Mapping[str, str]) -> bool:
    """Whether a text may have one of these words in it."""
    low = text.lower()
    return any(word in low for word in table)


def found(lines: Iterator[tuple[int, str]], table: Mapping[str, str]) -> Iterator[str]:
    for line, written in lines:
        for word in words(written):
            if word in table:
                yield f"{line}: “{word}” in “{written.strip()[:60]}”: say {table[word]}"


def faults(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    place = path.relative_to(ROOT)
    is_ours = place.parts[0] in ("studio", "benchmarks") and "schemas" not in place.parts
    bound = PRIVATE | NAMES | (UTTERED if is_ours else {})
    seen = list(found(iter([(1, str(place))]), PRIVATE | NAMES))
    if holds(text, bound):  # to read all as Python does takes long
        seen += found(names(text), bound)
    if holds(text, PRIVATE):
        seen += found(prose(text), PRIVATE)
    return [f"{place}:{one}" for one in seen]


@pytest.mark.parametrize("folder", OURS)
def test_names_and_prose_are_the_fields_own(folder: str):
    assert not [fault for path in sources() if path.relative_to(ROOT).parts[0] == folder for fault in faults(path)]


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """The texts of a module that are no docstrings, by line."""
    tree = ast.parse(source)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    documented = [node for node in ast.walk(tree) if isinstance(node, kinds) and ast.get_docstring(node) is not None]
    docs = {id(node.body[0].value) for node in documented if isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


@cache
def texts(ending: str) -> dict[Path, list[tuple[int, str]]]:
    """What the studio's files with this ending may say to a person, by line."""
    read, ours = {"py": sentences, "js": script_texts.texts}[ending], (ROOT / "studio").rglob(f"*.{ending}")
    return {path: [*read(path.read_text("utf-8"))] for path in ours if "vendor" not in path.parts}


def stilted(texts: Iterator[tuple[int, str]], table: Mapping[str, str]) -> Iterator[str]:
    for line, whole in texts:
        text = re.sub(r'class="[^"]*"', "", whole)  # what nobody reads
        for pattern, instead in table.items():
            if re.search(pattern, text):
                yield f"{line}: {text[:200]!r}: say {instead}"


@pytest.mark.parametrize(("ending", "most", "table"), [("py", 1000, STILTED), ("js", 1000, STILTED | TYPED)])
def test_sentences_are_plain_english(ending: str, most: int, table: Mapping[str, str]) -> None:
    lines = texts(ending)
    assert sum(map(len, lines.values())) > most
    assert not [f"{path.name}:{one}" for path, texts in lines.items() for one in stilted(iter(texts), table)]


@pytest.mark.parametrize("plain", PLAIN)
def test_what_people_stumbled_over_is_said_plainly(plain: str) -> None:
    assert any(plain in text for ending in ("py", "js") for lines in texts(ending).values() for _, text in lines)


def test_the_texts_of_a_script_are_found_in_every_place_and_its_code_is_none():
    source = """// is no comment's business
    const a = 'it\\'s', b = /["'`]/.test(a) ? "one" : `two ${a ? `three ${"four"}` : {}} five`; /* "none" */
    const c = 6 / 2 / b; const d = "six";
    """
    assert [text for _, text in script_texts.texts(source)] == ["it\\'s", "one", "four", "three …", "two … five", "six"]
    assert {line for line, text in script_texts.texts(source) if text == "six"} == {3}
    seen = stilted(script_texts.texts("say('This is no picture.');\nsay(`Try ${it} anew`);"), STILTED)
    assert [fault.partition(": say ")[2] for fault in seen] == ["is not a ...", "again"]


def test_the_page_s_scripts_and_styles_say_no_private_word():
    pages = [*(ROOT / "studio" / "ui" / "web").rglob("*.js"), *ROOT.glob("**/*.css")]
    ours = [path for path in pages if not {"vendor", "node_modules", ".venv"} & set(path.parts)]
    lines = {path: enumerate(path.read_text("utf-8").splitlines(), start=1) for path in ours}
    assert not [f"{path.name}:{fault}" for path in ours for fault in found(lines[path], PRIVATE)]


def test_a_private_word_is_seen_in_every_place_and_the_word_to_use_is_named(tmp_path: Path):
    text = '"""The sieve."""\ndef settle(told): pass  # by the wardrobe\nclass DeskFacts: pass\n'
    seen = [*found(names(text), PRIVATE | NAMES | UTTERED), *found(prose(text), PRIVATE)]
    assert sorted(fault.partition(" in ")[0] for fault in seen) == [
        "1: “sieve”",
        "2: “settle”",
        "2: “told”",
        "2: “wardrobe”",
        "3: “desk”",
    ]
    assert all("say " in fault for fault in seen)
    assert words("_settleHTTPSieves") == ["settle", "http", "sieves"]
