"""The order carried out: the Space is made or brought up to date, its files are sent as one commit, its build awaited.

Every step first looks at what is there, so that the same order can be given again, also after one that was stopped.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from studio import __version__
from studio.deploy.account import check_host, check_owner, who
from studio.deploy.hub import Hub
from studio.deploy.plan import Item, Plan
from studio.deploy.request import CHOSEN, STARTER, DeployRequest, Report, StepReport
from studio.deploy.watch import Timeouts, wait
from studio.errors import AlreadyExists
from studio.hf_space import VOLUME
from studio.hub import in_words

SPACE = "space"
# What the hub puts there itself.
HUBS_OWN = (".gitattributes",)
# What only this studio has.
OURS = "presets/models/starter.toml"
# As much is sent between two looks at whether it was stopped.
PART_BYTES, PART_FILES = 8_000_000, 100


@dataclass(frozen=True)
class UploadPreview:
    """What is on the hub beside the plan: `commit` is None where there is no such Space, or nobody looked."""

    commit: str | None
    added: tuple[Item, ...]
    changed: tuple[Item, ...]
    removed: tuple[str, ...]
    compared: bool = True

    @classmethod
    def alone(cls, plan: Plan) -> "UploadPreview":
        """The plan, held against nothing."""
        return cls(None, plan.items, (), (), compared=False)

    @property
    def sent(self) -> tuple[Item, ...]:
        """What has to be sent."""
        return self.added + self.changed


@dataclass(frozen=True)
class Done:
    """A Space that runs: its page, and what the commit changed."""

    url: str
    commit: str
    sent: tuple[str, ...]
    removed: tuple[str, ...]


def upload(hub: Hub, plan: Plan, report: Report, timeouts: Timeouts | None = None) -> Done:
    """Bring the plan onto its Space and wait until that runs; StudioError, with its cure, where something refuses."""
    request = plan.request
    report(StepReport("account", "Checking the token"))
    account = who(hub)
    check_owner(account, request)
    plan.check_secret(hub.secrets)
    report(StepReport("space", f"Checking {request.space}"))
    seen = preview_upload(hub, plan)
    if seen.commit is None:
        check_host(account, request)
        report(StepReport("space", f"Creating {request.space} on {request.hardware}"))
        _create(hub, request)
    else:
        report(StepReport("space", f"Updating the settings of {request.space}"))
        _update(hub, request)
    commit = _send(hub, plan, seen, report)
    url = wait(hub, request.space, commit, report, timeouts or Timeouts())
    return Done(url, commit, tuple(item.path for item in seen.sent), seen.removed)


def preview_upload(hub: Hub, plan: Plan) -> UploadPreview:
    """Compare the plan with what is there; AlreadyExists where that is something else than this studio."""
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.hf_api import RepoFile

    space = plan.request.space
    with hub.doing(f"looking at {space}") as api:
        try:
            commit = str(api.repo_info(space, repo_type=SPACE).sha)
        except RepositoryNotFoundError:
            return UploadPreview(None, plan.items, (), ())
        tree = api.list_repo_tree(space, recursive=True, revision=commit, repo_type=SPACE)
        there = {file.path: file for file in tree if isinstance(file, RepoFile) and file.path not in HUBS_OWN}
    if set(there) - {"README.md"} and OURS not in there:
        raise AlreadyExists(
            f"{space} already exists and is not Image Studio.",
            "Choose another name: its files would be replaced.",
        )
    added = tuple(item for item in plan.items if item.path not in there)
    changed = tuple(item for item in plan.items if item.path in there and not _same(item, there[item.path]))
    return UploadPreview(commit, added, changed, tuple(sorted(set(there) - {item.path for item in plan.items})))


def _same(item: Item, file: Any) -> bool:
    """Whether the hub's file is this one, by size and digest: that of git, or of large files their own."""
    if file.size != item.size_bytes:
        return False
    content = item.read()
    if file.lfs:
        return bool(file.lfs.sha256 == hashlib.sha256(content).hexdigest())
    return bool(file.blob_id == hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest())


