"""How an error is answered over HTTP: its status, and what it says as JSON."""

from starlette.responses import JSONResponse

from studio.errors import StudioError


def refusal(error: StudioError, *, close: bool = False) -> JSONResponse:
    """What a request is answered that ended in this error; `close` ends the connection with it."""
    # Gradio's own page reads one of these two.
    gradio = {"error": error.sentence, "detail": error.sentence}
    return JSONResponse({**error.as_fault(), **gradio}, error.status, {"Connection": "close"} if close else None)
