"""An order carried out by the real client against a hub on loopback, and each way in which that is refused."""

from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from pydantic import SecretStr

from studio.deploy import DeployRequest, Hub, Logged, Plan, Report, StepReport, draw_up, preview_upload, upload
from studio.deploy.watch import Timeouts
from studio.errors import AlreadyExists, Cancelled, DeploymentFailed, HubUnreachable, InvalidDeployment, StudioError
from studio.settings import Settings
from tests.deploy import hub_server
from tests.deploy.conftest import QUICK

SPACE = "ann/studio"


class Ear:
    """Hears what is told, and has had enough at the step `stops_at`."""

    def __init__(self, stops_at: str = "") -> None:
        self.heard: list[StepReport | Logged] = []
        self.stops_at = stops_at

    def __call__(self, event: StepReport | Logged) -> None:
        self.heard.append(event)
        if isinstance(event, StepReport) and event.step == self.stops_at:
            raise Cancelled

    @property
    def log(self) -> list[str]:
        return [event.line for event in self.heard if isinstance(event, Logged)]


@pytest.fixture
def plan(settings: Settings, project: Path) -> Plan:
    return draw_up(DeployRequest(SPACE), settings, project)


def deploy(hub: Hub, plan: Plan, report: Report | None = None, timeouts: Timeouts = QUICK) -> Any:
    return upload(hub, plan, report or Ear(), timeouts)


def test_a_new_space_has_the_plans_files_and_what_was_ordered(
    hub: Hub, remote: hub_server.Hub, settings: Settings, project: Path
) -> None:
    secrets, variables = {"OPENAI_API_KEY": SecretStr("a-key-of-another-house")}, {"STUDIO_SHARE_KEYS": "true"}
    request = DeployRequest(SPACE, visibility="protected", models=("sdxl-turbo",), secrets=secrets, variables=variables)
    plan, ear = draw_up(request, settings, project), Ear()
    done = deploy(hub, plan, ear)
    space = remote.spaces[SPACE]
    assert {path: content for path, content in space.files.items() if path != ".gitattributes"} == {
        item.path: item.read() for item in plan.items
    }
    assert done.url == f"{remote.endpoint}/spaces/{SPACE}"
    assert (space.hardware, space.visibility) == ("zero-a10g", "protected")
    assert space.secrets == {"OPENAI_API_KEY": "a-key-of-another-house"}
    assert space.variables == {"STUDIO_MODEL": "sdxl-turbo", "STUDIO_SHARE_KEYS": "true"}
    assert space.sleep_seconds is None
    assert space.volumes == [{"type": "bucket", "source": f"{SPACE}-library", "mountPath": "/data"}]
    assert remote.buckets == {f"{SPACE}-library": {"visibility": "private"}}
    steps = [event.step for event in ear.heard if isinstance(event, StepReport)]
    assert list(dict.fromkeys(steps)) == ["account", "space", "upload", "build"]
    assert ear.log == [line.strip() for line in remote.log]


