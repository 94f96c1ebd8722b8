from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from studio import image_features
from studio.errors import InvalidRequest, NotFound
from studio.gate.identity import COMMAND_LINE
from studio.library import Entry, alike
from studio.library.files import Library
from studio.library.rows import add_scores
from studio.metadata.writing import Writing
from studio.pixels import digest
from studio.recipe import ImageToImageRecipe, Lora, Variation
from tests.drawer import resolved
from tests.library.shelf import ANN, BOB, Shelf, prompts


def test_a_saved_picture_is_found_with_all_that_its_file_tells(shelf: Shelf):
    made = shelf.save("a red house", seed=42, loras=(Lora(name="ink-wash"),), negative_prompt="blurry")
    (entry,) = shelf.index.search("house", ANN).entries
    assert entry == made
    assert entry.path
    assert entry.path.is_file()
    assert (entry.models, entry.loras, entry.seed, entry.steps) == (("starter",), ("ink-wash",), 42, 2)
    assert (entry.task, entry.kind, entry.width, entry.scheduler) == ("text2img", "images", 16, "Euler")
    assert entry.negative_prompt == "blurry"
    assert entry.bytes == entry.path.stat().st_size


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", "abcd"),
        ("red", "ab"),
        ("red house", "ab"),
        ("red blue", "b"),
        ('"red house"', "ab"),
        ('"house red"', ""),
        ("hous", "ab"),
        ('"hous"', ""),
        ("RED -house", ""),
        ("-red", "cd"),
        ("red -blue", "a"),
        ("猫", "c"),
        ("黑猫", "c"),
        ("猫黑", ""),
        ("ＣＡＦＥ", "d"),
        ("café", "d"),
        ("lora:INK", "a"),
        ("lora:=ink", ""),
        ("-lora:ink", "bcd"),
        ("model:start seed:1", "a"),
        ("seed:2..3", "bc"),
        ("seed:>=3", "cd"),
        ("negative:blurry", "b"),
        ("negative:red", ""),
        ("blurry", ""),
        ("size:16x16 steps:<30", "abcd"),
        ("size:>16", ""),
        ("date:today", "abcd"),
        ("date:2020..2021", ""),
        ("kind:text2img -kind:inpaint", "abcd"),
        ("scheduler:euler", "abcd"),
        ("score:>6", "a"),
        ("-score:>6", "bcd"),
        ("sharpness:<0.5", "b"),
        ("!!!", ""),
        ("🦊", "d"),
    ],
)
def test_words_and_filters_find(shared: Shelf, search: str, found: str):
    names = {"a red house": "a", "a red house and a blue one": "b", "一只黑猫": "c", "un Café 🦊": "d"}
    assert "".join(sorted(names[prompt] for prompt in shared.found(search))) == found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    shelf = Shelf(tmp_path_factory.mktemp("library") / "home")
    made = [
        shelf.save("a red house", seed=1, loras=(Lora(name="ink-wash"),)),
        shelf.save("a red house and a blue one", seed=2, negative_prompt="blurry"),
        shelf.save("一只黑猫", seed=3),
        shelf.save("un Café 🦊", seed=4),
    ]
    with shelf.index._context.database.write() as rows:
        add_scores(rows, made[0].job, 0, {"aesthetic": 7.0, "sharpness": 0.9})
        add_scores(rows, made[1].job, 0, {"aesthetic": 5.0, "sharpness": 0.1})
    return shelf


def test_pages_follow_each_other_while_pictures_come_and_go(shelf: Shelf):
    for number in range(7):
        shelf.save(f"number {number}")
    first = shelf.index.search("number", ANN, count=3)
    assert (prompts(first.entries), first.total) == (["number 6", "number 5", "number 4"], 7)
    shelf.save("number 7")
    second = shelf.index.search("number", ANN, first.next, 3)
    assert (prompts(second.entries), second.total) == (["number 3", "number 2", "number 1"], 8)
    third = shelf.index.search("number", ANN, second.next, 3)
    assert (prompts(third.entries), third.next) == (["number 0"], "")
    assert prompts(shelf.index.search("", ANN, 6, 5).entries) == ["number 1", "number 0"]
    assert prompts(shelf.index.search("", ANN, count=2, order="oldest").entries) == ["number 0", "number 1"]
    assert len(shelf.index.ids("number", ANN)) == 8


def test_pages_by_score_end_with_what_has_none(shared: Shelf):
    first = shared.index.search("", ANN, count=2, order="score")
    assert prompts(first.entries) == ["a red house", "a red house and a blue one"]
    assert len(shared.index.search("", ANN, first.next, 5, "score").entries) == 2


