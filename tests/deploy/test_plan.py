"""What goes onto a Space, and above all what does not."""

import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from safetensors.numpy import save_file

from studio.deploy import DeployRequest, Plan, draw_up
from studio.deploy.plan import LIMIT_BYTES, ROOT
from studio.errors import InvalidDeployment, ModelError
from studio.settings import Settings
from tests.deploy.hub_server import TOKEN, validate

SHIPPED = ("studio", "presets", "assets", "app.py", "requirements.txt", "LICENSE")


def paths(plan: Plan) -> set[str]:
    return {item.path for item in plan.items}


def test_the_whole_project_is_on_the_list_and_stays_far_below_its_limit(settings: Settings) -> None:
    plan = draw_up(DeployRequest("ann/studio", models=tuple(_models())), settings)
    listed = subprocess.run(["git", "ls-files", *SHIPPED], cwd=ROOT, capture_output=True, text=True, check=True)
    kept = set(listed.stdout.splitlines())
    assert kept - paths(plan) == set(), "a kind of file that no list of endings has"
    assert plan.size_bytes < LIMIT_BYTES


def _models() -> list[str]:
    return [path.stem for path in (ROOT / "presets" / "models").glob("*.toml")]


def test_only_the_asked_models_are_offered_beside_the_embedded_one(settings: Settings) -> None:
    plan = draw_up(DeployRequest("ann/studio", models=("sdxl-turbo",)), settings)
    offered = {path for path in paths(plan) if path.startswith("presets/models/")}
    assert offered == {"presets/models/starter.toml", "presets/models/sdxl-turbo.toml"}
    assert "stabilityai/sdxl-turbo" in plan.readme


