"""What goes wrong at a hosted model, in the studio's classes and sentences, whatever language it was asked in."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from studio.errors import (
    AnswerCutOff,
    AnswerMalformed,
    CallRefused,
    HostedError,
    KeyRefused,
    ModelRetired,
    Moderated,
    OutOfCredit,
    RateLimited,
    ServiceFailed,
    ServiceTimeout,
    ServiceUnreachable,
    UnsafeAddress,
)

if TYPE_CHECKING:
    from studio.hosted.models import HostedEndpoint

# What services say of words or pictures that they do not take, and of models that they no longer have.
REFUSALS = ("moderation", "content_policy", "content_filter", "safety", "responsible_ai")
ENDED = ("model_not_found", "deprecated", "deploymentnotfound")
NO_CREDIT = ("insufficient_quota", "billing")
OTHER_WORDS = "Rephrase it, or leave this model out."
PAID = "Try again later; this call may have been charged."


def malformed(fault: str) -> HostedError:
    """What is said of an answer that makes no sense."""
    return AnswerMalformed(f"The answer cannot be read. {fault}", "Try again, or ask its operator.", billed=True)


def moderated(reason: str) -> HostedError:
    """What is said where a service does not take the words or the picture."""
    return Moderated(f"The service refused this prompt or picture: {reason}", OTHER_WORDS)


def refused(
    status: int,
    reason: str,
    endpoint: "HostedEndpoint",
    key: SecretStr | None,
    *,
    code: str = "",
    after: str | None = None,
) -> HostedError:
    """What an answer that is none of success means: `said` is the service's own sentence, without the key.

    `code` is whatever else it told, to find well-known words in; `after` is its Retry-After.
    """
    lowered = code.casefold()
    if status in (400, 403, 422) and is_refusal(lowered):
        return moderated(reason)
    if status in (404, 410) or _any(ENDED, lowered):
        return _gone(endpoint, reason)
    if status == 402 or (status == 429 and _any(NO_CREDIT, lowered)):
        return OutOfCredit(f"The account has no credit left: {reason}", "Add credit at the service.")
    if status in (401, 403):
        return _no_entry(endpoint, key)
    if status == 429:
        return _too_often(reason, after)
    return _otherwise(status, reason)


def broken(error: BaseException, endpoint: "HostedEndpoint") -> HostedError | None:
    """What a call that was not answered, or not to its end, means; None where it is no error of the transport."""
    import httpx2

    causes = list(_causes(error))
    if own := next((cause for cause in causes if isinstance(cause, HostedError)), None):
        return own
    if any(isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout) for cause in causes):
        nobody = f"{endpoint.place} cannot be reached."
        return ServiceUnreachable(nobody, "Check the address and the network.", wait_seconds=0.5)
    if any(isinstance(cause, httpx2.TimeoutException) for cause in causes):
        return too_late(endpoint)
    if isinstance(error, httpx2.HTTPError):
        return cut_off()
    return None


def too_late(endpoint: "HostedEndpoint") -> HostedError:
    """What is said where no answer came in time."""
    return ServiceTimeout(f"No answer within {endpoint.host.timeout_seconds:g} seconds.", PAID, billed=True)


def cut_off() -> HostedError:
    """What is said where an answer ended before its end."""
    return AnswerCutOff("The answer was cut off.", PAID, billed=True)


def is_refusal(text: str) -> bool:
    """Whether this speaks of words or pictures that a service does not take."""
    return _any(REFUSALS, text.casefold())


def shortened(text: object) -> str:
    """A service's own sentence, on one line."""
    return " ".join(str(text or "it says no more.").split())[:300]


def _otherwise(status: int, reason: str) -> HostedError:
    if status >= 500 or status == 408:
        return ServiceFailed(f"The service failed ({status}): {reason}", PAID, billed=True)
    if 300 <= status < 400:
        elsewhere = "The service redirects to another address, which is not followed."
        return UnsafeAddress(elsewhere, "Give that address instead.")
    return CallRefused(f"The service rejected this ({status}): {reason}", "Change prompt or settings.")


def _gone(endpoint: "HostedEndpoint", reason: str) -> HostedError:
    retired = endpoint.model.retired(datetime.now(UTC).date())
    if retired:
        cure = f"Take {endpoint.model.successor}, or give the address of a host that still has it."
        return ModelRetired(f"{retired} {endpoint.place} does not have it.", cure)
    return ModelRetired(f"The service has no model {endpoint.sent}: {reason}", "Check its name.")


def _no_entry(endpoint: "HostedEndpoint", key: SecretStr | None) -> HostedError:
    fault = "The service rejected the key" if key else "The service needs a key"
    variable = endpoint.host.key_env
    before = f", or in {variable} before the studio starts" if variable else ""
    again = "Sign in again, or give" if endpoint.provider.signs_in else "Give"
    return KeyRefused(f"{fault} for {endpoint.model.name}.", f"{again} the key on the Compare tab{before}.")


def _too_often(reason: str, after: str | None) -> HostedError:
    wait = _seconds(after)
    when = "in a while" if wait is None else f"in {wait:.0f} seconds"
    too_often = f"The service received too many requests: {reason}"
    return RateLimited(too_often, f"Try again {when}.", wait_seconds=1.0 if wait is None else wait)


def _any(words: Sequence[str], text: str) -> bool:
    return any(word in text for word in words)


def _seconds(after: str | None) -> float | None:
    """From a number or a date, as Retry-After has it."""
    with suppress(ValueError):
        return max(0.0, float(after or ""))
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(after or "") - datetime.now(UTC)).total_seconds())
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
