"""How an error is answered over HTTP: its status, and what it says as JSON, in the language of who asked."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from starlette.responses import JSONResponse

from studio.errors import Busy, Closing, StudioError
from studio.gate.doors import Dialect

# What OpenAI's clients read beside the message.
KINDS: Mapping[int, str] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
# What a service of theirs calls these causes.
CODES: Mapping[str, str] = {
    "unknown_model": "model_not_found",
    "unauthorized": "invalid_api_key",
    "moderated": "moderation_blocked",
    "withheld": "moderation_blocked",
    "prompt_refused": "moderation_blocked",
    "busy": "rate_limit_exceeded",
}
UNPROCESSABLE, BAD, TOO_MANY = 422, 400, 429
# When to come again where nobody knows: a few pictures later.
LATER_SECONDS = 10
# What may pass by itself, so that asking again is worth it.
PASSING = (Busy, Closing)


def refusal(error: StudioError, dialect: Dialect | None = None, *, close: bool = False) -> JSONResponse:
    """What a request is answered that ended in this error; `close` ends the connection with it."""
    headers = ({"Connection": "close"} if close else {}) | retry_after(error)
    if dialect == "openai":
        headers["X-Should-Retry"] = str(isinstance(error, PASSING)).lower()
        # They know no 422.
        status = BAD if error.status == UNPROCESSABLE else error.status
        return JSONResponse({"error": openai_error(error)}, status, headers)
    # Gradio's own page reads one of these two, and clients of A1111 the second.
    words = {"error": error.sentence, "detail": error.sentence}
    return JSONResponse({**error.as_fault(), **words}, error.status, headers)


def retry_after(error: StudioError) -> dict[str, str]:
    """The header that says when to ask again, of each error that asking too much is told by."""
    seconds = getattr(error, "wait_seconds", None)
    if seconds is None and error.status != TOO_MANY:
        return {}
    return {"Retry-After": str(max(1, ceil(LATER_SECONDS if seconds is None else seconds)))}


def openai_error(error: StudioError) -> dict[str, Any]:
    """An error as OpenAI tells one; `param` is what of the request is at fault."""
    kind = KINDS.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    code = CODES.get(error.code, error.code)
    return {"message": error.sentence, "type": kind, "param": error.field, "code": code}
