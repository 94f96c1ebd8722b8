import re
import unicodedata
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from studio.errors import InvalidPrompt
from studio.prompts.language import Lora
from studio.prompts.parser import parse
from studio.prompts.schedule import plan
from studio.prompts.variants import check, draw
from studio.prompts.ways import MOST_WAYS, every, longest
from studio.prompts.wildcards import Wildcards
from studio.settings import PRESETS


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def wildcards(home: Path) -> Wildcards:
    write(home / "fruit.txt", "apple\n\n# a comment\n  pear  # also one\nplum\n")
    write(home / "trees/oak.txt", "old oak")
    write(home / "trees/far/pine.txt", "tall {dark|light} pine")
    write(home / "mostly.txt", "99::yes\n.01::no\n0::never")
    return Wildcards(home)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def drawn(text: str, wildcards: Wildcards, seeds: int = 200) -> Counter[str]:
    return Counter(draw(text, seed, wildcards) for seed in range(seeds))


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("a {b|c}", {"a b", "a c"}),
        ("{ b | c }!", {"b!", "c!"}),
        ("{b}", {"b"}),
        ("{a|{b|c}d}", {"a", "bd", "cd"}),
        ("{2$$a|b|c}", {"a, b", "b, a", "a, c", "c, a", "b, c", "c, b"}),
        ("{a|b|2$$c}", {"a, b", "b, a", "a, c", "c, a", "b, c", "c, b"}),
        ("{1-2$$ and $$a|b}", {"a", "b", "a and b", "b and a"}),
        ("{-2$$/$$a|b}", {"a", "b", "a/b", "b/a"}),
        ("{1-$$+$$a|b}", {"a", "b", "a+b", "b+a"}),
        ("x{0-1$$, y}", {"x", "x, y"}),
        ("[{2$$|$$a|b}]", {"[a|b]", "[b|a]"}),
        ("{0::a|b}", {"b"}),
        ("{[a|b]|(c:1.2)|[d:e:0.5]}", {"[a|b]", "(c:1.2)", "[d:e:0.5]"}),
        ("<lora:{ink|oil}:{0.5|1}>", {f"<lora:{name}:{weight}>" for name in ("ink", "oil") for weight in ("0.5", "1")}),
        ("({a|b}:1.2)", {"(a:1.2)", "(b:1.2)"}),
        (r"\{a|b\} {c\||\}}", {r"\{a|b\} c\|", r"\{a|b\} \}"}),
        ("{a # x\n|b}", {"a", "b"}),
        ("# {a|\nb", {"# {a|\nb"}),
        ("__fruit__", {"apple", "pear", "plum"}),
        ("__FRUIT__", {"apple", "pear", "plum"}),
        ("{__fruit__|kiwi}", {"apple", "pear", "plum", "kiwi"}),
        ("{3$$+$$__fruit__}", {"+".join(order) for order in permutations(["apple", "pear", "plum"])}),
        ("__trees/*__", {"old oak", "tall dark pine", "tall light pine"}),
        ("__*oak__", {"old oak"}),
        (r"\__fruit__ a__b _ __", {r"\__fruit__ a__b _ __"}),
        ("costs $5, 100%, http://x.y/z", {"costs $5, 100%, http://x.y/z"}),
    ],
)
def test_what_can_be_drawn_is_drawn_and_nothing_else(text: str, possible: set[str], wildcards: Wildcards):
    assert set(drawn(text, wildcards)) == possible


def test_all_that_can_be_drawn_is_in_one_text_or_another(home: Path, wildcards: Wildcards):
    assert every("a {red|{blue|green}} cat {x|y}", wildcards) == ("a red cat x", "a blue cat y", "a green cat x")
    assert every("__trees/*__, {2$$a|b}", wildcards) == ("tall dark pine, a", "tall light pine, b", "old oak, a")
    assert every("a cat", wildcards) == ("a cat",)
    write(home / "long.txt", "\n".join(f"line {number}" for number in range(MOST_WAYS + 5)))
    assert len(every("__long__", wildcards)) == MOST_WAYS
    for number in range(12):
        write(home / f"l{number}.txt", f"__l{number + 1}____l{number + 1}__" if number < 11 else "word " * 100)
    with pytest.raises(InvalidPrompt, match="grow too large"):
        every("__l0__", wildcards)