def test_large_files_go_by_xet_where_the_client_has_it(
    hub: Hub, plan: Plan, remote: hub_server.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", False)
    deploy(hub, plan)
    assert remote.xorbs
    assert remote.shards == 1
    assert remote.spaces[SPACE].large.keys() == {"assets/starter/unet/weights.safetensors"}
    assert not preview_upload(hub, plan).sent


def test_the_same_order_again_sends_nothing(hub: Hub, plan: Plan, remote: hub_server.Hub) -> None:
    first = deploy(hub, plan)
    remote.requests.clear()
    assert deploy(hub, plan).commit == first.commit
    assert not [path for path in remote.asked("POST") if "/api/spaces/" in path]


def test_only_what_differs_is_sent_and_what_left_the_list_is_deleted(
    hub: Hub, plan: Plan, remote: hub_server.Hub, settings: Settings, project: Path
) -> None:
    deploy(hub, plan)
    (project / "app.py").write_text("print('a better page')\n")
    (project / "studio" / "events.py").write_text("")
    (project / "studio" / "errors.py").unlink()
    remote.spaces[SPACE].variables["STUDIO_MODEL"] = "gone"
    remote.spaces[SPACE].variables["MINE"] = "by hand"
    secrets, variables = {"HF_TOKEN": SecretStr("for-its-models")}, {"STUDIO_MAX_IMAGES": "4"}
    changed = draw_up(DeployRequest(SPACE, "t4-small", secrets=secrets, variables=variables), settings, project)
    seen = preview_upload(hub, changed)
    assert [item.path for item in seen.added] == ["studio/events.py"]
    assert {item.path for item in seen.changed} == {"README.md", "app.py"}
    assert seen.removed == ("studio/errors.py",)
    deploy(hub, changed)
    space = remote.spaces[SPACE]
    assert "studio/errors.py" not in space.files
    assert (space.hardware, space.sleep_seconds) == ("t4-small", 3600)
    assert space.variables == {"MINE": "by hand", "STUDIO_MAX_IMAGES": "4"}
    assert space.secrets == {"HF_TOKEN": "for-its-models"}


def test_a_space_of_something_else_is_left_alone(hub: Hub, plan: Plan, remote: hub_server.Hub) -> None:
    remote.spaces[SPACE] = hub_server.Space(files={"README.md": b"", "chat.py": b""})
    with pytest.raises(AlreadyExists, match="is not Image Studio"):
        deploy(hub, plan)
    assert remote.spaces[SPACE].files.keys() == {"README.md", "chat.py"}


@pytest.mark.parametrize("step", ["account", "space", "upload", "build"])
def test_it_can_be_stopped_at_each_step_and_taken_up_again(
    step: str, hub: Hub, plan: Plan, remote: hub_server.Hub
) -> None:
    with pytest.raises(Cancelled):
        deploy(hub, plan, Ear(step))
    deploy(hub, plan)
    assert remote.spaces[SPACE].stage == "RUNNING"
    assert {item.path for item in plan.items} <= remote.spaces[SPACE].files.keys()


REFUSALS = [
    ("GET /api/whoami-v2", 401, "rejected the token", "settings/tokens"),
    ("GET /api/whoami-v2", 429, "asked too often", "Try again in 7 seconds"),
    ("POST /api/repos/create", 402, "asked for a paid plan", "zero-a10g"),
    ("POST /api/repos/create", 403, "did not allow it", "write access"),
    ("POST /api/repos/create", 409, "changed by somebody else", "Try again"),
    ("POST /api/buckets", 403, "did not allow it", "write access"),
    ("POST /api/validate-yaml", 400, "rejected the request", "log"),
    ("POST .*/objects/batch", 413, "too large", "LoRAs"),
    ("POST .*/commit/main", 412, "changed by somebody else", "Try again"),
    ("GET .*/runtime", 500, "having problems", "Try again"),
]


@pytest.mark.parametrize(("request_", "status", "message", "hint"), REFUSALS)
def test_each_refusal_has_its_sentence_and_its_cure(
    request_: str, status: int, message: str, hint: str, hub: Hub, plan: Plan, remote: hub_server.Hub
) -> None:
    # The hub may repeat what it was sent.
    remote.refusals[request_] = status, f"no, {hub_server.TOKEN} may not", {"Retry-After": "7"}
    with pytest.raises(StudioError) as caught:
        deploy(hub, plan)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert hub_server.TOKEN not in str(caught.value)
    remote.refusals.clear()
    deploy(hub, plan)


@pytest.mark.parametrize(
    ("stage", "words", "cure"),
    [
        ("BUILD_ERROR", "could not be built", "?logs=build"),
        ("RUNTIME_ERROR", "ended with an error", "?logs=container"),
        ("CONFIG_ERROR", "README", "?logs=container"),
        ("PAUSED", "is paused", "Restart it"),
    ],
)
def test_a_space_that_breaks_says_why(
    stage: str, words: str, cure: str, hub: Hub, plan: Plan, remote: hub_server.Hub
) -> None:
    remote.builds, remote.log = ("BUILDING", stage), ("ERROR: no matching distribution\n",)
    with pytest.raises(StudioError) as caught:
        deploy(hub, plan)
    assert words in caught.value.message
    assert "no matching distribution" in caught.value.message
    assert cure in caught.value.hint


def test_a_build_without_end_is_given_up(hub: Hub, plan: Plan, remote: hub_server.Hub) -> None:
    remote.builds = ("BUILDING",) * 100_000
    with pytest.raises(DeploymentFailed, match="was not ready") as caught:
        deploy(hub, plan, timeouts=Timeouts(whole=0.1, between=0.01, end=1))
    assert "deploy again to keep waiting" in caught.value.hint


def test_a_hub_that_is_not_there_is_a_sentence(plan: Plan, remote: hub_server.Hub) -> None:
    with pytest.raises(HubUnreachable, match="cannot be reached") as caught:
        deploy(Hub(SecretStr(hub_server.TOKEN), "http://127.0.0.1:9"), plan)
    assert "network" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"auth": {"accessToken": {"role": "read"}}}, "may only read"),
        ({"auth": {"accessToken": {"role": "fineGrained", "fineGrained": {"scoped": []}}}}, "may not write"),
        ({"name": "bob", "orgs": []}, "who is not ann"),
    ],
)
def test_a_token_that_cannot_do_it_is_refused_before_anything_is_made(
    said: dict[str, Any], message: str, hub: Hub, plan: Plan, remote: hub_server.Hub
) -> None:
    remote.who |= said
    with pytest.raises(StudioError, match=message):
        deploy(hub, plan)
    assert remote.requests == ["GET /api/whoami-v2"]


