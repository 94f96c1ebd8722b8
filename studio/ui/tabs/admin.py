"""Admin: accounts with their roles, tokens and disk, invitations, limits, and the line without what is made."""

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import TypedDict

from studio.accounts.store import Account, identity_of
from studio.errors import Refused
from studio.gate.identity import ROLES, Identity
from studio.jobs.kinds import KINDS
from studio.library.usage import MEGABYTE
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.events import Act, Name, Nothing, served
from studio.ui.island import Island
from studio.ui.schemas.admin import AdminAccount, AdminFacts, AdminJob, AdminLimit
from studio.ui.tabs.base import Panel, Tab, TabContext

LIMITS = (
    "max_waiting_each",
    "max_waiting",
    "jobs_per_minute",
    "jobs_per_minute_all",
    "work_per_minute",
    "max_megapixels",
    "max_steps",
    "max_upload_mb",
    "library_mb",
    "day_budget_usd_each",
    "day_budget_usd",
)


class Ruling(TypedDict):
    """An account, and what it becomes."""

    name: Name
    role: Literal["viewer", "creator", "admin"]


class Named(TypedDict):
    """An account."""

    name: Name


class Inviting(TypedDict):
    """What somebody becomes."""

    role: Literal["viewer", "creator", "admin"]


class Withdrawing(TypedDict):
    """An invitation."""

    id: Name


class Revoking(TypedDict):
    """A token of an account."""

    name: Name
    id: Name


class AdminTab(Tab):
    """The tab; only an admin's page shows it, and only an admin is answered."""

    label = "Admin"
    order = 95
    role = "admin"

    def here(self, studio: Studio) -> bool:
        """Where people sign in."""
        return studio.accounts.required(studio.settings)

    def build(self, context: TabContext) -> Panel:
        return AdminPanel(context)


class AdminPanel(Panel):
    """What the script asks of the server."""

    def __init__(self, context: TabContext) -> None:
        self.studio = context.studio
        self.accounts = context.studio.accounts
        acts: Mapping[str, Act] = {
            "look": self._look,
            "role": self._role,
            "remove": self._remove,
            "invite": self._invite,
            "withdraw": self._withdraw,
            "revoke": self._revoke,
        }
        Island(
            "admin",
            '<section class="admin" aria-label="Admin"></section>',
            module="admin_tab",
            acts=served(acts),
        )

    def _look(self, event: Nothing, who: Identity) -> AdminFacts:
        """Everything, as it is now."""
        del event
        return self._facts(who)

    def _role(self, event: Ruling, who: Identity) -> AdminFacts:
        _check_admin(who)
        self.accounts.set_role(self.accounts.get(event["name"]), event["role"])
        return self._facts(who)

    def _remove(self, event: Named, who: Identity) -> AdminFacts:
        _check_admin(who)
        self.accounts.remove(self.accounts.get(event["name"]))
        return self._facts(who)

    def _invite(self, event: Inviting, who: Identity) -> AdminFacts:
        _check_admin(who)
        secret = self.accounts.invite(event["role"])
        return {**self._facts(who), "link": f"/account/join/{secret}"}

    def _withdraw(self, event: Withdrawing, who: Identity) -> AdminFacts:
        _check_admin(who)
        self.accounts.withdraw(event["id"])
        return self._facts(who)

    def _revoke(self, event: Revoking, who: Identity) -> AdminFacts:
        _check_admin(who)
        self.accounts.revoke(self.accounts.get(event["name"]), event["id"])
        return self._facts(who)

    def _facts(self, who: Identity) -> AdminFacts:
        _check_admin(who)
        known = self.accounts.all()
        stored = self.studio.index.usages.by_owner()
        rows = [self._account(account, stored) for account in known]
        return {
            "you": who.name,
            "roles": list(ROLES),
            "accounts": rows,
            "others": _others(stored),
            "invitations": [
                {"id": one.id, "role": one.role, "expires": one.expires} for one in self.accounts.invitations()
            ],
            "limits": [_limit(self.studio.settings, name) for name in LIMITS],
            "line": self._line(known),
        }

    def _account(self, account: Account, stored: dict[str, tuple[int, int]]) -> AdminAccount:
        """What is told of an account, whose pictures are taken out of what is `stored`."""
        owners = self.studio.index.owners.of(identity_of(account))
        found = [stored.pop(owner, (0, 0)) for owner in owners]
        tokens = self.accounts.tokens(account)
        return {
            "name": account.name,
            "role": account.role,
            "tokens": [{"id": one.id, "label": one.label, "used": one.used} for one in tokens],
            "pictures": sum(count for count, _ in found),
            "megabytes": _megabytes(sum(size for _, size in found)),
        }

    def _line(self, known: list[Account]) -> list[AdminJob]:
        names = {identity_of(account).owner: account.name for account in known}
        return [
            {
                "whose": names.get(job.owner, "somebody else"),
                "kind": KINDS[job.kind].label,
                "state": job.state,
                "pictures": len(job.items),
            }
            for job in self.studio.jobs.unfinished()
        ]


def _check_admin(who: Identity) -> None:
    if not (who.kind == "account" and who.may("admin")):
        raise Refused("This is for an admin.", "Ask the studio's operator.")


def _others(stored: Mapping[str, tuple[int, int]]) -> AdminAccount | None:
    """What belongs to nobody who has an account now."""
    if not stored:
        return None
    count, size = (sum(values) for values in zip(*stored.values(), strict=True))
    return {"name": "", "role": "", "tokens": [], "pictures": count, "megabytes": _megabytes(size)}


def _limit(settings: Settings, name: str) -> AdminLimit:
    value: Any = getattr(settings, name)
    words = str(Settings.model_fields[name].description)
    return {"words": words, "variable": f"STUDIO_{name.upper()}", "value": "any" if value is None else f"{value:g}"}


def _megabytes(size: int) -> float:
    return round(size / MEGABYTE, 1)


TAB = AdminTab()