def test_a_place_that_is_none_is_refused_in_words(shared: Shelf):
    with pytest.raises(InvalidRequest, match="not a place"):
        shared.index.search("", ANN, "nonsense")


def test_a_stranger_finds_nothing_and_their_ids_are_unknown(shelf: Shelf):
    entry = shelf.save("a secret")
    index = shelf.index
    assert index.search("", BOB).total == 0
    assert index.facets(BOB)["model"] == ()
    assert entry.path
    assert index.at(entry.path, BOB) is None
    tries = [
        lambda: index.entry(entry.id, BOB),
        lambda: index.entries([entry.id], BOB),
        lambda: index.thumbnail(entry.id, BOB),
        lambda: index.lineage.came_from(entry.id, BOB),
        lambda: index.lineage.made_from(entry.id, BOB),
        lambda: index.marks.star([entry.id], BOB),
        lambda: index.marks.rate([entry.id], 5, BOB),
        lambda: index.marks.note(entry.id, "mine", BOB),
        lambda: index.marks.tag([entry.id], BOB, add=["mine"]),
        lambda: index.marks.bin([entry.id], BOB),
        lambda: index.marks.restore([entry.id], BOB),
        lambda: index.marks.empty_bin(BOB, [entry.id]),
        lambda: index.exports.zip([entry.id], BOB),
        lambda: index.exports.sidecar(entry.id, BOB),
    ]
    for attempt in tries:
        with pytest.raises(NotFound):
            attempt()
    assert index.entry(entry.id, ANN) == entry
    assert index.usages.of(BOB).count == 0


def test_the_command_line_tells_everybodys_pictures(shelf: Shelf):
    shelf.save("of ann")
    shelf.save("of bob", BOB)
    assert shelf.found("", COMMAND_LINE) == ["of bob", "of ann"]
    assert shelf.found("", BOB) == ["of bob"]


def test_facets_count_what_is_shown_and_their_terms_find_it(shelf: Shelf):
    shelf.save("a", loras=(Lora(name="ink wash"),))
    entry = shelf.save("b", loras=(Lora(name="ink wash"),))
    (lora,) = shelf.index.facets(ANN)["lora"]
    assert (lora.name, lora.count) == ("ink wash", 2)
    assert shelf.found(lora.term) == ["b", "a"]
    shelf.index.marks.bin([entry.id], ANN)
    assert shelf.index.facets(ANN)["lora"][0].count == 1


def test_what_is_counted_as_pictures_come_and_go_is_what_there_is(shelf: Shelf):
    first = shelf.save("a", loras=(Lora(name="ink"),))
    second = shelf.save("b", loras=(Lora(name="ink"), Lora(name="pen")))
    shelf.save("c", BOB, loras=(Lora(name="ink"),))
    marks = shelf.index.marks
    marks.tag([first.id, second.id], ANN, add=["sea"])
    marks.star([second.id], ANN, on=True)
    marks.bin([first.id], ANN)
    marks.tag([first.id], ANN, add=["boat"], remove=["sea"])
    assert second.path
    second.path.unlink()
    shelf.index.look()
    shelf.save("d", loras=(Lora(name="pen"),))
    marks.restore([first.id], ANN)
    marks.bin([first.id], ANN)
    marks.empty_bin(ANN)
    kept = shelf.save("e", loras=(Lora(name="pen"),))
    marks.tag([kept.id], ANN, add=["sky"])
    shelf.index.reindex()
    for who in (ANN, BOB):
        for facets in shelf.index.facets(who).values():
            for facet in facets:
                assert shelf.index.search(facet.term, who).total == facet.count, facet
        for one in shelf.index.usages.sums(who):
            assert not one.binned
            found = shelf.index.search(f"star:{'yes' if one.star else 'no'}", who).entries
            assert (len(found), sum(entry.bytes for entry in found)) == (one.count, one.bytes)
    assert {facet.name: facet.count for facet in shelf.index.facets(ANN)["lora"]} == {"pen": 2}
    assert {facet.name for facet in shelf.index.facets(ANN)["tag"]} == {"sky"}


def test_the_colour_of_each_picture_is_told_before_it_is_there(shelf: Shelf):
    for colour in ("red", "blue"):
        keep(shelf, colour, Image.new("RGB", (40, 30), colour))
    assert shelf.index.tints("", ANN, 0, 10) == [0x0000FF, 0xFF0000]
    assert shelf.index.tints("", ANN, 1, 10) == [0xFF0000]
    assert shelf.index.tints("", BOB, 0, 10) == []
    assert [entry.tint for entry in shelf.index.search("", ANN).entries] == [0x0000FF, 0xFF0000]


