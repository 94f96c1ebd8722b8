import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from studio.catalogue.checkpoints import family_of_folder, read_json
from studio.catalogue.models import Catalogue, Model
from studio.errors import ModelError
from studio.families import FAMILIES
from studio.presets.examples import Example, examples
from studio.settings import Settings
from tests.headers import write_configs, write_json, write_model, write_safetensors, write_single_file


@pytest.fixture
def home(tmp_path):
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def catalogue(home: Path) -> Catalogue:
    return Catalogue(Settings(home=home.parent))


def test_the_projects_models_are_all_well_formed(home):
    known = catalogue(home)
    assert known.faults == {}
    assert set(known) >= {"starter", "sd15", "sd21", "sdxl-base", "sdxl-turbo", "lcm-dreamshaper"}
    assert {known[name].family for name in ("sd35-medium", "flux1-dev", "flux1-schnell")} == {"sd3", "flux"}
    for model in known.values():
        assert model.summary
        assert model.licence
        assert model.examples or any(one.model == model.id for one in examples())
        assert model.folder or model.download_bytes
        assert model.default("draft_steps") < model.default("steps")


def test_a_model_says_where_it_differs_from_its_family(home):
    known = catalogue(home)
    turbo, schnell, base = known["sdxl-turbo"], known["flux1-schnell"], known["sdxl-base"]
    assert [turbo.default(name) for name in ("width", "height", "steps", "guidance_scale")] == [512, 512, 4, 0]
    assert turbo.default("abilities") == {"strength", "clip_skip"}
    assert schnell.default("abilities") == {"strength"}
    assert (schnell.default("prompt_tokens"), known["flux1-dev"].default("prompt_tokens")) == (255, 511)
    assert base.default("scheduler") == base.family_facts().scheduler
    assert base.default("width") == base.family_facts().native_side


def test_the_starters_folder_is_in_the_project(home):
    folder = catalogue(home)["starter"].folder
    assert folder == Path(__file__).resolve().parents[2] / "assets/starter"


def test_the_starter_looks_like_its_family(home):
    known = catalogue(home)
    assert known.present(known["starter"])
    assert known.why_not(known["starter"]) is None
    assert family_of_folder(known["starter"].folder) == "starter"


def test_the_starter_knows_every_word_of_its_examples(home):
    known = catalogue(home)
    vocabulary = known.vocabulary(known["starter"])
    assert vocabulary is not None
    prompts = [one.prompt for one in examples() if one.model == "starter"]
    assert {text: vocabulary.unknown(text) for text in prompts if vocabulary.unknown(text)} == {}


@pytest.mark.parametrize("one", examples(), ids=lambda one: one.id)
def test_an_example_has_what_it_starts_from_and_its_picture(one: Example) -> None:
    assert bool(one.source) is (one.use != "text2img")
    assert bool(one.picture) is (one.use != "inpaint")
    assert bool(one.control) is (one.use == "control")


def test_an_unknown_model_is_named_with_the_closest_first(home):
    with pytest.raises(ModelError, match=r"no model 'sdxl-trubo'.*Did you mean sdxl-turbo.*Known are: .*starter"):
        catalogue(home)["sdxl-trubo"]
    assert "sdxl-trubo" not in catalogue(home)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_in_the_home_is_a_model_of_the_family_it_looks_like(home, family):
    folder = write_model(home / "mine.v1.5", family)
    known = catalogue(home)
    model = known["mine.v1.5"]
    assert (model.family, model.folder, model.name) == (family, folder, "mine.v1.5")
    assert known.why_not(model) is None
    assert known.present(model)
    assert known.size_bytes(model) == sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


def test_a_single_file_with_its_configs_beside_it_can_be_loaded(home):
    file = write_single_file(home / "painter.safetensors", "sdxl")
    write_configs(home / "painter.config", "sdxl")
    known = catalogue(home)
    model = known["painter"]
    assert (model.family, model.file, model.config) == ("sdxl", file, home / "painter.config")
    assert known.why_not(model) is None
    assert known.size_bytes(model) == file.stat().st_size
    assert "painter.config" not in known


def test_a_single_file_of_a_family_whose_configs_do_not_come_along_says_what_to_do(home):
    write_single_file(home / "painter.safetensors", "sd3")  # of a single layer, as nobody has one
    known = catalogue(home)
    assert str(known.why_not(known["painter"])) == (
        "painter.safetensors needs the configs and tokenizers of its family on this disk. "
        "Copy everything but the weights of a Stable Diffusion 3.5 model in diffusers format that has as many layers "
        'into painter.config/ beside it, or name such a folder in painter.toml: config = "folder".'
    )


