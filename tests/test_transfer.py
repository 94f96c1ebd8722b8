"""Files from a hub on loopback: whole, resumed, cancelled, and refused in the studio's words."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import huggingface_hub.constants
import pytest
from huggingface_hub import hf_hub_download

from studio import hub_cache, transfer
from studio.errors import Cancelled, DiskFull, DownloadFailed, DownloadRefused, NotDownloaded, NotOnHub, StudioError
from studio.transfer import Transfer
from tests.small_hub import COMMIT, Manners, small_hub, turn_to

REPO = "some/model"
BIG = bytes(range(256)) * 20
FILES = {"config.json": b"{}", "unet/model.safetensors": BIG}
Start = Callable[..., Transfer]


@pytest.fixture
def manners() -> Manners:
    return Manners()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture(autouse=True)
def hub(manners: Manners, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with small_hub({REPO: FILES}, manners) as address:
        turn_to(address, cache, monkeypatch)
        yield
        if manners.go_on:
            manners.go_on.set()


def start(*files: str, folder: Path | None = None, repo: str = REPO) -> Transfer:
    return Transfer("Model", repo, lambda names: files or names, folder)


def unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob(f"*{hub_cache.UNFINISHED}"))


def test_files_land_where_the_hubs_own_client_finds_them(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = start()
    config, weights = done.result()
    assert (config.read_bytes(), weights.read_bytes()) == (b"{}", BIG)
    assert (done.progress.bytes, done.progress.total_bytes) == (len(BIG) + 2,) * 2
    assert hub_cache.cached(REPO, "unet/model.safetensors") == weights
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert Path(hf_hub_download(REPO, "unet/model.safetensors", cache_dir=cache)) == weights
    assert unfinished(cache) == []


def test_what_is_here_is_not_fetched_again(manners: Manners) -> None:
    start().result()
    before = list(manners.heard)
    start().result()
    assert manners.heard == before


def test_a_connection_that_breaks_is_taken_up_where_it_broke(manners: Manners) -> None:
    manners.cuts["unet/model.safetensors"] = [1000, 500]
    assert start().result()[1].read_bytes() == BIG
    assert manners.heard[1:] == [
        ("unet/model.safetensors", None),
        ("unet/model.safetensors", "bytes=1000-"),
        ("unet/model.safetensors", "bytes=1500-"),
    ]


def test_a_later_start_goes_on_where_a_network_that_stayed_away_left_off(manners: Manners, cache: Path) -> None:
    manners.cuts["unet/model.safetensors"] = [1000, 0, 0, 0]
    with pytest.raises(DownloadFailed, match=r"the hub cannot be reached.*What was downloaded so far is kept"):
        start().result()
    assert hub_cache.cached(REPO, "config.json") is None, "a snapshot is not named before it is whole"
    assert hub_cache.unfinished_bytes(REPO) == 1000
    (_, weights) = start().result()
    assert manners.heard[-1] == ("unet/model.safetensors", "bytes=1000-")
    assert weights.read_bytes() == BIG


def test_a_file_that_comes_damaged_is_not_kept(manners: Manners, cache: Path) -> None:
    manners.damage.add("unet/model.safetensors")
    with pytest.raises(DownloadFailed, match="came damaged from the hub"):
        start().result()
    assert unfinished(cache) == []
    manners.damage.clear()
    assert start().result()[1].read_bytes() == BIG


def test_a_rest_on_the_disk_that_is_not_of_the_file_is_found_out(manners: Manners, cache: Path) -> None:
    manners.cuts["unet/model.safetensors"] = [1000, 0, 0, 0]
    with pytest.raises(DownloadFailed):
        start().result()
    (rest,) = unfinished(cache)
    rest.write_bytes(bytes(1000))  # as a disk may hold it that lost its power
    with pytest.raises(DownloadFailed, match="came damaged"):
        start().result()
    assert start().result()[1].read_bytes() == BIG


def test_a_cancel_ends_at_once_while_the_hub_is_silent(manners: Manners, cache: Path) -> None:
    manners.begun, manners.go_on = Event(), Event()
    going = start("unet/model.safetensors")
    while not going.progress.bytes:
        assert not going.wait(0.01)
    going.cancel()
    with pytest.raises(Cancelled):
        going.result()
    assert not manners.go_on.is_set()
    assert len(unfinished(cache)) == 1, "what has arrived is kept"


def test_whoever_is_told_may_end_it(manners: Manners, tmp_path: Path) -> None:
    manners.begun, manners.go_on = Event(), Event()

    def say(words: str) -> None:
        assert words.startswith("Downloading Model: ")
        raise Cancelled

    with pytest.raises(Cancelled):
        transfer.fetch("Model", REPO, lambda _: ["unet/model.safetensors"], say, tmp_path / "own")
    assert not (tmp_path / "own" / "unet").exists()


def test_a_folder_of_ours_holds_the_files_by_their_names(tmp_path: Path) -> None:
    start(folder=tmp_path / "own").result()
    held = {path.relative_to(tmp_path / "own").as_posix() for path in (tmp_path / "own").rglob("*") if path.is_file()}
    assert held == set(FILES)


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    manners: Manners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(DiskFull, match=r"Model takes 5 kB of the disk, which has 1 kB free\. Free some space"):
        start().result()
    assert manners.heard == []


@pytest.mark.parametrize(
    ("status", "headers", "words", "kind"),
    [
        (
            401,
            {"X-Error-Code": "GatedRepo"},
            r"asks for its licence to be accepted first\. Accept it at .*hf auth",
            DownloadRefused,
        ),
        (
            403,
            {"X-Error-Code": "GatedRepo"},
            r"asks for its licence to be accepted first\. Accept it at .*hf auth",
            DownloadRefused,
        ),
        (
            401,
            {"X-Error-Message": "Invalid credentials in Authorization header"},
            r"does not accept this .* token",
            DownloadRefused,
        ),
        (401, {}, r"there is no some/model on the hub, or it is private", NotOnHub),
        (
            403,
            {},
            r"does not let this machine's account read some/model\. .*huggingface\.co/some/model",
            DownloadRefused,
        ),
        (404, {"X-Error-Code": "EntryNotFound"}, r"some/model has no such file", NotOnHub),
        (404, {"X-Error-Code": "RepoNotFound"}, r"there is no some/model on the hub, or it is private", NotOnHub),
        (429, {"Retry-After": "0"}, r"received too many requests from this machine\. Try again in", DownloadFailed),
        (451, {}, r"the hub refused it \(451\)", DownloadFailed),
        (503, {}, r"is having problems \(503\)\. Try again in a few minutes", DownloadFailed),
    ],
)
def test_each_refusal_says_why_and_what_to_do(
    manners: Manners, status: int, headers: dict[str, str], words: str, kind: type[StudioError]
) -> None:
    manners.refusals[REPO] = (status, headers)
    with pytest.raises(StudioError, match=f"Model cannot be downloaded: .*{words}") as told:
        start().result()
    assert type(told.value) is kind, "what can be mended here is no fault of the hub's"


def test_an_account_that_did_not_accept_a_licence_is_told_so(manners: Manners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody")
    manners.refusals[REPO] = (403, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(
        DownloadRefused, match=r"this machine's account has not\. Accept it at .* with the same account"
    ):
        start().result()


def test_a_hub_that_is_busy_for_a_moment_is_asked_again(manners: Manners) -> None:
    class Once(dict[str, tuple[int, dict[str, str]]]):
        def __getitem__(self, repo: str) -> tuple[int, dict[str, str]]:
            return self.pop(repo)

    manners.refusals = Once({REPO: (503, {})})
    assert start().result()[1].read_bytes() == BIG


def test_no_network_no_hub_and_no_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotOnHub, match="there is no some/other on the hub, or it is private"):
        start(repo="some/other").result()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(DownloadFailed, match=r"the hub cannot be reached\. Check the network"):
        start().result()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NotDownloaded, match=r"the hub is switched off \(HF_HUB_OFFLINE\)\. Unset"):
        start().result()


def test_a_removed_repository_leaves_nothing_and_a_shared_file_stays(cache: Path) -> None:
    config, weights = start().result()
    hub_cache.remove(REPO, [weights])
    assert config.read_bytes() == b"{}"
    assert not [path for path in cache.rglob("*") if path.is_file() and path.stat().st_size == len(BIG)]
    hub_cache.remove(REPO, [config])
    assert not hub_cache.repo_folder(REPO).exists()
    assert start().result()[1].read_bytes() == BIG
    assert COMMIT in str(weights)
