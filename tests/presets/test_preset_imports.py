"""Styles of other tools: what is taken over, under which name, and what is said of the rest."""

import json
from pathlib import Path
from typing import Any

import pytest

from studio.errors import InvalidPreset
from studio.presets import importing, saving
from studio.presets.importing import Report, import_styles
from studio.presets.reading import Presets, read_toml
from studio.prompts.wildcards import Wildcards

A1111 = """\ufeffname,prompt,negative_prompt
None,,
--- looks ---,,
Cinematic,"still of {prompt}, ""teal"" and orange","drawing, cartoon"
# a comment,x,y
"Two
lines", "a {prompt},
at dusk",
Short,just this
"""


@pytest.fixture
def presets(tmp_path: Path) -> Presets:
    return Presets(tmp_path / "presets")


def take(path: Path, presets: Presets, text: str | bytes) -> Report:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_styles(path, path.parent, presets, Wildcards())


def test_the_styles_of_a1111_are_taken_over(tmp_path: Path, presets: Presets) -> None:
    report = take(tmp_path / "styles.csv", presets, A1111)
    assert report == Report(saved=["Cinematic", "Two\nlines", "Short"], wordless=["None", "--- looks ---"])
    cinematic = presets.styles["cinematic"]
    assert (cinematic.prompt, cinematic.negative) == ('still of {prompt}, "teal" and orange', "drawing, cartoon")
    assert presets.styles["two-lines"].applied("cat", "") == ("a cat,\nat dusk", "")
    assert presets.styles["short"].suits("starter")


def test_the_columns_of_old_files_and_an_order_of_one_s_own_are_read(tmp_path: Path, presets: Presets) -> None:
    assert take(tmp_path / "old.csv", presets, "text,name\noil,Old\n").saved == ["Old"]
    assert presets.styles["old"].prompt == "oil"


def test_the_styles_of_fooocus_are_taken_over(tmp_path: Path, presets: Presets) -> None:
    entries = [
        {"name": "Neon", "prompt": "neon {prompt} . glow", "negative_prompt": "dull"},
        {"name": "Only", "negative_prompt": "x"},
    ]
    assert take(tmp_path / "sdxl.json", presets, json.dumps(entries)).saved == ["Neon", "Only"]
    assert presets.styles["only"].applied("a", "") == ("a", "x")


def test_nothing_is_overwritten(tmp_path: Path, presets: Presets) -> None:
    text = "name,prompt\nAnime,mine\nMine,one\nMine,two\nmine,one\n"
    report = take(tmp_path / "s.csv", presets, text)
    assert report.renamed == {"Anime": "Anime (2)", "Mine": "Mine (2)"}
    assert report.already == ["mine"]
    assert presets.styles["anime"].prompt != "mine"
    assert take(tmp_path / "s.csv", presets, text) == Report(already=["Anime", "Mine", "Mine", "mine"])
    assert len(list((tmp_path / "presets" / "styles").iterdir())) == 3


def test_each_of_many_equal_names_is_looked_up_once(
    tmp_path: Path, presets: Presets, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def reading(path: Path, kind: Any) -> Any:
        read.append(path)
        return read_toml(path, kind)

    monkeypatch.setattr(importing, "read_toml", reading)
    rows = "".join(f"Mine,words {number}\n" for number in range(40))
    assert len(take(tmp_path / "s.csv", presets, f"name,prompt\n{rows}").saved) == 40
    assert len(read) == len(set(read)) == 39


def test_a_name_too_long_to_be_numbered_is_told(tmp_path: Path, presets: Presets) -> None:
    name = "a" * saving.LONGEST
    report = take(tmp_path / "s.csv", presets, f"name,prompt\n{name},one\n{name},two\n")
    assert report.saved == [name]
    assert "too long to be numbered" in report.faults[0]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("s.csv", 'name,prompt\nBad,"a (b {prompt}"\nGood,x\n', "s.csv, row 2, 'Bad': ( is never closed. Close it"),
        ("s.csv", "name,prompt\nBad,__nothing__\nGood,x\n", "s.csv, row 2, 'Bad': There is no wildcard nothing."),
        ("s.csv", "name,prompt\n,a\nGood,x\n", "s.csv, row 2: it has no name."),
        ("s.csv", "name,prompt\nBad,a,b,c\nGood,x\n", "s.csv, row 2: 4 values for 2 columns."),
        ("s.csv", 'name,prompt\nGood,x\nBad,"a\n', "s.csv, row 3: a quote is not closed"),
        ("s.csv", "name,prompt\n???,a\nGood,x\n", "s.csv, row 2, '???': '???' is not a valid preset name."),
        (
            "s.json",
            '[7, {"name": "Bad", "prompt": 3}, {"name": "Good", "prompt": "x"}]',
            "s.json, entry 1: it is not an object of texts.",
        ),
    ],
)
def test_a_row_that_cannot_be_is_named_and_keeps_no_other_out(
    tmp_path: Path, presets: Presets, name: str, text: str, says: str
) -> None:
    report = take(tmp_path / name, presets, text)
    assert report.saved == ["Good"]
    assert report.faults[0].startswith(says)
    assert report.lines()[-1] == report.faults[-1]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("s.txt", "x", "s.txt is not a list of styles"),
        ("s.csv", "", "s.csv, row 1: the columns are nothing"),
        ("s.csv", "name,lora\n", "s.csv, row 1: the columns are name, lora"),
        ("s.json", b'["\xff"]', "s.json is not UTF-8"),
        ("s.json", "[", "s.json is not valid JSON.*line 1"),
        ("s.json", "{}", "s.json is not a list"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, presets: Presets, name: str, text: str | bytes, says: str
) -> None:
    with pytest.raises(InvalidPreset, match=says) as caught:
        take(tmp_path / name, presets, text)
    assert caught.value.hint
    assert not (tmp_path / "presets").exists()