def test_a_seed_draws_the_same_in_every_python(wildcards: Wildcards):
    text = "{a|b|c|d|e|f} {2$$a|b|c|d} __fruit__"
    assert [draw(text, seed, wildcards) for seed in (0, 1, 2**32 - 1)] == SAME


# What was drawn when this was written: an image's recipe is to draw it for ever.
SAME = ["f b, c apple", "a b, a plum", "e a, d plum"]


def test_a_later_variant_changes_nothing_before_it(wildcards: Wildcards):
    for seed in range(20):
        first = draw("{a|b|c} x", seed, wildcards)
        assert draw("{a|b|c} x {d|e}", seed, wildcards).startswith(first)


def test_prompt_and_negative_prompt_do_not_draw_in_step(wildcards: Wildcards):
    both = {(draw("{a|b}", s, wildcards), draw("{a|b}", s, wildcards, negative=True)) for s in range(40)}
    assert len(both) == 4


def test_weights_are_odds(wildcards: Wildcards):
    assert drawn("{3::a|b}", wildcards, 2000)["a"] == pytest.approx(1500, abs=80)
    assert drawn("{a|b|c}", wildcards, 3000)["c"] == pytest.approx(1000, abs=100)
    assert drawn("__mostly__", wildcards)["yes"] > 195


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        ("x {}", 3, "empty"),
        ("x {|}", 4, "empty"),
        ("x ${c}", 2, "no variable c here"),
        ("{${c=red}|b} {${c}|${c}}", 14, "no variable c here"),
        ("${c=red} ${c=blue}", 9, "c is set twice"),
        ("x ${}", 2, "name is missing"),
        ("x ${1=a}", 2, "name is missing"),
        ("x ${c=red", 2, r"\{ is never closed"),
        ("${c=a ${c}} x ${c}", 6, "c leads back to itself"),
        ("${a=${b}${b}} ${b=${a}} x ${a}", 18, "a leads back to itself"),
        ("${a=!__nothing__} x", 5, "no wildcard nothing"),
        ("__fruit(kind)__", 0, "no wildcard fruit"),
        ("__fruit(a=b, c)__", 12, "sets no variable"),
        ("__fruit(a=${b})__", 10, "no variable b"),
        ("${b=nuts} __${b}__", 10, "no wildcard nuts"),
        ("x {@a|b}", 3, "in turn"),
        ("x {2$$!a|b}", 6, "all combinations"),
        ("x __@colours__", 2, "in turn"),
        ("__season(when=dry)__", 0, "no wildcard season"),
        ("a girl, __hair colour__", 8, "no wildcard hair colour"),
        ("x { # only a comment\n}", 3, "empty"),
        ("x {a", 2, r"\{ is never closed"),
        ("x }", 2, "nothing for } to close"),
        ("{" * 65 + "a" + "}" * 65, 64, "deeper than 64"),
        ("x {3$$a|b}", 2, "There are 2 to choose from where 3"),
        ("x {2$$__trees/oak__}", 6, "There are 1 to choose from where 2"),
        ("x {0::a}", 2, "There are 0"),
        ("x {2-1$$a|b}", 3, "From 2 to 1"),
        ("x {2$$a|2$$b}", 8, "already say how many"),
        ("x {1.2.3::a|b}", 3, "“1.2.3” is not a weight"),
        ("x {-1::a|b}", 3, "“-1” is not a weight"),
        ("x __fruits__", 2, "There is no wildcard fruits"),
        ("x {a|__nothing/*__}", 5, "There is no wildcard"),
    ],
)
def test_a_fault_has_its_place(text: str, place: int, fault: str, wildcards: Wildcards):
    with pytest.raises(InvalidPrompt, match=fault) as caught:
        draw(text, 1, wildcards)
    assert caught.value.position == place
    assert caught.value.hint