def test_a_toml_beside_a_file_says_what_cannot_be_seen(home):
    write_single_file(home / "painter.safetensors", "sd15")
    write_configs(home / "configs", "sd15")
    write(home / "painter.toml", 'name = "The Painter"\nconfig = "configs"\nsteps = 30\n')
    known = catalogue(home)
    model = known["painter"]
    assert (model.name, model.family, model.default("steps")) == ("The Painter", "sd15", 30)
    assert model.config == home / "configs"
    assert known.why_not(model) is None


def test_a_config_that_is_none_says_what_to_do(home):
    write_single_file(home / "painter.safetensors", "sd15")
    write(home / "painter.toml", 'config = "nowhere"\n')
    known = catalogue(home)
    assert "nowhere is not a folder of diffusers configs" in str(known.why_not(known["painter"]))


def test_a_toml_alone_can_name_a_model_on_the_hub(home):
    write(home / "mine.toml", 'family = "sdxl"\nrepo = "someone/something"\nscheduler = "Euler a"\n')
    model = catalogue(home)["mine"]
    assert (model.repo, model.default("scheduler")) == ("someone/something", "Euler a")


def test_the_homes_entry_counts_over_the_projects(home):
    write_model(home / "sd15", "sd15")
    assert catalogue(home)["sd15"].folder == home / "sd15"


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt", ".pth"])
def test_a_pickle_is_listed_as_refused(home, suffix):
    (home / f"old{suffix}").write_bytes(b"\x80\x04.")
    known = catalogue(home)
    assert "old" not in known
    assert "is refused" in known.faults["old"].message
    with pytest.raises(ModelError, match=r"old\..* is a pickle"):
        known["old"]


def test_a_pickle_named_in_a_toml_is_refused(home):
    (home / "old.ckpt").write_bytes(b"\x80\x04.")
    write(home / "new.toml", 'family = "sd15"\nfile = "old.ckpt"\n')
    known = catalogue(home)
    assert "pickle" in str(known.why_not(known["new"]))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('repo = "a/b"\nfamily = "sd15"\nguidance = 7\n', r"bad\.toml, line 3: there is no key `guidance`"),
        ('repo = "a/b"\n', r"the key `family` is missing"),
        ('repo = "a/b"\nfamily = "sd16"\n', r"line 2: `family`: 'sd16' is not a model family"),
        ('repo = "a/b"\nfamily = "sd15"\nscheduler = "Flow Euler"\n', r"line 3: `scheduler`: .*cannot sample"),
        ('repo = "a/b"\nfamily = "flux"\nwidth = 1000\n', r"line 3: `width`: 1000 is not a multiple of 16"),
        ('repo = "a/b"\nfile = "c"\nfamily = "sd15"\n', r"exactly one of the keys folder, repo, file"),
        ('family = "sd15"\n', r"does not say where the weights are"),
        ("family = \n", r"bad\.toml is not valid TOML.*line 1"),
        ("folder = 3\n", r"There is no 3|folder"),
    ],
)
def test_a_damaged_entry_is_listed_with_its_fault_and_takes_no_other_down(home, text, problem):
    write(home / "bad.toml", text)
    write_model(home / "good", "sd15")
    known = catalogue(home)
    assert {"good", "starter"} <= set(known)
    assert "bad" not in known
    with pytest.raises(ModelError, match=problem):
        known["bad"]


def test_a_torn_file_is_listed_with_its_fault(home):
    path = write_single_file(home / "torn.safetensors", "sd15")
    path.write_bytes(path.read_bytes()[:-100])
    assert "is damaged" in catalogue(home).faults["torn"].message


def test_a_file_of_no_family_is_listed_with_its_fault(home):
    write_safetensors(home / "lora.safetensors")
    (home / "stray").mkdir()
    faults = catalogue(home).faults
    assert "of a family that the studio does not know" in faults["lora"].message
    assert "has no model_index.json" in faults["stray"].message


def test_what_is_no_model_is_passed_over(home):
    write(home / "README.txt", "put models here")
    write(home / ".DS_Store", "")
    known = catalogue(home)
    assert known.faults == {}


