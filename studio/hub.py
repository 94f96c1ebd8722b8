"""The model hub: what a repository holds, and each of its refusals in the studio's words."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from studio.atomic_files import FULL, REFUSED
from studio.errors import (
    DiskFull,
    DownloadFailed,
    DownloadNotAgreed,
    DownloadRefused,
    NotDownloaded,
    NotOnHub,
    NotWritable,
    StudioError,
)

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

Say = Callable[[str], None]
MEGABYTE = 1_000_000
# How long the hub may take to say what a repository holds.
SECONDS = 15.0
# A download of so many bytes wants a yes first.
LARGE = 1000 * MEGABYTE
AGREE = (
    "Agree to that in the Models tab, by --yes at the command line, or with STUDIO_AGREE_DOWNLOADS=1 for all who may "
    "download here, programs too; or choose something smaller."
)
STATUS = "https://status.huggingface.co"
LOGIN = "hf auth login"
KEPT = "What was downloaded so far is kept."
OFF = "the hub is switched off (HF_HUB_OFFLINE)"
# Of what kind an error is, what happened, and the cure.
Reason = tuple[type[StudioError], str, str]
# What the hub calls a file's content: the hash of git, or a SHA-256.
HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class RepoFile:
    """A file of a repository; `etag` is what its content is called in the hub's cache, `sha256` where it is large."""

    name: str
    bytes: int
    etag: str
    sha256: str | None


@dataclass(frozen=True)
class Listing:
    """What a repository holds at one commit, by file name."""

    commit: str
    files: Mapping[str, RepoFile]


def silent(sentence: str) -> None:
    """Report nothing."""
    del sentence


def is_off() -> bool:
    """Whether the hub was switched off (HF_HUB_OFFLINE)."""
    from huggingface_hub.constants import HF_HUB_OFFLINE

    return bool(HF_HUB_OFFLINE)


def in_words(size_bytes: int) -> str:
    """A size for people: "12 kB", "99 MB", "2.5 GB"."""
    megabytes = size_bytes / MEGABYTE
    if megabytes < 1:
        return f"{megabytes * 1000:.0f} kB"
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def sizes(name: str, repo: str, revision: str | None = None) -> dict[str, int]:
    """The bytes of each file of a repository; `name` is what people know it by. Raises what `refusals` does."""
    from huggingface_hub.utils import get_session, hf_raise_for_status

    address, options = _asking(repo, revision)
    with refusals(name, repo):
        answer = get_session().get(address, **options)
        hf_raise_for_status(answer)
        return {file.name: file.bytes for file in map(_file, answer.json()["siblings"])}


def check_agreed(names: Sequence[str], size_bytes: int) -> None:
    """DownloadNotAgreed where these take gigabytes to download, which nobody has agreed to."""
    if size_bytes >= LARGE:
        are = "is" if len(names) == 1 else "are"
        whole = f"{' and '.join(names)} {are} not on this machine: {in_words(size_bytes)} to download."
        raise DownloadNotAgreed(whole, AGREE)


async def listing(client: "httpx2.AsyncClient", repo: str, revision: str | None = None) -> Listing:
    """What the repository holds; raises what `refusals` translates."""
    from huggingface_hub.utils import hf_raise_for_status

    address, options = _asking(repo, revision)
    answer = await client.get(address, **options)
    hf_raise_for_status(answer)
    body = answer.json()
    return Listing(_hash(body["sha"]), {file.name: file for file in map(_file, body["siblings"])})


def _asking(repo: str, revision: str | None) -> tuple[str, dict[str, Any]]:
    """The address that says what a repository holds, and how it is asked."""
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers

    address = f"{constants.ENDPOINT}/api/models/{repo}"
    if revision:
        address += f"/revision/{quote(revision, safe='')}"
    return address, {"params": {"blobs": "true"}, "headers": build_hf_headers(), "timeout": SECONDS}


@contextmanager
def refusals(name: str, repo: str) -> Iterator[None]:
    """What goes wrong while something is fetched from the hub, as an error that says why and what to do."""
    import httpx2

    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, httpx2.HTTPError) as error:
        kind, why, cure = _reason(repo, error)
        raise kind(f"{name} cannot be downloaded: {why}.", cure) from error