def test_an_unknown_wildcard_is_an_error_whatever_is_drawn(wildcards: Wildcards):
    for seed in range(20):
        with pytest.raises(InvalidPrompt, match="Did you mean fruit"):
            draw("{99::a|__fruits__}", seed, wildcards)
    with pytest.raises(InvalidPrompt, match="fruits"):
        check("{a|__fruits__}", wildcards)


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"a": "x __a__"}, "a.txt, line 1: This list leads back to itself: a > a"),
        ({"a": "__b__", "b": "{__c__}", "c": "__a__"}, "a.txt, line 1: b.txt, line 1: c.txt, line 1: .*a > b > c > a"),
        ({"a": "# one\n\nred {blue"}, "a.txt, line 3: { is never closed"),
        ({"a": "__nope__"}, "a.txt, line 1: There is no wildcard nope"),
        ({"a": "1..2::x"}, "a.txt, line 1: “1..2” is not a weight"),
        ({"a": "\n# nothing\n"}, "The list a is empty"),
        (
            {name: f"__{after}__ __{after}__" for name, after in zip("abcdefghijklmn", "bcdefghijklmno", strict=True)}
            | {"o": "{0$$x}"},
            "draws more than 2000 times",
        ),
        ({"a": "x" * 3000 + "{" + "y" * 3000 + "}"}, "More than 4000 characters"),
        ({f"a{k or ''}": f"__a{k + 1}__" for k in range(70)} | {"a70": "x"}, "More than 64 lists"),
    ],
)
def test_a_fault_in_a_list_points_at_the_call(files: dict[str, str], fault: str, home: Path, wildcards: Wildcards):
    for name, text in files.items():
        write(home / f"{name}.txt", text)
    with pytest.raises(InvalidPrompt, match=fault) as caught:
        draw("see __a__", 1, wildcards)
    assert caught.value.position == 4


def test_a_list_that_is_no_text_is_an_error(home: Path, wildcards: Wildcards):
    (home / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidPrompt, match=r"a\.txt is not UTF-8"):
        draw("__a__", 1, wildcards)


def test_a_folder_that_is_not_there_has_no_lists(home: Path):
    assert set(Wildcards(home / "missing").files()) == set(Wildcards().files())


def test_ones_own_list_counts_over_the_projects(home: Path, wildcards: Wildcards):
    assert "colours" in wildcards.files()
    write(home / "colours.txt", "octarine")
    assert draw("__colours__", 1, wildcards) == "octarine"


def test_a_backslash_at_the_end_of_an_entry_escapes_nothing_behind_it(home: Path, wildcards: Wildcards):
    write(home / "a.txt", "x\\")
    assert draw("(__a__)", 1, wildcards) == "(x)"


@pytest.mark.parametrize("path", sorted((PRESETS / "wildcards").rglob("*.txt")), ids=lambda path: path.stem)
def test_every_list_of_the_project_can_be_drawn_from(path: Path):
    name = path.relative_to(PRESETS / "wildcards").with_suffix("")
    for seed in range(40):
        text = draw(f"__{name}__", seed, Wildcards())
        assert plan(parse(text), 10).strands[0].stages[0].text == text.strip()


def test_an_option_may_be_nothing_with_a_weight(wildcards: Wildcards):
    drawn = [draw("{3::|up|down} view", seed, wildcards) for seed in range(300)]
    assert set(drawn) == {" view", "up view", "down view"}
    assert 140 < drawn.count(" view") < 220