def _create(hub: Hub, request: DeployRequest) -> None:
    with hub.doing(f"making {request.space}") as api:
        api.create_repo(
            request.space,
            repo_type=SPACE,
            visibility=request.visibility,
            space_sdk="gradio",
            space_hardware=request.hardware,
            space_sleep_time=request.sleep_seconds,
            space_secrets=_pairs({name: secret.get_secret_value() for name, secret in request.secrets.items()}),
            space_variables=_pairs(request.environment),
            space_volumes=[_volume(api, request)] if request.keeps else None,
        )


def _update(hub: Hub, request: DeployRequest) -> None:
    """Set what is not as ordered; what was set by hand stays, and a Space that is paused is woken."""
    with hub.doing(f"setting up {request.space}") as api:
        runtime = api.get_space_runtime(request.space)
        if request.hardware not in (runtime.requested_hardware, runtime.hardware):
            api.request_space_hardware(request.space, request.hardware, sleep_time=request.sleep_seconds)
        volumes = runtime.volumes or []
        if request.keeps and all(volume.mount_path != str(VOLUME) for volume in volumes):
            api.set_space_volumes(request.space, [*volumes, _volume(api, request)])
        variables = {name: variable.value for name, variable in api.get_space_variables(request.space).items()}
        for name, value in request.environment.items():
            if variables.get(name) != value:
                api.add_space_variable(request.space, name, value)
        # A studio does not start with a model that went away.
        if CHOSEN not in request.environment and variables.get(CHOSEN, STARTER) not in (STARTER, *request.models):
            api.delete_space_variable(request.space, CHOSEN)
        for name, secret in request.secrets.items():
            api.add_space_secret(request.space, name, secret.get_secret_value())
        if runtime.stage in ("PAUSED", "STOPPED"):
            api.restart_space(request.space)


def _volume(api: Any, request: DeployRequest) -> Any:
    """The private bucket for the Space's pictures, made where it is not there."""
    from huggingface_hub import Volume

    api.create_bucket(request.bucket, private=True, exist_ok=True)
    return Volume(type="bucket", source=request.bucket, mount_path=str(VOLUME))


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]] | None:
    return [{"key": name, "value": value} for name, value in values.items()] or None


def _send(hub: Hub, plan: Plan, seen: UploadPreview, report: Report) -> str:
    """Send what differs in one commit, and say which it is; nothing where nothing does."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    if seen.commit and not seen.sent and not seen.removed:
        report(StepReport("upload", "Every file is up to date", 1.0))
        return seen.commit
    space, whole, sent = plan.request.space, sum(item.size_bytes for item in seen.sent), 0
    operations: list[Any] = [CommitOperationDelete(path) for path in seen.removed]
    with _without_bars(), hub.doing("sending the files") as api:
        for part in _parts(seen.sent):
            report(StepReport("upload", f"Sending {in_words(sent)} of {in_words(whole)}", sent / (whole or 1)))
            # Not the path object: the library takes a text or bytes.
            adds = [CommitOperationAdd(item.path, _content(item)) for item in part]
            api.preupload_lfs_files(space, adds, repo_type=SPACE, free_memory=False)
            operations += adds
            sent += sum(item.size_bytes for item in part)
        report(StepReport("upload", f"Committing {len(seen.sent)} files", 1.0))
        done = api.create_commit(
            space,
            operations,
            commit_message=f"Image Studio {__version__}",
            repo_type=SPACE,
            parent_commit=seen.commit,
        )
    return str(done.oid)


@contextmanager
def _without_bars() -> Iterator[None]:
    """The library draws a bar for each file, which says less than we do."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


def _content(item: Item) -> str | bytes:
    return item.source if isinstance(item.source, bytes) else str(item.source)


def _parts(items: tuple[Item, ...]) -> Iterator[list[Item]]:
    part: list[Item] = []
    for item in items:
        part.append(item)
        if len(part) == PART_FILES or sum(one.size_bytes for one in part) >= PART_BYTES:
            yield part
            part = []
    if part:
        yield part
