"""How somebody is signed in by a browser: what it keeps, who it was before, and the pages of accounts as answers."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from studio.accounts.store import SESSION_SECONDS
from studio.errors import StudioError
from studio.gate import identity, origin
from studio.gate.answers import retry_after
from studio.gate.identity import Identity
from studio.handover import left_behind
from studio.studio import Studio

HERE = "/account"
FRESH = {"Cache-Control": "no-store"}


async def entered(studio: Studio, request: Request, secret: str) -> Response:
    """Signed in, and on to the page, or to what this browser made before; no address of the request's is followed."""
    before = earlier(request)
    count = await run_in_threadpool(left_behind, studio, before) if before else 0
    return enter(request, secret, HERE if count else "/")


def enter(request: Request, secret: str, where: str) -> Response:
    """Signed in by a session of this secret, and on to a page of the studio's own."""
    answer = RedirectResponse(where, 303, FRESH)
    keep(request, answer, identity.session_name(request.scope), secret, SESSION_SECONDS)
    return answer


def keep(request: Request, answer: Response, name: str, value: str, seconds: float) -> None:
    """Have the browser keep a secret that no script and no form of another site has."""
    secure = origin.is_secure(request.scope, request.headers)
    answer.set_cookie(name, value, max_age=round(seconds), httponly=True, samesite="lax", secure=secure)


def earlier(request: Request) -> Identity | None:
    """Who this browser was before anybody signed in; None where it was nobody."""
    return identity.before_signing_in(request.cookies, identity.cookie_name(request.scope))


def shown(page: str, error: StudioError | None = None) -> Response:
    """A page of accounts, which nobody keeps a copy of."""
    return HTMLResponse(page, error.status if error else 200, FRESH | (retry_after(error) if error else {}))
