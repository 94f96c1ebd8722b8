"""Comparisons: every cell is made once and paid once, whatever stops in between, and no column disturbs another."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.cli import main
from studio.compare import sheets
from studio.compare.making import Compare
from studio.compare.store import Cell, Comparison, Contestant, Line, read_lines
from studio.errors import OverBudget, Refused, StudioError
from studio.hosted.spending import Budget
from studio.metadata import own
from studio.resolve.hosted import plain
from studio.settings import Settings
from studio.storage.database import Database
from studio.storage.locks import alone
from studio.studio import Studio
from tests.drawer import Drawer
from tests.forks import python
from tests.hosted.service import KEY, Service, drawn
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
        with pytest.raises(Refused, match="no addresses"):
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


def budget_of(settings: Settings) -> Budget:
    return Budget(settings, Database.of(settings.home))


def test_what_may_have_been_charged_counts_as_spent_and_what_was_not_does_not(tmp_path: Path):
    budget = budget_of(Settings.load(home=tmp_path, day_budget_usd=1))
    budget.reserve("a", "m", 0.6)
    with pytest.raises(OverBudget, match=r"0\.400 are left"):
        budget.reserve("b", "m", 0.6)
    budget.charge("a", None)
    assert budget.spent() == pytest.approx(0.6)
    budget.reserve("a", "m", 0.7)
    budget.charge("a", 0.0)
    assert budget.left() == pytest.approx(1)


def test_each_person_has_a_budget_of_their_own_within_that_of_all(tmp_path: Path):
    settings = Settings.load(home=tmp_path, day_budget_usd=1, day_budget_usd_each=0.5)
    budget, ann, bob, cid = budget_of(settings), who("ann"), who("bob"), who("cid")
    budget.reserve("a", "m", 0.4, ann)
    with pytest.raises(OverBudget, match=r"your day's \$0\.50, \$0\.100 are left.*STUDIO_DAY_BUDGET_USD_EACH") as fault:
        budget.reserve("b", "m", 0.2, ann)
    assert fault.value.status == 429
    assert 0 < (fault.value.wait_seconds or 0) <= 24 * 3600
    budget.reserve("b", "m", 0.4, bob)
    assert [round(budget.left(one) or 0, 3) for one in (ann, bob, cid)] == [0.1, 0.1, 0.2], "all have 1 together"
    assert budget.spent(ann) == pytest.approx(0.4)
    with pytest.raises(OverBudget, match="of the day's"):
        budget.check("m", 0.3, cid)
    assert budget_of(Settings.load(home=tmp_path)).left(ann) is None


def test_of_the_budgets_of_the_settings_and_of_the_page_the_lesser_counts(tmp_path: Path):
    settings = Settings.load(home=tmp_path, day_budget_usd=1)
    budget_of(settings).own = 0.5
    assert (budget_of(settings).left(), budget_of(settings).own) == (0.5, 0.5)
    with pytest.raises(OverBudget, match=r"\$0\.50.*Compare tab"):
        budget_of(settings).reserve("a", "m", 0.6)
    budget_of(settings).own = 3
    assert budget_of(settings).left() == 1
    budget_of(settings).own = None
    assert budget_of(Settings.load(home=tmp_path)).left() is None


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


# A shell may start its background jobs with SIGINT ignored.
PROGRAM = """
import signal, sys
from studio.cli import main
from studio import studio
from tests.drawer import Drawer
signal.signal(signal.SIGINT, signal.default_int_handler)
drawer = Drawer(gated=True)
drawer.allow({draws})
studio.backend_of = lambda *_: drawer
sys.exit(main())
"""


def command(home: Path, *options: str, draws: int = 1) -> list[str]:
    """The command, on a machine that draws so many pictures of one step."""
    given = ["compare", "--out", str(home / "out"), "--home", str(home), "--json", *options]
    return [python(), "-c", PROGRAM.format(draws=draws), *given]


def test_a_killed_comparison_goes_on_without_paying_again(tmp_path: Path, surroundings: None, service: Service):
    """Three models and twenty prompts, killed while answers are on their way and a picture is being drawn."""
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"prompt {number}\n" for number in range(20)))
    given = ("--prompts", str(prompts), "--models", "starter?steps=1,openai:gpt-image-2,openai:dall-e-3")
    service.behaviours["dall-e-3"] = "slow"
    asks = command(tmp_path, *given, draws=8)
    process = subprocess.Popen(asks, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    for line in process.stderr:
        if line.startswith("28 of 60"):
            break
    process.kill()
    process.communicate()
    before = service.paid
    service.behaviours.clear()
    service.gate.set()
    answer = subprocess.run(command(tmp_path, *given, draws=12), capture_output=True, text=True, check=True)
    told = json.loads(answer.stdout)
    assert [cell["error"] for cell in told["cells"]] == [None] * 60
    assert all(Path(cell["path"]).is_file() for cell in told["cells"])
    assert len(list(tmp_path.glob("out/*/*.png"))) == 60, "nothing was drawn once more"
    twice = {one for one, count in service.paid.items() if count > 1}
    assert twice == {one for one in before if one[0] == "dall-e-3"}, "only what nobody had an answer to"
    assert len({one.headers["idempotency-key"] for one in service.asked}) == 40, "and that by its old key"
    assert told["total_usd"] == pytest.approx(20 * (0.03006 + 0.04))
    assert KEY not in answer.stdout + answer.stderr


def test_a_comparison_that_outlives_its_studio_goes_on_by_itself_and_is_not_made_twice(
    tmp_path: Path, surroundings: None
):
    settings = Settings.load(home=tmp_path / "home")
    with Studio(settings, backend=(drawer := Drawer(gated=True))) as studio:
        compare = Compare(studio)
        name = compare.create(who(ME), PROMPTS, [compare.column("starter?steps=1", who(ME))])
        compare.start(name, who(ME))
        drawer.allow()
        first = until(compare, name, lambda now: now.cells[0].state == "done").cells[0]
        closing = threading.Thread(target=studio.close)
        closing.start()
        while not studio.jobs.closing:
            closing.join(0.01)
        drawer.allow(9)
    with Studio(settings, backend=Drawer()) as studio:
        (job,) = studio.jobs_of(who(ME))
        list(job.follow())
        whole = Compare(studio).get(name, who(ME))
        assert states(whole) == ["done", "done"]
        assert (whole.cells[0].path, whole.cells[0].job) == (first.path, job.id)
        assert len(list(studio.library.folder.rglob("*.png"))) == 2
        while not all("sharpness" in cell.metrics for cell in whole.cells):
            whole = Compare(studio).get(name, who(ME))


def test_an_interrupt_waits_for_what_is_paid_for_and_asks_for_nothing_more(
    tmp_path: Path, surroundings: None, service: Service
):
    service.behaviours["dall-e-3"] = "slow"
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"prompt {number}\n" for number in range(6)))
    asks = command(tmp_path, "--prompts", str(prompts), "--models", "openai:dall-e-3")
    process = subprocess.Popen(asks, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        service.began.acquire()
    process.send_signal(signal.SIGINT)
    assert process.stderr
    for line in process.stderr:
        if "Waiting for 3" in line:
            break
    service.gate.set()
    out, _ = process.communicate()
    assert process.returncode == 130
    paths = [cell["path"] for cell in json.loads(out)["cells"]]
    assert len([path for path in paths if path]) == 3
    assert len(service.asked) == 3


def test_the_command_says_what_it_promises(
    tmp_path: Path, surroundings: None, service: Service, capsys: pytest.CaptureFixture[str]
):
    service.behaviours["bad"] = "broken"
    out = str(tmp_path / "out")
    base = ["compare", "a red house", "--home", str(tmp_path), "--out", out, "--json"]
    assert main([*base, "--models", "nobody:m"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert not Path(out).exists()
    assert main([*base, "--models", f"openai:dall-e-3,{service.address}:bad", "--seed", "3"]) == 0
    told = json.loads(capsys.readouterr().out)
    good, bad = told["cells"]
    assert set(good) == {"model", "prompt", "path", "seconds", "cost_usd", "error"}
    assert (good["model"], good["prompt"], good["cost_usd"]) == ("openai:dall-e-3", "a red house", 0.04)
    with Image.open(good["path"]) as picture:
        assert picture.tobytes() == Image.open(BytesIO(drawn("dall-e-3 a red house"))).tobytes()
    assert (bad["path"], bad["cost_usd"], bad["error"]["kind"]) == (None, None, "service_failed")
    assert told["total_usd"] == 0.04
    assert main([*base, "--models", "openai:dall-e-3", "--seed", "4"]) == 2
    assert "has the seed 3" in capsys.readouterr().err
    with alone(tmp_path / "out" / "comparison.lock", "it"):
        assert main([*base, "--models", "openai:dall-e-3"]) == 2
    assert "Another program" in capsys.readouterr().err