def _reason(repo: str, error: Exception) -> Reason:
    """Why something cannot be had from the hub."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return _refused(repo, error)
    if isinstance(error, OSError) and error.errno in REFUSED:
        where = f" {error.filename}" if error.filename else ""
        cure = "Allow writing there, or set HF_HOME to another folder."
        return NotWritable, f"the folder{where} cannot be written", cure
    if isinstance(error, OSError) and error.errno in FULL:
        cure = f"Free some space, or set HF_HOME to a larger disk, then try again. {KEPT}"
        return DiskFull, "the disk is full", cure
    if isinstance(error, OfflineModeIsEnabled):
        return NotDownloaded, OFF, "Unset HF_HUB_OFFLINE, then try again."
    if isinstance(error, HFValidationError):
        return NotOnHub, f"“{repo}” is not the name of a repository", "Name it as OWNER/NAME, as its page does."
    known: tuple[tuple[type[Exception], str, str], ...] = (
        (httpx2.TimeoutException, "the hub does not answer", f"Check the network, then try again. {KEPT}"),
        (httpx2.HTTPError, "the hub cannot be reached", f"Check the network and its proxy, then try again. {KEPT}"),
        (OSError, "it cannot be written to the disk", f"Check the disk, then try again. {KEPT}"),
        (Exception, "the hub's answer cannot be read", f"Check HF_ENDPOINT and the proxy, then try again. {KEPT}"),
    )
    return next((DownloadFailed, why, cure) for kind, why, cure in known if isinstance(error, kind))


def _refused(repo: str, error: "HfHubHTTPError") -> Reason:
    """As `_reason`, for what the hub itself refuses."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/{repo}"
    if isinstance(error, errors.GatedRepoError):
        return _gated(repo, page)
    known: tuple[tuple[type[Exception], str, str], ...] = (
        (errors.DisabledRepoError, f"the hub has closed {repo}", "Choose another one."),
        (errors.RevisionNotFoundError, f"{repo} has no such revision", "Correct `revision` in its .toml file."),
        (errors.EntryNotFoundError, f"{repo} has no such file", f"Look at {page}/tree/main for what it holds."),
    )
    found = ((NotOnHub, why, cure) for kind, why, cure in known if isinstance(error, kind))
    return next(found, None) or _by_status(repo, page, error)


def _by_status(repo: str, page: str, error: "HfHubHTTPError") -> Reason:
    """As `_reason`, by the status alone."""
    status, headers = error.response.status_code, error.response.headers
    if status == 401 and "credentials" in headers.get("x-error-message", ""):
        cure = f"Log in again with: {LOGIN}, or correct HF_TOKEN."
        return DownloadRefused, "the hub does not accept this machine's token", cure
    if status in (401, 404):
        # It says so of what is private, too: nobody is to learn that it is there.
        cure = f"Check its name; for a private one: {LOGIN}"
        return NotOnHub, f"there is no {repo} on the hub, or it is private", cure
    if status == 403:
        cure = f"See what {page} asks for; a fine-grained token needs the right to read gated repositories."
        return DownloadRefused, f"the hub does not let this machine's account read {repo}", cure
    if status == 429:
        seconds = wait_seconds(headers) or 300
        cure = f"Try again in {seconds:.0f} seconds; after logging in ({LOGIN}) you may ask more often."
        return DownloadFailed, "the hub received too many requests from this machine", f"{cure} {KEPT}"
    why, cure = f"the hub refused it ({status})", "Try again in a few minutes."
    if status >= 500:
        why, cure = f"the hub is having problems ({status})", f"Try again in a few minutes; see {STATUS}."
    return DownloadFailed, why, f"{cure} {KEPT}"


def _gated(repo: str, page: str) -> Reason:
    from huggingface_hub import get_token

    if get_token():
        why = f"{repo} is for accounts that accepted its licence, and this machine's account has not"
        return DownloadRefused, why, f"Accept it at {page} with the same account, then try again."
    cure = f"Accept it at {page}, then log in with: {LOGIN}"
    return DownloadRefused, f"{repo} asks for its licence to be accepted first", cure


def wait_seconds(headers: Mapping[str, str]) -> float | None:
    """How long the hub asks to wait; None where it does not say."""
    from huggingface_hub.utils import parse_ratelimit_headers

    if (given := headers.get("retry-after", "")).isdecimal():
        return float(given)
    limit = parse_ratelimit_headers(headers)
    return float(limit.reset_in_seconds) if limit else None


def _file(entry: Mapping[str, Any]) -> RepoFile:
    name, large = str(entry["rfilename"]), entry.get("lfs")
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise ValueError(name)
    sha256 = _hash(large["sha256"]) if large else None
    return RepoFile(name, int(entry["size"]), sha256 or _hash(entry["blobId"]), sha256)


def _hash(value: Any) -> str:
    if not HASH.fullmatch(str(value)):
        raise ValueError(value)
    return str(value)
