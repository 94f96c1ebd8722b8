"""Signing in with Hugging Face: to the hub and back, by OpenID Connect."""

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from studio.accounts import hub_login
from studio.api import account_pages as pages
from studio.api.sessions import FRESH, HERE, entered, keep, shown
from studio.errors import NotFound, StudioError
from studio.gate import identity, origin
from studio.gate.gate import LOGIN
from studio.gate.identity import Role
from studio.studio import Studio

# How long somebody may take to sign in at the hub.
ATTEMPT_SECONDS = 600.0


def router(studio: Studio) -> APIRouter:
    """The two routes; they are for people, and no part of the description for programs."""
    routes = APIRouter(
        prefix=f"{HERE}/huggingface", include_in_schema=False, dependencies=[Depends(lambda: _check_on(studio))]
    )

    @routes.get("")
    async def to_hub(request: Request) -> Response:
        attempt = hub_login.Attempt.new()
        answer = RedirectResponse(hub_login.begin(attempt, _back(request)), 303, FRESH)
        keep(request, answer, _attempt_name(request), attempt.text, ATTEMPT_SECONDS)
        return answer

    @routes.get("/callback")
    async def from_hub(request: Request) -> Response:
        attempt = hub_login.Attempt.read(request.cookies.get(_attempt_name(request), ""))

        def signed() -> str:
            person = hub_login.finish(attempt, dict(request.query_params), _back(request))
            account = studio.accounts.of_hub(person.subject, person.name, _role(studio, person))
            return studio.accounts.log_in(account, person.token)

        try:
            secret = await run_in_threadpool(signed)
        except StudioError as error:
            return shown(pages.login(error.sentence, hub=True), error)
        answer = await entered(studio, request, secret)
        answer.delete_cookie(_attempt_name(request), httponly=True, samesite="lax")
        return answer

    return routes


def _role(studio: Studio, person: hub_login.HubPerson) -> Role:
    """What somebody becomes at their first sign-in: whoever made the Space looks after it."""
    if person.runs_the_space:
        return "admin"
    return "creator" if studio.settings.huggingface_login == "creator" else "viewer"


def _check_on(studio: Studio) -> None:
    if not (studio.accounts.required(studio.settings) and hub_login.offered(studio.settings)):
        raise NotFound("Nobody signs in with Hugging Face here.", f"Sign in at {LOGIN}.")


def _back(request: Request) -> str:
    """Where the hub sends a browser back to: this studio, by the name that it was called by."""
    return f"{origin.address(request.scope, request.headers)}{HERE}/huggingface/callback"


def _attempt_name(request: Request) -> str:
    return f"{identity.cookie_name(request.scope)}-hub"
