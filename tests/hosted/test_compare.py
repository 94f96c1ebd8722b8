"""Comparisons: every cell is made once and paid once, whatever stops in between, and no column disturbs another."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.compare import sheets
from studio.compare.making import Compare
from studio.compare.store import Cell, Comparison, Contestant, Line, read_lines
from studio.errors import Refused, StudioError
from studio.metadata import own
from studio.resolve.hosted import plain
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.hosted.service import KEY, Service
from tests.people import who

ME = "me"
PROMPTS = [Line("a red house", ("house",)), Line("a blue boat", ("boat",))]


def made(compare: Compare, *names: str, lines: list[Line] = PROMPTS, **more: Any) -> Comparison:
    """A finished comparison of these models."""
    name = compare.create(who(ME), lines, [compare.column(name, who(ME)) for name in names], **more)
    return finished(compare, name)


def finished(compare: Compare, name: str, owner: str = ME, *, here: bool = True) -> Comparison:
    compare.start(name, who(owner, here=here))
    return ended(compare, name, owner)


def ended(compare: Compare, name: str, owner: str = ME) -> Comparison:
    """The comparison when nothing more comes of it."""
    for job in compare.jobs(compare.store.get(name, owner), who(owner)):
        list(job.follow())
    return compare.get(name, who(owner))


def cost(cell: Cell) -> float:
    return cell.picture.cost_usd or 0


def states(comparison: Comparison) -> list[str]:
    return [cell.state for cell in comparison.cells]


def until(compare: Compare, name: str, true: Callable[[Comparison], bool]) -> Comparison:
    """Wait for what is to become true of a comparison."""
    while not true(now := compare.get(name, who(ME))):
        time.sleep(0.01)
    return now


def test_local_and_hosted_models_draw_the_same_prompts_with_one_seed(compare: Compare, service: Service):
    whole = made(compare, "starter?steps=2&width=64&height=64", "openai:gpt-image-2", "openai:dall-e-3", seed=7)
    assert set(states(whole)) == {"done"}
    local, hosted, old = whole.cells[:3]
    assert (local.seed, hosted.seed, whole.cost_usd(local)) == (7, None, 0)
    assert (local.picture.width, hosted.picture.width) == (64, 96)
    assert cost(hosted) == pytest.approx(0.03006)
    assert (old.picture.revised, cost(old)) == ("a red house, in detail", 0.04)
    recipe = own.read(Path(hosted.path))
    assert (recipe.model, recipe.prompt, recipe.seed) == ("openai:gpt-image-2", "a red house", 7)
    assert whole.total_usd == pytest.approx(2 * (0.03006 + 0.04))
    assert compare.studio.hosted.budget.spent() == pytest.approx(whole.total_usd)
    (job,) = {cell.job for cell in whole.cells}
    assert len(compare.studio.job(job, who(ME)).items) == 6, "one job makes local and hosted cells"


def test_a_fault_is_a_cell_of_its_own_and_is_tried_again_while_the_rest_stays(compare: Compare, service: Service):
    service.behaviours |= {"gpt-image-2": "moderated", "dall-e-3": "cut"}
    whole = made(compare, "starter", "openai:gpt-image-2", "openai:dall-e-3", "openai:dall-e-2")
    assert states(whole) == ["done", "failed", "failed", "done"] * 2
    assert [cell.kind for cell in whole.cells[:4]] == ["", "moderated", "answer_cut_off", ""]
    assert all(cell.hint for cell in whole.cells if cell.state == "failed")
    service.behaviours.clear()
    again = finished(compare, whole.id)
    assert set(states(again)) == {"done"}
    assert service.paid["dall-e-2", "a red house"] == 1
    keys = [one.headers["idempotency-key"] for one in service.asked if one.body["prompt"] == "a red house"]
    asked = [one.body["model"] for one in service.asked if one.body["prompt"] == "a red house"]
    by_model = {model: {key for key, one in zip(keys, asked, strict=True) if one == model} for model in asked}
    assert len(by_model["gpt-image-2"]) == 2, "a refusal is over; the next try is another call"
    assert len(by_model["dall-e-3"]) == 1, "what broke off may have been paid for; the next try is the same call"


def test_stop_is_at_once_and_what_still_comes_is_kept(compare: Compare, service: Service):
    service.behaviours["dall-e-3"] = "slow"
    lines = [Line(f"prompt {number}") for number in range(5)]
    name = compare.create(who(ME), lines, [compare.column("openai:dall-e-3", who(ME))])
    compare.start(name, who(ME))
    for _ in range(3):
        service.began.acquire()
    compare.stop(name, who(ME))
    stopped = compare.get(name, who(ME))
    assert not compare.running(stopped, who(ME))
    assert compare.coming(stopped, who(ME))
    assert set(states(stopped)) == {"stopped"}
    # Going on meanwhile asks nobody twice.
    compare.start(name, who(ME))
    assert compare.running(compare.get(name, who(ME)), who(ME))
    service.gate.set()
    assert set(states(ended(compare, name))) == {"done"}
    assert sorted(service.paid.values()) == [1] * 5


def test_hosted_cells_do_not_wait_for_the_device(tmp_path: Path, surroundings: None, service: Service):
    drawer = Drawer(gated=True)
    with Studio(Settings.load(home=tmp_path / "home"), backend=drawer) as studio:
        compare = Compare(studio)
        columns = [compare.column(name, who(ME)) for name in ("starter?steps=2", "openai:dall-e-3")]
        name = compare.create(who(ME), PROMPTS, columns)
        compare.start(name, who(ME))
        until(compare, name, lambda now: [now.cell(line, 1).state for line in (0, 1)] == ["done"] * 2)
        assert "done" not in {compare.get(name, who(ME)).cell(line, 0).state for line in (0, 1)}
        compare.stop(name, who(ME))
        drawer.allow(99)
        until(compare, name, lambda now: [now.cell(line, 0).state for line in (0, 1)] == ["stopped"] * 2)


def test_a_comparison_is_extended_by_prompts_and_columns_and_makes_only_what_is_new(compare: Compare, service: Service):
    whole = made(compare, "openai:dall-e-3")
    compare.extend(
        whole.id, who(ME), [Line("a green hill")], [compare.column("openai:gpt-image-2?quality=low", who(ME))]
    )
    whole = finished(compare, whole.id)
    assert set(states(whole)) == {"done"}
    assert len(whole.cells) == 6
    assert set(service.paid.values()) == {1}
    assert whole.columns[1].contestant == "GPT Image 2 (quality low)"


def test_imported_pictures_are_a_column(compare: Compare, studio: Studio):
    picture = studio.inputs.add(Image.new("RGB", (40, 30), "red"))
    kept = Contestant("imported", "imported", "DALL-E 3, kept", {"0": picture.id})
    whole = compare.store.get(compare.create(who(ME), PROMPTS, [kept]), ME)
    assert states(whole) == ["done", "empty"]
    assert (whole.cells[0].picture.width, whole.cells[0].picture.height) == (40, 30)


def test_a_forgotten_comparison_leaves_no_job_and_keeps_what_is_paid_for(compare: Compare, service: Service):
    service.behaviours["dall-e-3"] = "slow"
    name = compare.create(who(ME), PROMPTS, [compare.column("openai:dall-e-3", who(ME))])
    compare.start(name, who(ME))
    for _ in PROMPTS:
        service.began.acquire()
    (job,) = compare.jobs(compare.get(name, who(ME)), who(ME))
    compare.forget(name, who(ME))
    with pytest.raises(StudioError, match="no such comparison"):
        compare.get(name, who(ME))
    service.gate.set()
    list(job.follow())
    while compare.studio.jobs_of(who(ME)):
        time.sleep(0.01)
    assert len(list(compare.studio.library.folder.rglob("*.png"))) == 2


def test_what_a_hosted_model_takes_of_a_shared_prompt_is_its_words(compare: Compare, studio: Studio, service: Service):
    style = next(iter(studio.presets.styles))
    lines = [Line("a (red:1.3) house <lora:ink:1>")]
    made(compare, "openai:dall-e-3", lines=lines, base={"styles": (style,), "negative_prompt": "fog"})
    (words,) = [one.body["prompt"] for one in service.asked]
    assert "a red house" in words
    assert len(words) > len("a red house")
    assert "ink" not in words


def test_one_column_that_cannot_be_made_disturbs_no_other(compare: Compare, service: Service):
    picture = compare.studio.inputs.add(Image.new("RGB", (40, 30), "red")).id
    whole = made(compare, "openai:dall-e-3", "openai:gpt-image-2", base={"init_image": picture})
    assert states(whole) == ["failed", "done"] * 2
    assert "cannot change a picture" in whole.cells[0].message
    assert states(finished(compare, whole.id)) == ["failed", "done"] * 2, "and is refused again"
    assert set(service.paid.values()) == {1}


def test_a_comparison_is_its_owner_s_alone(compare: Compare):
    name = compare.create(who(ME), PROMPTS, [compare.column("starter", who(ME))])
    with pytest.raises(Exception, match="no such comparison"):
        compare.store.get(name, "somebody else")
    assert compare.store.of("somebody else") == []


def test_one_person_s_key_serves_nobody_else(
    compare: Compare, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.delenv("OPENAI_API_KEY")
    compare.studio.hosted.keys.put(who(ME), "openai", KEY)
    assert set(states(made(compare, "openai:dall-e-3"))) == {"done"}
    other = compare.create(who("other"), PROMPTS, [compare.column("openai:dall-e-3", who(ME))])
    assert {cell.kind for cell in finished(compare, other, "other").cells} == {"key_refused"}
    held = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert held == [], "the key is in no file"
    assert KEY not in repr(vars(compare.studio.hosted.keys))


def test_a_page_for_strangers_spends_no_key_of_the_environment_and_asks_no_address(
    tmp_path: Path, surroundings: None, service: Service
):
    settings = Settings.load(home=tmp_path / "home", host="0.0.0.0")
    with Studio(settings, backend=Drawer()) as studio:
        compare = Compare(studio)
        with pytest.raises(Refused, match="only uses addresses"):
            compare.column(f"{service.address}:m", who(ME, here=False))
        name = compare.create(who(ME), PROMPTS, [compare.column("openai:dall-e-3", who(ME, here=False))])
        assert {cell.kind for cell in finished(compare, name, here=False).cells} == {"key_refused"}


MISTAKES = {
    "no such model": ("nothing", "nothing"),
    "no such host": ("nobody:m", "openai"),
    "no model at the address": ("http://127.0.0.1:1/v1", "https://example.org/v1:model"),
    "a password in the address": ("http://me:word@127.0.0.1/v1:m", "no name or password"),
    "a setting that it lacks": ("openai:dall-e-3?background=auto", "size, quality, style"),
    "a choice that it lacks": ("openai:dall-e-3?quality=best", "standard, hd"),
    "a local setting out of range": ("starter?steps=0", "steps"),
}


@pytest.mark.parametrize(("name", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_column_that_cannot_be_says_why(compare: Compare, name: str, says: str):
    with pytest.raises(StudioError, match=says):
        compare.column(name, who(ME))


def test_what_is_shown_at_most_covers_the_longest_words_that_may_be_drawn(compare: Compare):
    column = compare.column("openai:gpt-image-2", who(ME))

    def most(words: str) -> float:
        return compare.estimate([Line(words)], [column], {}).usd

    words = "a red house at the sea " * 20
    folder = compare.studio.settings.home / "wildcards"
    folder.mkdir(parents=True)
    (folder / "long.txt").write_text(f"{words}\nshort\n")
    said = most(words.strip())
    assert said
    for open_words in (f"{{a|{words}}}", "__long__"):
        dearest = most(open_words)
        assert dearest >= said
        sent = {
            plain(open_words, seed, compare.studio.presets, compare.studio.prompt_assets.wildcards) for seed in range(8)
        }
        assert len(sent) == 2
        assert all(dearest >= most(one) for one in sent)
    assert compare.estimate([Line("__nowhere__")], [column], {}).unknown == 1, "nobody knows what it becomes"


def test_braces_that_are_meant_as_such_are_paid_for_as_they_are_sent(tmp_path: Path, surroundings: None):
    settings = Settings.load(home=tmp_path / "home", day_budget_usd=1)
    with Studio(settings, backend=Drawer()) as studio:
        whole = made(Compare(studio), "openai:gpt-image-2", lines=[Line(r"a \{b house")])
        assert [cell.kind for cell in whole.cells] == [""]


def test_calls_at_once_cannot_spend_more_than_the_day_s_budget(tmp_path: Path, surroundings: None, service: Service):
    settings = Settings.load(home=tmp_path / "home", day_budget_usd=0.1)
    with Studio(settings, backend=Drawer()) as studio:
        compare = Compare(studio)
        assert compare.estimate(PROMPTS, [compare.column("openai:dall-e-3", who(ME))], {}).usd == pytest.approx(0.08)
        asked, style = (
            [compare.column("openai:gpt-image-2", who(ME))],
            next(iter(studio.presets.styles)),
        )
        plain, styled = (compare.estimate(PROMPTS, asked, {"styles": names}).usd for names in ((), (style,)))
        assert styled > plain, "the words of a style are paid for, too"
        whole = made(compare, "openai:dall-e-3", f"{service.address}:m", lines=[Line(str(n)) for n in range(4)])
        known = [whole.cell(line, 0) for line in range(4)]
        assert sorted(cell.kind for cell in known) == ["", "", "over_budget", "over_budget"]
        assert {whole.cell(line, 1).kind for line in range(4)} == {"over_budget"}, "nobody knows what it costs"
        assert studio.hosted.budget.left() == pytest.approx(0.02)
    with Studio(Settings.load(home=tmp_path / "home", day_budget_usd=0.1), backend=Drawer()) as studio:
        assert studio.hosted.budget.left() == pytest.approx(0.02), "what was spent outlives the program"


def test_hosted_models_are_told_the_drawn_words_without_weights(studio: Studio):
    presets, wildcards = studio.presets, studio.prompt_assets.wildcards
    assert (
        plain("a (red:1.3) {house|house}, [old] <lora:ink:1>", 1, presets, wildcards).rstrip(" ,") == "a red house, old"
    )
    style = next(iter(studio.presets.styles))
    assert "a house" in (styled := plain("a house", 1, presets, wildcards, [style]))
    assert len(styled) > len("a house")
    text = "# a comment\n\na red house # house, day\na C# book\n"
    assert read_lines(text) == [Line("a red house", ("house", "day")), Line("a C# book")]


def test_a_comparison_is_handed_on_whole(compare: Compare, service: Service, tmp_path: Path):
    service.behaviours["dall-e-3"] = "moderated"
    whole = made(compare, "starter", "openai:dall-e-3", lines=[Line("=1+<b>1</b>", ("sums",))])
    sheets.write(whole, tmp_path / "out")
    page = (tmp_path / "out" / "comparison.html").read_text("utf-8")
    assert page.count("data:image/webp;base64,") == 1
    assert "Cost as far as it is known: $0.000" in page
    assert "<b>1</b>" not in page
    assert "://" not in page
    told = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    assert [cell["error"] and cell["error"]["kind"] for cell in told["cells"]] == [None, "moderated"]
    assert "'=1+" in (tmp_path / "out" / "comparison.csv").read_text("utf-8")
    with Image.open(tmp_path / "out" / "comparison.png") as board:
        assert board.width > board.height