def test_what_draws_at_random_by_its_sign_is_read_so(wildcards: Wildcards):
    assert draw("{~red|red} __~colours__", 1, wildcards) == f"red {draw('{red|red} __colours__', 1, wildcards)[4:]}"
    assert draw(r"a \${b|b}, {2$$ and $${a|a}|{c|c}}", 1, wildcards).startswith(r"a \$b, ")


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("hair color", "hair color"),
        ("v1.5", "v1.5"),
        ("hair (long) [x]", "hair (long) [x]"),
        ("c#minor", "c#minor"),
        ("it's, & more", "it's, & more"),
        ("🦊", "🦊"),
        ("a|b", r"a\|b"),
        ("a{b}", r"a\{b\}"),
        ("x__y", r"x\__y"),
        (unicodedata.normalize("NFD", "Café"), "Café"),
        ("Café", unicodedata.normalize("NFD", "Café")),
        ("Loud", "loud"),
        ("plain", "plain.txt"),
        (" edges ", "edges"),
        ("deep/down here", "deep/down here"),
    ],
)
def test_any_name_that_a_list_can_have_calls_it(home: Path, wildcards: Wildcards, name: str, called: str):
    write(home / f"{name}.txt", "drawn")
    assert draw(f"a __{called}__, b", 1, wildcards) == "a drawn, b"


@pytest.mark.parametrize("text", ["snake__case, other__thing", "a __ b __ c", "____", "my__emb and other__emb"])
def test_underscores_that_call_nothing_are_words(text: str, wildcards: Wildcards):
    assert draw(text, 1, wildcards) == text


@pytest.mark.parametrize("name", ["my__style__v2", "__all__", "c#minor", "a{b}c", "x (old)"])
def test_a_lora_that_there_is_keeps_its_name_whatever_lists_it_could_call(home: Path, name: str):
    write(home / "style.txt", "drawn")
    lists = Wildcards(home, is_lora=lambda asked: asked == name)
    drawn = draw(f"a <lora:{name}:0.7> __style__", 1, lists)
    assert parse(drawn).loras == (Lora(name, 0.7, 0.7),)
    assert drawn.endswith(" drawn")


@pytest.mark.parametrize("names", [("Shrubs", "shrubs"), ("caf\u00e9", "cafe\u0301")])
def test_lists_that_a_name_does_not_tell_apart_are_told(home: Path, wildcards: Wildcards, names: tuple[str, str]):
    for name in names:
        write(home / f"{name}.txt", name)
    if len([path for path in home.glob("*.txt") if path.stem in names]) == len(names):  # not on every disk
        with pytest.raises(InvalidPrompt, match=r"may be .* or "):
            draw(f"a __{names[0].upper()}__", 1, wildcards)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("a {b|ccc|dd}", "a ccc"),
        ("{2$$a|bbb|cc}", "bbb, cc"),
        ("{1-$$ and $$a|bb}", "bb and a"),
        ("{0::never this|b}", "b"),
        ("{é|aa|雪}", "雪"),
        ("{a|{b|cc}d} __fruit__", "ccd apple"),
        ("__trees/**__ and __deep__", "tall light pine and x tall light pine"),
        ("${a={b|cc}} ${a}${c:{d|eee}}", "cceee"),
        ("${k={oak|far/pine}} __trees/${k}__", "tall light pine"),
        ("__${k:far}(x={y|zzz})__", "see zzz"),
        ("${c:a}${c:bb}", "abb"),
    ],
)
def test_the_longest_that_may_be_drawn_is_known_before_it_is_drawn(home, wildcards, text, most):
    write(home / "far.txt", "see ${x}\nsee")
    write(home / "deep.txt", "x __trees/far/pine__\ny {a|b}")
    assert longest(text, wildcards) == most
    assert max(len(draw(text, seed, wildcards).encode()) for seed in range(50)) <= len(most.encode())