def test_a_picture_that_came_by_hand_is_looked_at_in_the_background(shelf: Shelf):
    keep(shelf, "green", Image.new("RGB", (40, 30), "#008000"))
    for path in shelf.settings.home.glob("studio.sqlite*"):
        path.unlink()
    anew = shelf.again()
    anew.index.look()
    broken = anew.save("broken")
    assert broken.path
    assert anew.index.tints("", ANN, 0, 10)[1:] == [-1]
    anew.index.looks.fill(lambda: True)
    assert anew.index.tints("", ANN, 0, 10)[1:] == [-1], "it was stopped"
    anew.index.looks.fill(lambda: False)
    (green,) = anew.index.tints("", ANN, 0, 10)[1:]
    assert [*green.to_bytes(3)] == pytest.approx([0, 128, 0], abs=4)


@pytest.mark.usefixtures("looks_in_passing")
@pytest.mark.parametrize("package", ["", "no_such_package"])
def test_pictures_are_found_that_look_like_one(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, package: str):
    if package:
        monkeypatch.setattr("studio.image_features.PACKAGE", package)
    elif find_spec(image_features.PACKAGE) is None:
        pytest.skip("the package is not installed")
    assert shelf.index.sees is not bool(package)
    one = keep(shelf, "stripes", stripes("red"))
    keep(shelf, "disc", disc("red"))
    keep(shelf, "more stripes", stripes("#d02010"))
    wanted = shelf.index.alike(one.id, ANN)  # which imports what the network needs, so that the others are looked at
    shelf.index.looks.fill(lambda: False)
    found = shelf.index.search(str(wanted), ANN)
    assert prompts(found.entries) == ["stripes", "more stripes", "disc"]
    with pytest.raises(NotFound):
        shelf.index.alike(one.id, BOB)
    with pytest.raises(NotFound):
        shelf.index.search(f"like:{one.id}", BOB)
    with pytest.raises(InvalidRequest, match="is not the id of a picture"):
        shelf.index.search("like:stripes", ANN)


def stripes(colour: str) -> Image.Image:
    made = Image.new("RGB", (128, 128), "white")
    for left in range(0, 128, 32):
        made.paste(colour, (left, 0, left + 16, 128))
    return made


def disc(colour: str) -> Image.Image:
    made = Image.new("RGB", (128, 128), "white")
    ImageDraw.Draw(made).ellipse((16, 16, 112, 112), colour)
    return made


def keep(shelf: Shelf, prompt: str, image: Image.Image) -> Entry:
    """Save this very picture."""
    saved = shelf.library.save(image, resolved(prompt, side=16), {}, seconds=0.5, job=f"of {prompt}", index=0, who=ANN)
    shelf.library.record(saved, ANN, lambda: None)
    found = shelf.index.at(saved.path, ANN)
    assert found
    return found


def test_a_thumbnail_is_made_once_and_small(shelf: Shelf):
    entry = shelf.save("a")
    small = shelf.index.thumbnail(entry.id, ANN)
    stamp = small.stat().st_mtime_ns
    assert (small.suffix, small.is_relative_to(shelf.settings.home / "thumbnails")) == (".webp", True)
    assert shelf.index.thumbnail(entry.id, ANN).stat().st_mtime_ns == stamp


def test_what_it_came_from_and_what_was_made_from_it_is_a_tree(shelf: Shelf):
    first = shelf.save("first")
    base = resolved("second", side=16)
    values = {**base.model_dump(exclude_none=True), "init_image": first.digest, "strength": 0.5}
    second = shelf.save(recipe=ImageToImageRecipe(**values))
    varied = shelf.save("first", seed=first.seed, variation=Variation(strength=0.2, seed=9))
    (source,) = shelf.index.lineage.came_from(second.id, ANN)
    assert source.link.entry == first
    assert source.link.role == "init_image"
    made = shelf.index.lineage.made_from(first.id, ANN)
    assert {(tree.link.role, tree.link.entry and tree.link.entry.id) for tree in made} == {
        ("init_image", second.id),
        ("variation", varied.id),
    }
    (origin,) = shelf.index.lineage.came_from(varied.id, ANN)
    assert origin.link.entry == first


def test_a_lossy_picture_is_known_by_the_pixels_that_its_file_has(shelf: Shelf):
    shelf.library = Library(shelf.folder, shelf.index, Writing("jpeg"))
    entry = shelf.save("a")
    assert entry.path
    with Image.open(entry.path) as image:
        assert entry.digest == digest(image)
    shelf.index.reindex()
    assert shelf.index.entry(entry.id, ANN) == entry