def test_a_file_that_is_not_there_is_said(tmp_path: Path, presets: Presets) -> None:
    with pytest.raises(InvalidPreset, match=r"none\.csv cannot be read: No such file"):
        import_styles(tmp_path / "none.csv", tmp_path, presets, Wildcards())


ROW = ("Mist", "{prompt}, mïst", "sun")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_table_is_read_as_spreadsheets_save_it(tmp_path: Path, separator: str, encoding: str) -> None:
    quoted = separator.join(f'"{cell}"' for cell in ROW)
    head = separator.join(["Name", "Prompt", "Negative Prompt", "", "notes"])
    path = tmp_path / "s.csv"
    path.write_bytes(f"{head}\r\n--- MINE ---{separator * 4}\r\n{quoted}{separator * 3}\r\n".encode(encoding))
    presets = Presets(tmp_path / "presets")
    report = import_styles(path, tmp_path, presets, Wildcards())
    assert (report.saved, report.wordless, report.faults) == (["Mist"], ["--- MINE ---"], [])
    assert (presets.styles["mist"].prompt, presets.styles["mist"].negative) == ROW[1:]


def test_a_style_with_a_lora_in_its_negative_prompt_is_told_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text('name,prompt,negative_prompt\nMist,"{prompt}, mist","<lora:sketch:1>, sun"\n')
    report = import_styles(path, tmp_path, Presets(tmp_path / "presets"), Wildcards())
    assert report.saved == []
    assert "row 2, 'Mist': A negative prompt cannot use a LoRA" in report.faults[0]


def test_what_else_a_list_says_of_a_style_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(
        json.dumps([{"name": "Mist", "prompt": "mist", "negative_prompt": "", "preview": None, "order": 3}])
    )
    assert import_styles(path, tmp_path, Presets(tmp_path / "presets"), Wildcards()).saved == ["Mist"]


def test_columns_and_keys_that_are_left_out_are_told(tmp_path: Path, presets: Presets) -> None:
    report = take(tmp_path / "s.csv", presets, "name,prompt,negative_promt,colour\nMist,mist,sun,red\n")
    assert report.unread == ["negative_promt", "colour"]
    assert report.lines()[1:] == ["Left out: negative_promt. Did you mean negative_prompt?", "Left out: colour."]
    report = take(tmp_path / "s.json", presets, json.dumps([{"name": "Fog", "prompt": "fog", "promt": "x"}]))
    assert report.lines()[1:] == ["Left out: promt. Did you mean prompt?"]


def test_styles_by_their_names_are_read_too(tmp_path: Path, presets: Presets) -> None:
    report = take(tmp_path / "s.json", presets, json.dumps({"Neon": {"prompt": "neon"}, "Haze": {"prompt": "haze"}}))
    assert report.saved == ["Neon", "Haze"]


@pytest.mark.parametrize(
    ("above", "separator"),
    [("sep=;\r\n", ";"), ('"sep=,"\n', ","), ("sep=|\n", "|"), ("\n \nSEP=\t\n", "\t"), ("\n\n", ",")],
)
def test_the_line_in_which_a_spreadsheet_says_its_separator_is_read(tmp_path: Path, above: str, separator: str):
    path = tmp_path / "s.csv"
    rows = [["Negative_Prompt", "NAME", "prompt"], ["sun", "Mist", '"a ""b"", \n{prompt}"'], ["", "Bad", "(a"]]
    path.write_text(above + "\n".join(separator.join(row) for row in rows), encoding="utf-8-sig", newline="")
    presets = Presets(tmp_path / "presets")
    report = import_styles(path, tmp_path, presets, Wildcards())
    assert report.saved == ["Mist"]
    (fault,) = report.faults
    assert f"row {3 + above.count(chr(10))}" in fault
    assert [(style.prompt, style.negative) for style in presets.styles.values() if style.name == "Mist"] == [
        ('a "b", \n{prompt}', "sun")
    ]
