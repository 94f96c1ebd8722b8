"""Accounts in a browser: signing in and out, taking up an invitation, one's tokens and password, an admin's part."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from studio.accounts import hub_login
from studio.accounts.store import Account
from studio.api import account_pages as pages
from studio.api.pictures import Who
from studio.api.sessions import FRESH, HERE, earlier, enter, entered, shown
from studio.errors import InvalidRequest, NotFound, StudioError
from studio.gate import identity, origin
from studio.gate.gate import LOGIN, PAYLOAD
from studio.gate.identity import ROLES, Identity, Role
from studio.handover import left_behind, take_over
from studio.studio import Studio


def fields(request: Request) -> Mapping[str, str]:
    """The form of a request, as the gate read it."""
    found: dict[str, str] = request.scope.get(PAYLOAD, {})
    return found


Form = Annotated[Mapping[str, str], Depends(fields)]


def router(studio: Studio) -> APIRouter:
    """The routes below /account; they are for people, and no part of the description for programs."""
    routes = APIRouter(prefix=HERE, include_in_schema=False, dependencies=[Depends(lambda: _check_on(studio))])
    _add_login(routes, studio)
    _add_joining(routes, studio)
    _add_own(routes, studio)
    _add_admins(routes, studio)
    return routes


def _add_login(routes: APIRouter, studio: Studio) -> None:
    """Signing in and out."""
    accounts, hub = studio.accounts, hub_login.offered(studio.settings)

    @routes.get("/login")
    async def login() -> Response:
        return shown(pages.login(hub=hub))

    @routes.post("/login")
    async def log_in(form: Form, request: Request, who: Who) -> Response:
        def signed() -> str:
            name, password = form.get("name", ""), form.get("password", "")
            return accounts.log_in(accounts.check_password(name, password, who.address))

        try:
            secret = await run_in_threadpool(signed)
        except StudioError as error:
            return shown(pages.login(error.sentence, hub=hub), error)
        return await entered(studio, request, secret)

    @routes.post("/logout")
    async def log_out(request: Request) -> Response:
        name = identity.session_name(request.scope)
        await run_in_threadpool(accounts.log_out, request.cookies.get(name, ""))
        answer = RedirectResponse(LOGIN, 303, FRESH)
        answer.delete_cookie(name, httponly=True, samesite="lax")
        return answer


def _add_joining(routes: APIRouter, studio: Studio) -> None:
    """Taking up an invitation."""
    accounts = studio.accounts

    @routes.get("/join/{invitation}")
    async def invited(invitation: str) -> Response:
        try:
            role = await run_in_threadpool(accounts.invited, invitation)
        except StudioError as error:
            return shown(pages.message(error.sentence), error)
        return shown(pages.join(role))

    @routes.post("/join/{invitation}")
    async def join(invitation: str, form: Form, request: Request) -> Response:
        def joined() -> str:
            account = accounts.join(invitation, form.get("name", ""), form.get("password", ""))
            return accounts.log_in(account)

        try:
            secret = await run_in_threadpool(joined)
        except NotFound as error:
            return shown(pages.message(error.sentence), error)
        except StudioError as error:
            return shown(pages.join(accounts.invited(invitation), error.sentence), error)
        return await entered(studio, request, secret)


def _add_own(routes: APIRouter, studio: Studio) -> None:
    """One's own page, password and tokens."""
    accounts = studio.accounts

    @routes.get("")
    async def account(who: Who, request: Request) -> Response:
        return shown(await run_in_threadpool(_page, studio, who, before=earlier(request)))

    @routes.post("/take-over")
    async def take(who: Who, request: Request) -> Response:
        before = earlier(request)
        return await _do(studio, who, lambda: take_over(studio, before, who) if before else None)

    @routes.post("/password")
    async def password(form: Form, request: Request, who: Who) -> Response:
        def changed() -> str:
            account = accounts.check_password(who.name, form.get("old", ""), who.address)
            accounts.set_password(account, form.get("password", ""))
            return accounts.log_in(account)

        try:
            secret = await run_in_threadpool(changed)
        except StudioError as error:
            return await _again(studio, who, error)
        return enter(request, secret, HERE)

    @routes.post("/tokens")
    async def token(form: Form, who: Who) -> Response:
        secret = await run_in_threadpool(lambda: accounts.new_token(accounts.get(who.name), form.get("label", "")))
        return shown(await run_in_threadpool(_page, studio, who, shown=("Your new token", secret)))

    @routes.post("/tokens/{token}/revoke")
    async def revoke(token: str, who: Who) -> Response:
        return await _do(studio, who, lambda: accounts.revoke(accounts.get(who.name), token))


def _add_admins(routes: APIRouter, studio: Studio) -> None:
    """Invitations, and other people's accounts."""
    accounts = studio.accounts

    @routes.post("/admin/invite")
    async def invite(form: Form, request: Request, who: Who) -> Response:
        secret = await run_in_threadpool(accounts.invite, _role(form))
        link = f"{origin.address(request.scope, request.headers)}{HERE}/join/{secret}"
        return shown(await run_in_threadpool(_page, studio, who, shown=("A link for one person", link)))

    @routes.post("/admin/withdraw")
    async def withdraw(form: Form, who: Who) -> Response:
        return await _do(studio, who, lambda: accounts.withdraw(form.get("invitation", "")))

    @routes.post("/admin/role")
    async def role(form: Form, who: Who) -> Response:
        return await _do(studio, who, lambda: accounts.set_role(_named(studio, form), _role(form)))

    @routes.post("/admin/remove")
    async def remove(form: Form, who: Who) -> Response:
        return await _do(studio, who, lambda: accounts.remove(_named(studio, form)))


def _check_on(studio: Studio) -> None:
    if not studio.accounts.required(studio.settings):
        raise NotFound("This studio has no accounts: everybody who reaches it may use it.")


def _page(
    studio: Studio,
    who: Identity,
    fault: str = "",
    shown: tuple[str, str] | None = None,
    before: Identity | None = None,
) -> str:
    """The page of who asks; an admin's has everybody's accounts, and the line without what is made."""
    account = studio.accounts.get(who.name)
    parts: list[str] = [pages.before(left_behind(studio, before))] if before and who.creates else []
    parts += [pages.tokens(studio.accounts.tokens(account), time.time())]
    if who.may("admin"):
        everybody = studio.accounts.all()
        parts += [pages.accounts(everybody), pages.invitations(studio.accounts.invitations(), time.time())]
        parts.append(pages.line(studio.jobs.unfinished(), {f"account:{one.id}": one.name for one in everybody}))
    return pages.account(account, parts, fault, shown, password=studio.accounts.has_password(account))


async def _do(studio: Studio, who: Identity, act: Callable[[], Any]) -> Response:
    try:
        await run_in_threadpool(act)
    except StudioError as error:
        return await _again(studio, who, error)
    return RedirectResponse(HERE, 303, FRESH)


async def _again(studio: Studio, who: Identity, error: StudioError) -> Response:
    return shown(await run_in_threadpool(_page, studio, who, error.sentence), error)


def _named(studio: Studio, form: Mapping[str, str]) -> Account:
    return studio.accounts.get(form.get("name", ""))


def _role(form: Mapping[str, str]) -> Role:
    for role in ROLES:
        if role == form.get("role"):
            return role
    raise InvalidRequest("There is no such role.", f"Choose one of {', '.join(ROLES)}.", field="role")