def test_nothing_of_the_person_goes_along(settings: Settings, project: Path) -> None:
    for name in ("images/mine.png", "keys.json", "settings.toml", "models/own.toml", "loras/own.safetensors"):
        (settings.home / name).parent.mkdir(parents=True, exist_ok=True)
        (settings.home / name).write_bytes(b"")
    for name in (".env", ".git/config", "notes.md", "studio/.env", "studio/__pycache__/a.py", "presets/keys.env"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("mine")
    plan = draw_up(DeployRequest("ann/studio"), settings, project)
    assert paths(plan) == {
        "LICENSE",
        "README.md",
        "app.py",
        "assets/starter/unet/weights.safetensors",
        "presets/models/starter.toml",
        "requirements.txt",
        "studio/__init__.py",
        "studio/errors.py",
    }


def test_an_asked_lora_goes_along_with_its_notes(settings: Settings, project: Path) -> None:
    import numpy as np

    folder = settings.folder("loras")
    tensors = {
        f"lora_unet_mid_block_attn.{part}.weight": np.zeros((4, 4), np.float32) for part in ("lora_up", "lora_down")
    }
    save_file(tensors, folder / "ink.safetensors")
    (folder / "ink.txt").write_text("Say ink.")
    plan = draw_up(DeployRequest("ann/studio", loras=("ink",)), settings, project)
    assert {"assets/starter/loras/ink.safetensors", "assets/starter/loras/ink.txt"} <= paths(plan)
    with pytest.raises(ModelError, match="There is no LoRA 'oil'"):
        draw_up(DeployRequest("ann/studio", loras=("oil",)), settings, project)


def test_a_link_out_of_the_project_is_refused(settings: Settings, project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("mine")
    (project / "studio" / "linked.py").symlink_to(tmp_path / "secret.py")
    with pytest.raises(InvalidDeployment, match=r"studio/linked\.py is a link to something outside"):
        draw_up(DeployRequest("ann/studio"), settings, project)


def test_a_tree_that_is_too_large_is_refused(settings: Settings, project: Path) -> None:
    with (project / "assets" / "large.safetensors").open("wb") as file:
        file.truncate(LIMIT_BYTES)
    with pytest.raises(InvalidDeployment, match="100 MB"):
        draw_up(DeployRequest("ann/studio"), settings, project)


@pytest.mark.parametrize("key", [TOKEN, "a-secret-of-mine", "sk-" + "a" * 24, "-----BEGIN " + "PRIVATE KEY-----"])
def test_a_file_that_holds_a_key_is_refused(settings: Settings, project: Path, key: str) -> None:
    (project / "studio" / "errors.py").write_text(f"KEY = '{key}'")
    plan = draw_up(DeployRequest("ann/studio"), settings, project)
    with pytest.raises(InvalidDeployment, match=r"studio/errors\.py contains") as caught:
        plan.check_secret([SecretStr(TOKEN), SecretStr("a-secret-of-mine")])
    assert key not in str(caught.value)


def test_the_project_itself_holds_no_key(settings: Settings) -> None:
    draw_up(DeployRequest("ann/studio"), settings).check_secret([])


@pytest.mark.parametrize(
    "wanted",
    [
        DeployRequest("studio"),
        DeployRequest("ann/my studio"),
        DeployRequest("ann/-studio"),
        DeployRequest("ann/a/b"),
        DeployRequest("ann/studio", hardware="h1000"),
        DeployRequest("ann/studio", secrets={"MY KEY": SecretStr("value")}),
        DeployRequest("ann/studio", secrets={"OPENAI_API_KEY": SecretStr("")}),
        DeployRequest("ann/studio", secrets={"STUDIO_KEY": SecretStr("value")}),
        DeployRequest("ann/studio", variables={"OPENAI_API_KEY": "sk-" + "a" * 24}),
        DeployRequest("ann/studio", variables={"STUDIO_SHARE_KEYS": "perhaps"}),
        DeployRequest("ann/studio", variables={"STUDIO_DAY_BUDGET_USD": "-1"}),
        DeployRequest("ann/studio", variables={"STUDIO_HOSTS": '{"mine": {}}'}),
        DeployRequest("ann/studio", variables={"STUDIO_MODEL": "sdxl-turbo"}),
    ],
)
def test_an_order_that_cannot_be_is_refused_before_anything(
    wanted: DeployRequest, settings: Settings, project: Path
) -> None:
    with pytest.raises(InvalidDeployment) as caught:
        draw_up(wanted, settings, project)
    assert caught.value.hint


def test_the_studios_settings_may_be_variables(settings: Settings, project: Path) -> None:
    hosts = '{"mine": {"base_url": "https://ann.example/v1"}}'
    variables = {"STUDIO_SHARE_KEYS": "true", "STUDIO_DAY_BUDGET_USD": "5", "STUDIO_HOSTS": hosts, "ANYTHING": "else"}
    plan = draw_up(DeployRequest("ann/studio", variables=variables), settings, project)
    assert plan.request.environment == variables


def test_a_model_that_lies_on_this_disk_only_is_refused(settings: Settings) -> None:
    (settings.folder("models") / "mine").symlink_to(ROOT / "assets" / "starter")
    with pytest.raises(InvalidDeployment, match="is on this disk only"):
        draw_up(DeployRequest("ann/studio", models=("mine",)), settings)


@pytest.mark.parametrize("hardware", ["zero-a10g", "cpu-basic", "t4-small"])
def test_the_readmes_head_is_what_the_hub_takes(hardware: str, settings: Settings, project: Path) -> None:
    from huggingface_hub import SpaceCard

    plan = draw_up(DeployRequest("ann/studio", hardware, models=("sdxl-turbo",)), settings, project)
    assert validate(plan.readme) == []
    head = yaml.safe_load(plan.readme.split("---")[1])
    assert (head["sdk"], head["python_version"], head["app_file"], head["hf_oauth"]) == (
        "gradio",
        "3.12",
        "app.py",
        True,
    )
    assert head["suggested_hardware"] == hardware
    assert SpaceCard(plan.readme).data.to_dict() == head