def test_a_fine_grained_token_that_writes_will_do(hub: Hub, plan: Plan, remote: hub_server.Hub) -> None:
    scope = {"entity": {"type": "user", "name": "ann"}, "permissions": ["repo.content.read", "repo.write"]}
    remote.who["auth"] = {"accessToken": {"role": "fineGrained", "fineGrained": {"scoped": [scope]}}}
    deploy(hub, plan)


def test_a_free_account_is_told_where_it_may_be(
    hub: Hub, remote: hub_server.Hub, settings: Settings, project: Path
) -> None:
    plan = draw_up(DeployRequest(SPACE, "cpu-basic"), settings, project)
    with pytest.raises(InvalidDeployment, match="Free accounts") as caught:
        deploy(hub, plan)
    assert "zero-a10g" in caught.value.hint
    remote.who["isPro"] = True
    deploy(hub, plan)


def test_token_and_secrets_show_themselves_to_nobody(
    remote: hub_server.Hub, settings: Settings, project: Path, caplog: Any
) -> None:
    caplog.set_level("DEBUG")
    token, key = hub_server.TOKEN, "a-key-of-another-house"
    remote.log = (f"HF_TOKEN={token} KEY={key}\n",)
    plan = draw_up(DeployRequest(SPACE, secrets={"KEY": SecretStr(key)}), settings, project)
    hub, ear = Hub(SecretStr(token), remote.endpoint, plan.request.secrets.values()), Ear()
    remote.refusals["POST .*/commit/main"] = 400, f"neither {token} nor {key}", {}
    with pytest.raises(StudioError) as caught:
        deploy(hub, plan, ear)
    remote.refusals.clear()
    caplog.clear()  # what the hub says in a header is the client's to log
    deploy(hub, plan, ear)
    assert ear.log == ["HF_TOKEN=… KEY=…"]
    sent = b"".join(remote.spaces[SPACE].files.values()).decode(errors="replace")
    told = f"{ear.heard} {caught.value} {hub.secrets} {vars(hub)} {caplog.text} {plan} {sent}"
    assert token not in told
    assert key not in told
