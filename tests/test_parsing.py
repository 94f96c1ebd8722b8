import codecs
import os
from pathlib import Path

import pytest

from studio.catalogue.checkpoints import read_json
from studio.catalogue.loras import Loras
from studio.catalogue.tensor_files import header
from studio.errors import InvalidPreset, InvalidRecipe, InvalidSetting, ModelError
from studio.parsing import ParseError, decode, load_json, parse_json, parse_toml, read_bytes, shown
from studio.presets.favourites import Favourites
from studio.presets.importing import import_styles
from studio.presets.reading import Presets, StylePreset, read_toml
from studio.prompts.wildcards import Wildcards
from studio.recipe import Recipe
from studio.settings import Settings
from studio.storage.database import Database
from tests.headers import write_safetensors
from tests.people import who

DEEP = "[" * 100_000
LAYER = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1, column 1: a value is missing"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6: a colon is missing"),
        ('["a', "a quote is never closed"),
        ("1 2", "something follows"),
        (DEEP, "more than 100 levels"),
        ('{"a":' * 101 + "1" + "}" * 101, "more than 100 levels"),
        ("[" + "1," * 500_000 + "1]", "more than 500,000 values"),
        ('{"a": 1, "b": 2, "a": 3}', "key 'a' twice"),
        ("NaN", "holds NaN"),
        ("[-Infinity]", "holds -Infinity"),
        ("1e999", "holds 1e999"),
        ("9" * 5000, "too large"),
        (str(2**65), "too large"),
    ],
)
def test_json_that_cannot_be_is_an_error_in_plain_words(text: str, fault: str):
    with pytest.raises(ParseError) as error:
        parse_json(text)
    assert fault in error.value.fault
    assert error.value.hint


def test_brackets_in_texts_are_no_depth():
    assert parse_json('["' + "[{" * 1000 + '\\"[[["]')[0].startswith("[{[{")
    assert parse_json("[" * 100 + "]" * 100)
    assert parse_json(str(2**64 - 1)) == 2**64 - 1


def test_a_lenient_reader_takes_what_careless_writers_write():
    text = '{"is_changed": [NaN], "a": 1, "a": 2, "big": 1e999, "more": ' + "9" * 5000 + "}"
    assert parse_json(text, lenient=True) == {"is_changed": [None], "a": 2, "big": None, "more": None}
    with pytest.raises(ParseError):
        parse_json(DEEP, lenient=True)


def test_halves_of_characters_do_not_come_through():
    whole = parse_json('{"\\ud83d": ["\\ude00", "\\ud83d\\ude00"]}')
    assert whole == {"\ufffd": ["\ufffd", "😀"]}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('name = "x', "a quote is"),
        ("name = x", "this is not a value"),
        ("name 1", "= is missing"),
        ("a = 1\na = 2", "a key stands twice"),
        ("é = 1", "this is not a key"),
        ("a = " + DEEP, "more than 100 levels"),
        ("a = " + "{a=" * 50_000, "more than 100 levels"),
        (".".join("a" * 5000) + " = 1", "more than 100 levels"),
        (".".join("a" * 500) + " = 1", "more than 100 levels"),
        ("a = " + "9" * 5000, "too large"),
        ("a = " + "9" * 30, "too large"),
        ("a = inf", "holds inf"),
        ("a = nan", "holds nan"),
        ("a = 2026-13-45", "something follows"),
    ],
)
def test_toml_that_cannot_be_is_an_error_in_plain_words(text: str, fault: str):
    with pytest.raises(ParseError) as error:
        parse_toml(text)
    assert fault in error.value.fault


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_says_the_encoding(mark: bytes, encoding: str):
    assert parse_json(mark + '["Löwe"]'.encode(encoding)) == ["Löwe"]
    assert parse_toml(mark + 'a = "Löwe"'.encode(encoding)) == {"a": "Löwe"}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_its_zeros(encoding: str):
    for text in ("name,prompt\r\nLöwe,a lion\r\n", "name,prompt,negative_prompt\r\n" + "狮子,一只狮子在山上,\r\n" * 30):
        assert decode(text.encode(encoding), "cp1252") == text
    assert decode(b'{"a": "\0 stray zero in a text"}') == '{"a": "\0 stray zero in a text"}'


def test_what_is_no_utf_8_is_told_or_read_as_what_it_may_be():
    with pytest.raises(ParseError, match="UTF-8"):
        decode("Löwe".encode("cp1252"))
    assert decode("Löwe".encode("cp1252"), "cp1252") == "Löwe"


def test_only_files_are_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    for name, fault in (
        ("pipe", "not a file"),
        ("folder", "folder"),
        ("gone", "not there"),
        ("loop", "cannot be read"),
    ):
        with pytest.raises(ParseError, match=fault):
            load_json(tmp_path / f"{name}.json")


def test_a_file_is_read_no_further_than_allowed(tmp_path: Path):
    (tmp_path / "large").write_bytes(b"x" * 11)
    assert len(read_bytes(tmp_path / "large", 11)) == 11
    with pytest.raises(ParseError, match="larger"):
        read_bytes(tmp_path / "large", 10)


def test_a_foreign_value_is_shown_on_one_line_and_not_for_pages():
    assert shown("a\nb") == "'a\\nb'"
    assert len(shown("x" * 10**6)) < 70
    with pytest.raises(InvalidRecipe) as error:
        Recipe.make(steps="x" * 10**6)
    assert len(str(error.value)) < 200


def test_no_file_in_a_folder_can_bring_a_command_down(tmp_path: Path):
    """Everything that reads what others wrote, given a file of brackets."""
    bomb, styles = tmp_path / "bomb.json", tmp_path / "styles.json"
    for path in (bomb, styles, tmp_path / "favourites.json"):
        path.write_text(DEEP)
    (tmp_path / "settings.toml").write_text("hosts = " + DEEP)
    toml = tmp_path / "x.toml"
    toml.write_text("name = " + DEEP)
    weights = tmp_path / "x.safetensors"
    weights.write_bytes(len(DEEP).to_bytes(8, "little") + DEEP.encode())
    with pytest.raises(ModelError, match="levels"):
        header(weights)
    with pytest.raises(ModelError, match="levels"):
        read_json(bomb)
    with pytest.raises(InvalidPreset, match="levels"):
        read_toml(toml, StylePreset)
    with pytest.raises(InvalidPreset, match="levels"):
        import_styles(styles, tmp_path, Presets(), Wildcards())
    assert Favourites(Database.of(tmp_path), "loras").names(who("ann")) == frozenset()
    with pytest.raises(InvalidRecipe, match="levels"):
        Recipe.from_json(DEEP)
    with pytest.raises(InvalidSetting, match="levels"):
        Settings.load(home=tmp_path)


def test_tags_that_cannot_be_read_leave_the_lora_usable(tmp_path: Path):
    write_safetensors(
        tmp_path / "loras" / "x.safetensors",
        {f"{LAYER}.lora_down.weight": (4, 320), f"{LAYER}.lora_up.weight": (320, 4)},
        {"ss_tag_frequency": DEEP},
    )
    loras = Loras(Settings(home=tmp_path))
    assert loras.faults == {}
    assert loras["x"].trigger_words == ()