def test_a_torn_part_of_a_folder_is_named(home):
    folder = write_model(home / "mine", "sd15")
    torn = folder / "vae/diffusion_pytorch_model.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1])
    known = catalogue(home)
    assert "vae/diffusion_pytorch_model.safetensors is damaged" in str(known.why_not(known["mine"]))


def test_a_removed_model_is_missing(home):
    folder = write_model(home / "mine", "sd15")
    known = catalogue(home)
    model = known["mine"]
    folder.rename(home / "elsewhere")
    assert "mine is missing" in str(known.why_not(model))
    assert not known.present(model)
    assert known.size_bytes(model) is None
    known.refresh()
    assert "mine" not in known
    assert "elsewhere" in known


def test_weights_of_another_family_are_named(home):
    write_model(home / "mine", "sdxl")
    write(home / "mine.toml", 'family = "sd15"\n')
    known = catalogue(home)
    assert 'family = "sdxl"' in str(known.why_not(known["mine"]))


def test_a_model_on_the_hub_is_present_once_all_of_it_is_in_the_cache(home, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    write(home / "mine.toml", 'family = "sd15"\nrepo = "someone/something"\n')
    known = catalogue(home)
    model = known["mine"]
    assert not known.present(model)
    assert "the hub is switched off" in str(known.why_not(model))
    repo = tmp_path / "hub/models--someone--something"
    write(repo / "refs/main", "abc")
    write_model(repo / "snapshots/abc", "sd15")
    assert known.present(model)
    assert known.location(model) == repo / "snapshots/abc"
    assert known.why_not(model) is None
    (repo / "snapshots/abc/vae/diffusion_pytorch_model.safetensors").unlink()
    assert not known.present(model)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    assert known.why_not(model) is None


@pytest.mark.parametrize("promised", [[None, None], ["stable_diffusion", "StableDiffusionSafetyChecker"]])
def test_what_is_on_the_hub_may_bring_the_output_checker_that_its_index_names(home, tmp_path, monkeypatch, promised):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    write(home / "mine.toml", 'family = "sd15"\nrepo = "someone/something"\n')
    known = catalogue(home)
    model = known["mine"]
    assert not known.lacks_checker(model)
    repo = tmp_path / "hub/models--someone--something"
    write(repo / "refs/main", "abc")
    folder = write_model(repo / "snapshots/abc", "sd15")
    index = read_json(folder / "model_index.json")
    write_json(folder / "model_index.json", {**index, "safety_checker": promised})
    assert known.checker(model) is None
    assert known.lacks_checker(model) is (promised[0] is None)
    for part in ("safety_checker/config", "feature_extractor/preprocessor_config"):
        write_json(folder / f"{part}.json", {})
    assert known.checker(model) == folder
    assert not known.lacks_checker(model)


def test_the_vocabulary_lies_in_the_models_folder(home):
    folder = write_model(home / "mine", "starter")
    known = catalogue(home)
    assert known.vocabulary(known["mine"]) is None
    write_json(folder / "vocabulary.json", {"words": ["a", "boat"], "groups": {"things": ["boat"]}})
    vocabulary = known.vocabulary(known["mine"])
    assert vocabulary is not None
    assert vocabulary.unknown("a boat, a dragon") == ("dragon",)


def test_tokens_are_counted_by_the_tokenizer_that_reads_the_most(home):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    folder = write_model(home / "mine", "flux")
    known = catalogue(home)
    assert known.count_tokens(known["mine"], "a b c") is None
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    (folder / "tokenizer_2").mkdir()
    tokenizer.save(str(folder / "tokenizer_2/tokenizer.json"))
    known = catalogue(home)
    assert known.count_tokens(known["mine"], "a b c") == 3
    assert known.count_tokens(known["mine"], "") == 0


def test_a_model_has_exactly_one_source():
    with pytest.raises(ValidationError, match="exactly one"):
        Model(id="m", name="M", family="sd15")


def test_the_catalogue_loads_no_heavy_library():
    code = (
        "import sys, pathlib, studio.catalogue.models as m;"
        "from studio.settings import Settings;"
        "c = m.Catalogue(Settings(home=pathlib.Path('nowhere')));"
        "c.count_tokens(c['starter'], 'a'); c.why_not(c['starter']);"
        "print(sorted(sys.modules.keys() & {'torch', 'transformers', 'diffusers', 'gradio', 'huggingface_hub'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
