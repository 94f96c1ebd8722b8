"""The starter's family: what is stored loads with stock classes, its figures can fail, and a command prints them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

pytest.importorskip("cv2")


from starter_factory import races, sampling, schedulers, triage
from starter_factory.family import MEMBERS
from starter_factory.family.base import Member
from starter_factory.probe import Probe
from starter_factory.sitting import Sitting
from starter_factory.store import Stored
from studio.catalogue.models import Catalogue
from studio.cli import main
from studio.engine.schedulers import build
from studio.settings import PRESETS, Settings

STARTER = PRESETS.parent / "assets" / "starter"
LARGEST_BYTES = 16_000_000


@pytest.fixture(scope="module")
def tiny(stored: Stored, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the starter's, of networks that never learned anything, and paint small pictures."""
    folder = Path(shutil.copytree(stored.folder, tmp_path_factory.mktemp("tiny") / "starter"))
    Stored(folder).put_probe(Probe())
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), "sample_size": 8}), "utf-8")
    return folder


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))


@pytest.mark.parametrize("name", MEMBERS)
def test_each_member_is_stored_and_loads_with_its_stock_class(name: str):
    member = MEMBERS[name]
    assert isinstance(member, Member)
    assert member.title
    assert member.minutes > 0
    if lacking := member.missing(STARTER):
        pytest.skip(f"not stored yet: {', '.join(map(str, lacking))}")
    assert member.load(STARTER) is not None


def test_what_is_stored_is_half_precision_and_small():
    files = [*STARTER.rglob("*.safetensors"), *(STARTER.parent / "upscalers").glob("*.safetensors")]
    for path in files:
        assert path.stat().st_size <= LARGEST_BYTES, path
        with safe_open(path, "pt") as tensors:
            assert {tensors.get_slice(name).get_dtype() for name in tensors.keys()} <= {"F16", "I64"}, path  # noqa: SIM118 - no mapping
    assert not [path for path in STARTER.rglob("*") if path.suffix in {".bin", ".pt", ".ckpt"}]


def test_the_family_beside_the_base_is_no_part_of_the_base():
    catalogue = Catalogue(Settings.load())
    base = [STARTER / name for name in MEMBERS["text_to_image"].files]
    assert catalogue.size_bytes(catalogue["starter"]) == sum(path.stat().st_size for path in base)


@pytest.mark.soak
def test_untrained_networks_fail_every_question(tiny: Path):
    table = MEMBERS["text_to_image"].measure(Sitting(tiny, 8))
    assert {"fresh renders", "generated", "held-out pairs", "wrong captions", "untrained"} <= set(table["place, %"])
    assert max(table["place, %"].values()) < 70
    assert max(table["two things and their colours, %"].values()) < 10


@pytest.mark.soak
def test_the_stored_probe_knows_renders_and_an_untrained_one_does_not():
    table = MEMBERS["probe"].measure(Sitting(STARTER, 16))
    assert table["place, %"]["fresh renders"] > 95
    assert table["place, %"]["untrained"] < 40


def test_the_command_prints_one_json_object_and_tells_what_is_missing(tiny: Path, capsys: pytest.CaptureFixture[str]):
    missing = next(name for name in MEMBERS if MEMBERS[name].missing(tiny))
    code = main(["evaluate", "starter", "--only", "probe", missing, "--count", "2", "--folder", str(tiny), "--json"])
    out, err = capsys.readouterr()
    tables = json.loads(out)
    assert code == 2
    assert set(tables) == {"probe", missing}
    assert tables[missing] is None
    assert f"train {missing} --work" in err
    assert all(isinstance(number, float) for row in tables["probe"].values() for number in row.values())


def test_the_command_prints_a_table_and_paints_a_sheet(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sampling, "FIXED_PROMPTS", sampling.FIXED_PROMPTS[:2])
    sheet = tmp_path / "sheet.png"
    options = ["--only", "probe", "--count", "2", "--folder", str(tiny), "--sheet", str(sheet)]
    assert main(["evaluate", "starter", *options]) == 0
    assert "| fresh renders | untrained |" in capsys.readouterr().out
    assert sheet.stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "nobody"], "no member 'nobody'"),
        (["--count", "1"], "too few"),
        (["--folder", "nowhere"], "is missing"),
    ],
)
def test_what_can_be_mended_is_said_in_one_line(options: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert main(["evaluate", "starter", *options]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.soak
def test_a_stopped_scheduler_table_goes_on_with_what_it_has(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schedulers, "ROUNDS", 1)
    rows = [schedulers.Row("UniPC", 2), schedulers.Row("LCM", 2, guidance=1.0, lora="loras/none.safetensors")]
    sitting = Sitting(tiny, 3)
    first = schedulers.measure(sitting, tmp_path, rows)
    assert list(first) == ["fresh renders", "fresh renders through the autoencoder", "UniPC, 2", "noise"]
    (kept,) = tmp_path.glob("*.safetensors")
    changed = kept.stat().st_mtime_ns
    assert schedulers.measure(sitting, tmp_path, rows) == first
    assert kept.stat().st_mtime_ns == changed
    other = shutil.copytree(tiny, tmp_path / "other")
    shutil.copy(STARTER / "text_encoder" / "model.safetensors", other / "text_encoder")
    schedulers.measure(Sitting(other, 3), tmp_path, rows)
    assert len([*tmp_path.glob("*.safetensors")]) == 2, "latents of other weights are not taken for these"


def test_distances_are_nothing_between_equals_and_grow_with_the_difference():
    rng = np.random.default_rng(0)
    scenes = rng.normal(size=(40, 1, 8))
    near, far = (scenes + rng.normal(size=(40, 6, 8)) for _ in range(2))
    one, others = near[:, 0], far.transpose(1, 0, 2).reshape(-1, 8)
    same, error = schedulers.kernel_distance(one, others)
    moved, _ = schedulers.kernel_distance(one + 1, others)
    assert abs(same) < 3 * error
    assert moved > 10 * error
    assert schedulers.frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert schedulers.frechet_distance(one, one + 1) == pytest.approx(8, rel=1e-6)


@pytest.mark.soak
def test_each_way_to_race_tells_how_often_it_keeps_the_best_at_what_cost(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(races, "STEPS", 4)
    drafts = (races.Drafts(2, (1, races.CANDIDATES)), races.Drafts(1, (1,), even=True))
    monkeypatch.setattr(races, "DRAFTS", drafts)
    monkeypatch.setattr(races, "BOUNDARIES", [((2, 4),)])
    monkeypatch.setattr(races, "LOOKS", {2})
    drafted: list[str] = []
    monkeypatch.setattr(races, "build", lambda name, config: drafted.append(name) or build(name, config))
    table = races.measure(Sitting(tiny, 2), Settings.load(home=tmp_path))
    assert [row["steps, %"] for row in table.values()] == [62.5, 150, 37.5, 75]
    assert drafted == ["DPM++ 2M"] * 2
    assert table["drafts of 2 steps, 8 of 8 made"]["same best, %"] == 100


@pytest.mark.soak
def test_the_quarters_of_ranked_candidates_stand_in_one_table(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(triage, "MANNERS", {"1 step": (1, 1.0)})
    table = triage.measure(Sitting(tiny, 2), Settings.load(home=tmp_path))
    rows = ["top quarter", "any", "bottom quarter", "top less bottom", "its standard error"]
    assert list(table) == [f"1 step: {row}" for row in rows]
    following = [table[f"1 step: {row}"]["prompt-following, %"] for row in rows]
    assert following[3] == pytest.approx(following[0] - following[2], abs=0.11)
