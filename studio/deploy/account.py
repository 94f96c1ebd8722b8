"""Whose token it is, and whether the order can be his."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.deploy.hub import NEW_TOKEN, TOKENS, Hub
from studio.deploy.request import DeployRequest
from studio.errors import InvalidDeployment, Unauthorized
from studio.hf_space import ZERO


@dataclass(frozen=True)
class Account:
    """Who the hub says it is: the name, those of the organizations, and whether a plan is paid."""

    name: str
    organizations: tuple[str, ...]
    is_pro: bool


def who(hub: Hub) -> Account:
    """The token's account; Unauthorized where it may not write."""
    with hub.doing("asking whose token it is") as api:
        answer: Mapping[str, Any] = api.whoami()
    token = answer.get("auth", {}).get("accessToken", {})
    if token.get("role") == "read":
        raise Unauthorized("The token may only read.", NEW_TOKEN)
    if token.get("role") == "fineGrained" and not _may_write(token):
        raise Unauthorized(
            "The fine-grained token may not write to repositories.",
            f"Give it write access to the repositories of the Space's owner at {TOKENS}.",
        )
    organizations = tuple(org["name"] for org in answer.get("orgs", ()))
    return Account(str(answer["name"]), organizations, bool(answer.get("isPro")))


def check_owner(account: Account, request: DeployRequest) -> None:
    """Unauthorized where the Space would be somebody else's."""
    if request.owner not in (account.name, *account.organizations):
        raise Unauthorized(
            f"The token is {account.name}'s, who is not {request.owner} and not in an organization of that name.",
            f"Name the Space {account.name}/..., or use a token of {request.owner}.",
        )


def check_host(account: Account, request: DeployRequest) -> None:
    """InvalidDeployment where the hub lets this account make no new Space on this hardware; it asks organizations."""
    if request.owner == account.name and not account.is_pro and request.hardware == "cpu-basic":
        raise InvalidDeployment(
            "Free accounts can make no Space on cpu-basic.",
            f"Choose {ZERO}, of which a free account may have two, subscribe to PRO, or pay for other hardware.",
        )


def _may_write(token: Mapping[str, Any]) -> bool:
    """Whether some scope of a fine-grained token writes; which one suits is the hub's to say."""
    scopes = token.get("fineGrained", {}).get("scoped", ())
    return any("repo.write" in scope.get("permissions", ()) for scope in scopes)
