"""What goes wrong at a hosted model, from the `openai` client's errors to the studio's kinds and sentences."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

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
from studio.hosted.keys import scrubbed
from studio.hosted.models import Offer

# What services say of words or pictures that they do not take, and of models that they no longer have.
REFUSALS = ("moderation", "content_policy", "content_filter", "safety", "responsible_ai")
ENDED = ("model_not_found", "deprecated", "deploymentnotfound")
NO_CREDIT = ("insufficient_quota", "billing")
OTHER_WORDS = "Say it in other words, or leave this model out."
PAID = "Try again later; this call may have been charged."


def translated(error: Exception, offer: Offer, key: SecretStr | None) -> HostedError:
    """An error of the client's, or of its transport, without the key and without anything that may hold it."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _refused(error, offer, key)
    return _broken(error, offer, key)


def malformed(fault: str) -> HostedError:
    """What is said of an answer that makes no sense."""
    return AnswerMalformed(f"The answer cannot be read. {fault}", "Try again, or ask its maker.", billed=True)


def _refused(error: Any, offer: Offer, key: SecretStr | None) -> HostedError:
    """What an answer that is none of success means."""
    status = int(error.status_code)
    said, code = scrubbed(_said(error.body), key), _code(error)
    if status in (400, 403, 422) and _any(REFUSALS, code):
        return Moderated(f"The service refused this prompt or picture: {said}", OTHER_WORDS)
    if status in (404, 410) or _any(ENDED, code):
        return _gone(offer, said)
    if status in (401, 403):
        return _no_entry(offer, key)
    if status == 429:
        return _too_often(said, error.response.headers.get("retry-after"), code)
    return _otherwise(status, said)


def _otherwise(status: int, said: str) -> HostedError:
    if status >= 500 or status == 408:
        return ServiceFailed(f"The service broke down ({status}): {said}", PAID, billed=True)
    if 300 <= status < 400:
        elsewhere = "The service sends on to another address, and that is not followed."
        return UnsafeAddress(elsewhere, "Give that address instead.")
    return CallRefused(f"The service does not take this ({status}): {said}", "Change prompt or settings.")


def _gone(offer: Offer, said: str) -> HostedError:
    told = offer.model.retired(datetime.now(UTC).date())
    if told:
        cure = f"Take {offer.model.successor}, or give the address of a host that still has it."
        return ModelRetired(f"{told} {offer.place} does not have it.", cure)
    return ModelRetired(f"The service has no model {offer.sent}: {said}", "Check its name.")


def _no_entry(offer: Offer, key: SecretStr | None) -> HostedError:
    fault = "The service does not take the key" if key else "The service wants a key"
    variable = offer.host.key_env
    before = f", or in {variable} before the studio starts" if variable else ""
    return KeyRefused(f"{fault} for {offer.model.name}.", f"Give the key on the Compare tab{before}.")


def _too_often(said: str, after: str | None, code: str) -> HostedError:
    if _any(NO_CREDIT, code):
        return OutOfCredit(f"The account has no credit left: {said}", "Add credit at the service.")
    wait = _seconds(after)
    when = "in a while" if wait is None else f"in {wait:.0f} seconds"
    too_often = f"The service was asked too often: {said}"
    return RateLimited(too_often, f"Try again {when}.", wait_seconds=1.0 if wait is None else wait)


def _broken(error: Exception, offer: Offer, key: SecretStr | None) -> HostedError:
    """What a call that was not answered, or not to its end, means."""
    import httpx2
    import openai

    causes = list(_causes(error))
    if own := next((cause for cause in causes if isinstance(cause, HostedError)), None):
        return own
    if any(isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout) for cause in causes):
        nobody = f"{offer.place} cannot be reached."
        return ServiceUnreachable(nobody, "Check the address and the network.", wait_seconds=0.5)
    if any(isinstance(cause, httpx2.TimeoutException | openai.APITimeoutError) for cause in causes):
        return ServiceTimeout(f"No answer within {offer.host.timeout_seconds:g} seconds.", PAID, billed=True)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return AnswerCutOff("The answer broke off.", PAID, billed=True)
    body = getattr(error, "body", None)
    said = scrubbed(_said(body), key)
    if _any(REFUSALS, _code(error)):
        return Moderated(f"The service refused this prompt or picture: {said}", OTHER_WORDS)
    return ServiceFailed(f"The service broke off: {said}", PAID, billed=True)


def _code(error: Any) -> str:
    told = [getattr(error, name, None) for name in ("code", "type", "body")]
    return json.dumps(told, default=str).casefold()


def _any(words: tuple[str, ...], code: str) -> bool:
    return any(word in code for word in words)


def _said(body: Any) -> str:
    """The service's own sentence, shortened."""
    told = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(told or "it says no more.").split())[:300]


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