def test_the_longest_of_lists_that_lead_back_to_themselves_is_none(home, wildcards):
    write(home / "one.txt", "a\n__other__")
    write(home / "other.txt", "__one__")
    with pytest.raises(InvalidPrompt, match="leads back to itself"):
        longest("__one__", wildcards)


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("${c=red} ${c} sky, ${c} sea", {"red sky, red sea"}),
        ("${c=!{red|blue}} ${c}, ${c}", {"red, red", "blue, blue"}),
        ("${c={red|blue}} ${c}, ${c}", {"red, red", "red, blue", "blue, red", "blue, blue"}),
        ("${c=!__trees/oak__} ${c}", {"old oak"}),
        ("a ${c:grey} cat", {"a grey cat"}),
        ("${c=red}a ${c:grey} cat", {"a red cat"}),
        ("a ${c:{x|y}}", {"a x", "a y"}),
        ("${c=a|b} [${c}]", {"[a|b]"}),
        ("${ c = red }${ c }${c : x}", {"redred"}),
        ("${a=red}${b=${a} and white} ${b}", {" red and white"}),
        ("${a=!{x|y}} ${b=!${a}${a}} ${b}", {"xx", "yy"}),
        ("{${c=red} ${d=x} ${c}|${c=blue} ${c}}", {"red", "blue"}),
        ("${c=red} {${c}|${c=blue} ${c}}", {"red", "blue"}),
        ("${c=red} ${c?=blue} ${c}", {"red"}),
        ("${c?=!{x|x}} ${c}", {"x"}),
        ("${Größe=weit} ${Größe}", {"weit"}),
        ("a${c=x}b ${c}", {"ab x"}),
        ("<lora:ink:${w}> ${w=0.5}", {"<lora:ink:0.5> "}),
        ("${x=2} [cat:dog:${x}]", {"[cat:dog:2]"}),
        (r"\${c} costs $5 and $", {r"\$c costs $5 and $"}),
        ("__wear(season=winter)__", {"in winter, winter coats"}),
        ("__wear( season = {winter|winter} , x=1)__", {"in winter, winter coats"}),
        ("__wear__", {"in summer, summer coats"}),
        ("${season=spring} __wear__", {"in spring, spring coats"}),
        ("{2$$__wear(season=a)__|b}", {"in a, a coats, b", "b, in a, a coats"}),
        ("${kind=fruit} __${kind}__", {"apple", "pear", "plum"}),
        ("${k=oak} {2$$ and $$__trees/${k}__|x}", {"old oak and x", "x and old oak"}),
        ("__${kind:trees}/oak__", {"old oak"}),
        ("__odd (a=b)__", {"named so"}),
    ],
)
def test_variables_say_what_they_are_set_to(home: Path, wildcards: Wildcards, text: str, possible: set[str]):
    write(home / "wear.txt", "in ${season:summer}, ${season:summer} coats")
    write(home / "odd (a=b).txt", "named so")
    assert set(drawn(text, wildcards)) == possible


def test_a_variable_that_a_list_lacks_is_told_at_its_call(home: Path, wildcards: Wildcards):
    write(home / "wear.txt", "# one\nin ${season}")
    with pytest.raises(InvalidPrompt, match=r"wear\.txt, line 2: There is no variable season") as caught:
        draw("see __wear__", 1, wildcards)
    assert caught.value.position == 4
    assert "${season=words}" in caught.value.hint


def test_variables_that_grow_without_end_are_refused(wildcards: Wildcards):
    grown = "".join(f"${{v{k}=${{v{k + 1}}}${{v{k + 1}}}}}" for k in range(40)) + "${v40=} ${v0}"
    with pytest.raises(InvalidPrompt, match="draws more than 2000 times"):
        draw(grown, 1, wildcards)
    with pytest.raises(InvalidPrompt, match="grow too large"):
        every(grown, wildcards)
    assert longest(grown.replace("${v40=}", "${v40=x}"), wildcards).startswith(" xxx")


def test_every_way_of_a_variable_is_in_one_text_or_another(wildcards: Wildcards):
    assert every("${c=!{red|blue}} a ${c} cat", wildcards) == ("a red cat", "a blue cat")
    assert every("${k={oak|far/pine}} __trees/${k}__", wildcards) == ("old oak", "tall dark pine", "tall light pine")


