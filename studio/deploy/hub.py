"""The door to the hub: whose token it is asked with, and each of its refusals as a sentence with its cure."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from studio.errors import HubRefused, HubUnreachable, StudioError, Unauthorized
from studio.hf_space import ZERO
from studio.hub import is_off

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

log = logging.getLogger(__name__)

TOKENS = "https://huggingface.co/settings/tokens"
BILLING = "https://huggingface.co/settings/billing"
STATUS = "https://status.huggingface.co"
NEW_TOKEN = f"Create one with write access at {TOKENS}."
# Where the hub's own words are: they are nobody's to read but whoever runs this.
MORE = "the studio's log has what it said."
HIDDEN = "…"
# Shorter ones are words that stand anywhere.
SECRET = 8


# What helps whoever has no token, on the command line.
LOG_IN = "Then run hf auth login, or set HF_TOKEN."


def token_of(typed: str = "") -> str:
    """The typed token, else HF_TOKEN, else that of `hf auth login`; empty where there is none."""
    from huggingface_hub import get_token

    return typed.strip() or get_token() or ""


def find_token(typed: str = "", then: str = LOG_IN) -> SecretStr:
    """The same; Unauthorized where there is none. `then` is what to do with a new one."""
    value = token_of(typed)
    if not value:
        raise Unauthorized("No Hugging Face token.", f"{NEW_TOKEN} {then}")
    return SecretStr(value)


class Hub:
    """The hub as this token sees it; `endpoint` is another one than huggingface.co.

    Whatever it says is told without the token and without `secrets`.
    """

    def __init__(self, token: SecretStr, endpoint: str | None = None, secrets: Iterable[SecretStr] = ()) -> None:
        from huggingface_hub import HfApi

        if is_off():
            raise HubUnreachable("The hub is switched off (HF_HUB_OFFLINE).", "Unset HF_HUB_OFFLINE, then try again.")
        self.api = HfApi(endpoint=endpoint, token=token.get_secret_value())
        self.secrets = (token, *secrets)

    def hide(self, text: str) -> str:
        """The text without the token and the secrets."""
        for secret in self.secrets:
            if len(value := secret.get_secret_value()) >= SECRET:
                text = text.replace(value, HIDDEN)
        return text

    @contextmanager
    def doing(self, what: str) -> Iterator[Any]:
        """The library's client; what goes wrong in the block becomes a StudioError that says it was while `what`."""
        import httpx2

        try:
            yield self.api
        except (httpx2.HTTPError, OSError, ValueError, RuntimeError) as error:
            # Not `from` it: it would show the request with its headers.
            raise self._fault(error, what) from None

    def _fault(self, error: BaseException, what: str) -> StudioError:
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError

        # A failed upload of one file is wrapped, with its name.
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        if isinstance(cause, HfHubHTTPError):
            return self._refusal(cause, what)
        if isinstance(cause, httpx2.TimeoutException):
            return HubUnreachable(f"Hugging Face did not answer while {what}.", "Try again: what is done stays.")
        log.warning("while %s: %s", what, self.hide(" ".join(str(cause).split())))
        if isinstance(cause, httpx2.HTTPError | OSError):
            cure = "Check the network, then try again: what is done stays."
            return HubUnreachable(f"Hugging Face cannot be reached while {what}.", cure)
        return HubRefused(f"Hugging Face rejected the request while {what}.", f"Try again; {MORE}")

    def _refusal(self, error: "HfHubHTTPError", what: str) -> StudioError:
        log.warning("while %s: %s", what, self.hide(" ".join((error.server_message or "").split())))
        status = error.response.status_code
        message, cure = _REFUSALS.get(status, (f"refused ({status})", f"Try again in a few minutes; {MORE}"))
        if status >= 500:
            message, cure = "is having problems", f"Try again in a few minutes; see {STATUS}."
        if status == 429 and (seconds := error.response.headers.get("retry-after", "")).isdigit():
            cure = f"Try again in {seconds} seconds."
        kind = Unauthorized if status == 401 else HubRefused
        return kind(f"While {what}, Hugging Face {message}.", cure)


_REFUSALS = {
    400: ("did not accept the request", f"Check the Space's name, its hardware and its variables; {MORE}"),
    401: ("rejected the token", f"It may be mistyped, expired or deleted. {NEW_TOKEN}"),
    402: (
        "asked for a paid plan or credits",
        f"Choose {ZERO}, of which free accounts may have two; or subscribe to PRO, or add credits at {BILLING}.",
    ),
    403: (
        "did not allow it",
        f"Use a token with write access ({TOKENS}); ZeroGPU asks for an account older than 30 days, e-mail verified.",
    ),
    404: ("could not find it", "Check the owner and the name; a token sees only what its account may see."),
    409: ("found that it was changed by somebody else meanwhile", "Try again: the difference is worked out again."),
    412: ("found that it was changed by somebody else meanwhile", "Try again: the difference is worked out again."),
    413: (
        "found it too large",
        "Leave LoRAs out, or free storage of the account at https://huggingface.co/settings/storage.",
    ),
    429: ("was asked too often", "Try again in a few minutes."),
}