@pytest.mark.skipif(find_spec("wordllama") is None, reason="the package is not installed")
def test_prompts_are_found_by_what_they_mean(shelf: Shelf):
    for prompt in ("a quiet lake at dawn", "a knight in armour", "", "gentle waves on a calm beach"):
        shelf.save(prompt)
    page = shelf.index.search('about:"something calm by the water"', ANN, count=1)
    assert (page.entries[0].prompt, page.total) == ("gentle waves on a calm beach", 2)
    after = shelf.index.search('about:"something calm by the water"', ANN, page.next, 5)
    assert (prompts(after.entries), after.next) == (["a quiet lake at dawn"], "")
    assert shelf.found('about:"something calm by the water" dawn') == ["a quiet lake at dawn"]
    assert len(shelf.index.ids("about:ocean", ANN)) == 1
    assert shelf.index.search("about:ocean", BOB).total == 0
    with pytest.raises(InvalidRequest, match="sorted by how near they are"):
        shelf.index.search("-about:ocean", ANN)


@pytest.mark.skipif(find_spec("wordllama") is None, reason="the package is not installed")
def test_more_like_one_are_those_whose_prompts_mean_the_same(shelf: Shelf):
    one = shelf.save('a "quiet" lake at dawn')
    shelf.save("gentle waves on a calm beach")
    shelf.save("a knight in armour")
    found = shelf.index.search(str(shelf.index.like(one.id, ANN)), ANN)
    assert prompts(found.entries)[:2] == ['a "quiet" lake at dawn', "gentle waves on a calm beach"]
    with pytest.raises(NotFound):
        shelf.index.like(one.id, BOB)
    with pytest.raises(InvalidRequest, match="no prompt"):
        shelf.index.like(shelf.save("").id, ANN)


def test_without_its_package_a_search_by_meaning_says_what_helps(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("studio.library.meaning.PACKAGE", "no_such_package")
    assert not shelf.index.knows_meanings
    with pytest.raises(InvalidRequest, match="wordllama") as error:
        shelf.index.search("about:ocean", ANN)
    assert "pip install" in error.value.hint


CHIPS = st.text(min_size=1, max_size=12).filter(str.strip).map(lambda text: f'tag:"{text}"')
ODD = ["\u20dd", "\u20dd" * 3, "a\0b", "\ud800", "tag:\ud800", "file:%_\\", "AND", 'NEAR(a "b")']


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=30), CHIPS), st.one_of(st.integers(), st.text(max_size=12)))
def test_no_search_breaks_anything(shared: Shelf, text: str, position: int | str):
    with suppress(InvalidRequest):
        shared.index.search(text, ANN, position)


@pytest.mark.parametrize("text", ODD)
def test_odd_signs_are_searched_for_or_refused_in_words(shared: Shelf, text: str):
    with suppress(InvalidRequest):
        shared.index.search(text, ANN)


@pytest.mark.parametrize("position", ["1/2/3", "9" * 30, "1.5/" + "9" * 30, "-1", "nan/1", 10**30, -5])
def test_odd_places_are_taken_or_refused_in_words(shared: Shelf, position: int | str):
    with suppress(InvalidRequest):
        shared.index.search("", ANN, position)


def test_ids_that_are_no_text_are_unknown(shared: Shelf):
    for attempt in (
        lambda: shared.index.entry("\ud800", ANN),
        lambda: shared.index.marks.star(["\ud800"], ANN),
        lambda: shared.index.marks.remove_board("\ud800", ANN),
    ):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(InvalidRequest):
        shared.index.marks.note(shared.index.ids("", ANN)[0], "\ud800", ANN)


def test_the_network_looks_at_pictures_in_passing_only_where_torch_is_there_already(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(image_features, "available", lambda: True)
    monkeypatch.setattr(image_features, "sys", SimpleNamespace(modules={}))
    assert not image_features.at_hand()
    monkeypatch.setattr(image_features, "sys", SimpleNamespace(modules={"torch": None}))
    assert image_features.at_hand()


def test_a_picture_that_breaks_what_looks_at_it_keeps_no_other_from_being_seen(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
):
    for name, image in (("disc", disc("red")), ("stripes", stripes("red"))):
        keep(shelf, name, image)
    for path in shelf.settings.home.glob("studio.sqlite*"):
        path.unlink()
    anew = shelf.again()
    anew.index.look()
    monkeypatch.setattr(alike, "look_of", broken_once(alike.look_of))
    anew.index.looks.fill(lambda: False)
    assert [tint == -1 for tint in anew.index.tints("", ANN, 0, 10)].count(True) == 1


def broken_once(see: Callable[[Image.Image], bytes]) -> Callable[[Image.Image], bytes]:
    """The same, but that it fails the first time."""
    left = iter([ValueError("no such picture")])

    def look_of(opened: Image.Image) -> bytes:
        if fault := next(left, None):
            raise fault
        return see(opened)

    return look_of