@pytest.mark.parametrize("name", ["more.yaml", "more.YML", "more.json"])
def test_lists_in_yaml_and_json_are_called_by_their_keys(home: Path, wildcards: Wildcards, name: str):
    (home / "sub").mkdir()
    write(
        home / name,
        """\
        {"beasts": ["{tom|tom}cat", "", "3::{dog|dog}"], "artists": {"dutch": ["Vermeer"], "n 1": ["a # note"]},
         "one": "alone", "odds": [{"text": "yes", "weight": 99}, {"content": "no", "weight": 0}, 7]}""",
    )
    write(home / "sub" / name.replace("more", "flat"), '["x"]')
    found = {"beasts", "artists/dutch", "artists/n 1", "one", "odds", "sub/flat"}
    assert found <= set(wildcards.files())
    assert not wildcards.faults()
    assert set(drawn("__beasts__", wildcards)) == {"tomcat", "dog"}
    assert draw("__artists/*__ __Artists/N 1__", 1, wildcards).split()[-1] == "a"
    assert set(drawn("__odds__ __one__ __sub/flat__", wildcards)) == {"yes alone x", "7 alone x"}
    write(home / name, '["changed"]')
    assert "beasts" not in wildcards.files()


def test_yaml_as_creators_write_it_is_read(home: Path, wildcards: Wildcards):
    write(
        home / "packs/p.yaml",
        "# mine\nCafé:\n  - yes\n  - 1.50\n  - '{red|red} __fruit__'\n  - 2026-01-01\n"
        "long:\n  - |\n    # use: __long__\n    soft ${f:toy},\n    square\nnone:\n",
    )
    assert set(drawn("__packs/Café__", wildcards)) == {"yes", "1.50", "red apple", "red pear", "red plum", "2026-01-01"}
    assert draw("__packs/long(f=cat)__", 1, wildcards).split() == ["soft", "cat,", "square"]


@pytest.mark.parametrize(
    ("name", "text", "fault", "kept"),
    [
        ("a.yaml", "x:\n  - red\n  - {a|b}\n", "line 3 is not text, and is left out", "red"),
        ("a.yaml", "x:\n  - red\n  - note: this\n", "line 3 is not text", "red"),
        ("a.json", '{"x": ["red", true, ["y"]]}', "entry 2 is not text", "red"),
        ("a.yaml", "x: a: b\n", "line 1, column 5: a colon stands within text", None),
        ("a.yaml", "x:\n\t- a\n", "line 2, column 1: a tab", None),
        ("a.yaml", "x:\n  - 'a\n", "a quote is never closed", None),
        ("a.yaml", "x:\n  - a\n y: 1\n", "line 3, column 2: its indentation", None),
        ("a.yaml", "x: [a]\nx: [b]\n", "has the key x twice, the second time in line 2", None),
        ("a.yaml", "x: &a [b]\ny: *a\n", r"refers to another place by \* in line 2", None),
        ("a.yaml", "x: [a]\n---\ny: [b]\n", "several documents", None),
        ("a.yaml", "[" * 5000, "nested more than 100", None),
        ("a.yaml", "- a\n" * 500_001, "more than 500,000 values", None),
        ("a.yaml", "just words", "holds no lists", None),
        ("a.yaml", "x: !!python/object/apply:os.system [ls]", "", "ls"),
        ("a.json", '{"x": [', "is not valid JSON", None),
        ("a.yaml", "x: [\x01]", "characters that text cannot have", None),
    ],
)
def test_what_a_file_of_lists_cannot_say_is_told_and_the_rest_works(
    home: Path, wildcards: Wildcards, name: str, text: str, fault: str, kept: str | None
):
    write(home / name, text)
    faults = list(wildcards.faults().values())
    assert re.search(fault, faults[0].message) if fault else not faults
    assert all(one.hint for one in faults)
    assert ("x" in wildcards.files()) is (kept is not None)
    assert draw("__trees/oak__" if kept is None else "__x__", 1, wildcards) == (kept or "old oak")


def test_a_fault_in_a_yaml_list_names_its_line(home: Path, wildcards: Wildcards):
    write(home / "a.yaml", "x:\n  - '{red'\n")
    with pytest.raises(InvalidPrompt, match=r"a\.yaml, line 2 \(x\): \{ is never closed"):
        draw("__x__", 1, wildcards)
