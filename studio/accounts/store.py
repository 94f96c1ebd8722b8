"""The accounts of a studio with their sessions, API tokens and invitations; of a secret only its hash is kept."""

import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from sqlite3 import Connection, IntegrityError, Row
from typing import Any

from pydantic import SecretStr

from studio import hf_space
from studio.accounts.passwords import Attempts, hashed, is_right
from studio.errors import AlreadyExists, InvalidRequest, NotFound, StorageError, Unauthorized
from studio.gate.identity import ROLES, Identity, Kind, Role
from studio.settings import Settings
from studio.storage.database import Database

NAME = re.compile(r"[\w][\w.@-]{0,63}")
TOKEN = "ist_"  # noqa: S105 - what tokens begin with
DAY_SECONDS = 86_400.0
# How long a login lasts that nobody uses, and how often it is noted that somebody does.
SESSION_SECONDS, NOTED_SECONDS = 30 * DAY_SECONDS, 3600.0
INVITED_DAYS = 7
LABEL_CHARACTERS = 80
# For how long who has a secret is remembered: another program may take it from them meanwhile.
FRESH_SECONDS, MOST_FRESH = 2.0, 4096


@dataclass(frozen=True)
class Account:
    """Somebody's account."""

    id: str
    name: str
    role: Role
    created: float


@dataclass(frozen=True)
class Token:
    """A program's key to an account; `used` is when it was last, 0 for never."""

    id: str
    label: str
    created: float
    used: float


@dataclass(frozen=True)
class Invitation:
    """A link by which somebody makes an account of this role, once."""

    id: str
    role: Role
    created: float
    expires: float


class Accounts:
    """All accounts of a data folder. Safe to call from any thread, and beside a studio that is running."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._attempts = Attempts()
        self._hub_tokens: dict[str, SecretStr] = {}
        self._known: dict[tuple[Kind, str], tuple[float, Identity | None]] = {}

    def required(self, settings: Settings) -> bool:
        """Whether everybody has to sign in: where it is said, or others reach the studio and there are accounts."""
        if settings.accounts != "auto":
            return settings.accounts == "on"
        return not settings.alone and not hf_space.name() and self.has_admin()

    def has_admin(self) -> bool:
        """Whether somebody can look after the others."""
        return bool(self._rows("SELECT 1 FROM accounts WHERE role = 'admin' LIMIT 1"))

    def all(self) -> list[Account]:
        """All accounts, by name."""
        return [_account(row) for row in self._rows("SELECT * FROM accounts ORDER BY name")]

    def get(self, name: str) -> Account:
        """The account of this name; NotFound."""
        for row in self._rows("SELECT * FROM accounts WHERE name = ?", name):
            return _account(row)
        raise NotFound(f"There is no account “{name}”.", "See studio accounts list.")

    def add(self, name: str, role: Role, password: str, invitation: str = "") -> Account:
        """A new account, for which an invitation may be used up; AlreadyExists where the name is taken.

        InvalidRequest where name or password cannot be, NotFound where the invitation is none any more.
        """
        if not NAME.fullmatch(name):
            raise InvalidRequest(
                f"“{name[:80]}” is not a valid account name.",
                "Use letters and digits, and after the first character also . @ - _; 64 characters at most.",
                field="name",
            )
        account = Account(secrets.token_hex(8), name, role, time.time())
        row = (account.id, name, role, hashed(password), account.created)
        with self._database.write() as rows:
            if invitation:
                self._take_up(rows, invitation)
            try:
                rows.execute("INSERT INTO accounts (id, name, role, password, created) VALUES (?, ?, ?, ?, ?)", row)
            except IntegrityError as error:
                raise AlreadyExists(f"An account “{name}” already exists.", "Choose another name.") from error
        return account

    def set_role(self, account: Account, role: Role) -> None:
        """From now on the account may do this; InvalidRequest where nobody would be left to look after the others."""
        if role != "admin":
            self._check_other_admin(account)
        with self._database.write() as rows:
            rows.execute("UPDATE accounts SET role = ? WHERE id = ?", (role, account.id))
        self._known.clear()

    def set_password(self, account: Account, password: str) -> None:
        """A new password; whoever is signed in with the old one is not any more. InvalidRequest for one too short."""
        with self._database.write() as rows:
            rows.execute("UPDATE accounts SET password = ? WHERE id = ?", (hashed(password), account.id))
            rows.execute("DELETE FROM sessions WHERE account = ?", (account.id,))
        self._known.clear()

    def remove(self, account: Account) -> None:
        """Remove an account with its sessions and tokens; its pictures stay. InvalidRequest for the only admin."""
        self._check_other_admin(account)
        with self._database.write() as rows:
            rows.execute("DELETE FROM accounts WHERE id = ?", (account.id,))
        self._known.clear()

    def of_hub(self, subject: str, name: str, role: Role) -> Account:
        """The account of who signed in with Hugging Face, made at the first time; its role is changed here alone."""
        with self._database.write() as rows:
            found = rows.execute(
                "SELECT accounts.* FROM hub_accounts JOIN accounts ON account = id WHERE subject = ?", (subject,)
            ).fetchone()
            if found:
                return _account(found)
            # No name that somebody chose has a colon in it. Whoever had this one there before keeps it here.
            taken = rows.execute("SELECT 1 FROM accounts WHERE name = ?", (f"hf:{name}",)).fetchone()
            wanted = f"hf:{name}-{_hash(subject)[:6]}" if taken else f"hf:{name}"
            account = Account(secrets.token_hex(8), wanted, role, time.time())
            rows.execute(
                "INSERT INTO accounts (id, name, role, password, created) VALUES (?, ?, ?, '', ?)",
                (account.id, wanted, role, account.created),
            )
            rows.execute("INSERT INTO hub_accounts VALUES (?, ?)", (subject, account.id))
        return account

    def has_password(self, account: Account) -> bool:
        """Whether somebody signs in to it by a password."""
        return bool(self._rows("SELECT 1 FROM accounts WHERE id = ? AND password != ''", account.id))

    def check_password(self, name: str, password: str, address: str) -> Account:
        """The account of this name and password; Unauthorized, or Busy after too many wrong ones."""
        keys = (f"address {address}", f"name {name.casefold()[:64]}")
        self._attempts.check(*keys)
        row = next(iter(self._rows("SELECT * FROM accounts WHERE name = ?", name)), None)
        if not is_right(row["password"] or None if row else None, password) or row is None:
            self._attempts.note(*keys)
            raise Unauthorized("Name or password is wrong.", "Try again, or ask the studio's operator.")
        self._attempts.clear(*keys)
        return _account(row)

    def log_in(self, account: Account, hub_token: SecretStr | None = None) -> str:
        """The secret of a new session, for the browser's cookie.

        What the session may spend at the hub is known until the studio ends.
        """
        secret, now = secrets.token_urlsafe(32), time.time()
        with self._database.write() as rows:
            rows.execute("DELETE FROM sessions WHERE seen < ?", (now - SESSION_SECONDS,))
            rows.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (_hash(secret), account.id, now, now))
        if hub_token:
            self._hub_tokens[_hash(secret)] = hub_token
        return secret

    def log_out(self, secret: str) -> None:
        """End a session."""
        with self._database.write() as rows:
            rows.execute("DELETE FROM sessions WHERE hash = ?", (_hash(secret),))
        self._hub_tokens.pop(_hash(secret), None)
        self._known.clear()

    def new_token(self, account: Account, label: str) -> str:
        """A new API token of an account: it is told this once."""
        secret = TOKEN + secrets.token_urlsafe(32)
        row = (secrets.token_hex(4), account.id, label[:LABEL_CHARACTERS] or "token", _hash(secret), time.time())
        with self._database.write() as rows:
            rows.execute("INSERT INTO tokens (id, account, label, hash, created) VALUES (?, ?, ?, ?, ?)", row)
        return secret

    def tokens(self, account: Account) -> list[Token]:
        """The tokens of an account, newest first."""
        rows = self._rows("SELECT * FROM tokens WHERE account = ? ORDER BY created DESC", account.id)
        return [Token(row["id"], row["label"], row["created"], row["used"]) for row in rows]

    def revoke(self, account: Account, token: str) -> None:
        """A token opens nothing any more; NotFound where the account has none of this id."""
        with self._database.write() as rows:
            done = rows.execute("DELETE FROM tokens WHERE account = ? AND id = ?", (account.id, token)).rowcount
        self._known.clear()
        if not done:
            raise NotFound("There is no such token.", "It may have been revoked already.")

    def invite(self, role: Role, days: float = INVITED_DAYS) -> str:
        """The secret of a link by which somebody makes an account of this role, once, within so many days."""
        secret, now = secrets.token_urlsafe(24), time.time()
        row = (secrets.token_hex(4), _hash(secret), role, now, now + days * DAY_SECONDS)
        with self._database.write() as rows:
            rows.execute("DELETE FROM invitations WHERE expires < ?", (now,))
            rows.execute("INSERT INTO invitations VALUES (?, ?, ?, ?, ?)", row)
        return secret

    def invitations(self) -> list[Invitation]:
        """The invitations that can still be taken up."""
        rows = self._rows("SELECT * FROM invitations WHERE expires >= ? ORDER BY created", time.time())
        return [Invitation(row["id"], row["role"], row["created"], row["expires"]) for row in rows]

    def withdraw(self, invitation: str) -> None:
        """An invitation cannot be taken up any more; NotFound where there is none of this id."""
        with self._database.write() as rows:
            if not rows.execute("DELETE FROM invitations WHERE id = ?", (invitation,)).rowcount:
                raise NotFound("There is no such invitation.", "It may have expired or already been used.")

    def invited(self, secret: str) -> Role:
        """What whoever has this invitation becomes; NotFound where it is none, too old or taken up."""
        query = "SELECT role FROM invitations WHERE hash = ? AND expires >= ?"
        for row in self._rows(query, _hash(secret), time.time()):
            return _role(row)
        raise _no_invitation()

    def join(self, secret: str, name: str, password: str) -> Account:
        """The account that an invitation is for, which is used up by it; NotFound, InvalidRequest, AlreadyExists."""
        return self.add(name, self.invited(secret), password, secret)

    def holder(self, kind: Kind, secret: str) -> Identity | None:
        """Whose this secret is: of a browser's session, or a program's token; None where it is nobody's."""
        key, now = (kind, _hash(secret)), time.monotonic()
        at, found = self._known.get(key, (-FRESH_SECONDS, None))
        if now - at >= FRESH_SECONDS:
            found = self._find(*key)
            if len(self._known) >= MOST_FRESH:
                self._known.clear()
            self._known[key] = now, found
        return found

    def _take_up(self, rows: Connection, secret: str) -> None:
        """Use an invitation up: of two who take it up at once, one comes too late."""
        if not rows.execute("DELETE FROM invitations WHERE hash = ?", (_hash(secret),)).rowcount:
            raise _no_invitation()

    def _find(self, kind: Kind, name: str) -> Identity | None:
        table, used = ("tokens", "used") if kind == "token" else ("sessions", "seen")
        query = f"SELECT accounts.*, {used} FROM {table} JOIN accounts ON account = accounts.id WHERE hash = ?"  # noqa: S608
        row = next(iter(self._rows(query, name)), None)
        if row is None or (table == "sessions" and row[used] < time.time() - SESSION_SECONDS):
            return None
        if row[used] < time.time() - NOTED_SECONDS:
            with suppress(StorageError), self._database.write() as rows:
                rows.execute(f"UPDATE {table} SET {used} = ? WHERE hash = ?", (time.time(), name))  # noqa: S608
        return replace(identity_of(_account(row)), hub_token=self._hub_tokens.get(name))

    def _check_other_admin(self, account: Account) -> None:
        if account.role == "admin" and not self._rows(
            "SELECT 1 FROM accounts WHERE role = 'admin' AND id != ?", account.id
        ):
            raise InvalidRequest("This is the only admin.", "Make somebody else an admin first.")

    def _rows(self, query: str, *values: Any) -> list[Row]:
        with self._database.read() as rows:
            return rows.execute(query, values).fetchall()


def identity_of(account: Account) -> Identity:
    """Who asks, by an account."""
    return Identity.signed_in(account.id, account.name, account.role)


def _no_invitation() -> NotFound:
    return NotFound("This invitation has expired or has already been used.", "Ask for another one.")


def _account(row: Row) -> Account:
    return Account(row["id"], row["name"], _role(row), row["created"])


def _role(row: Row) -> Role:
    """The role of a row; the least one where it is none that is known."""
    return next((role for role in ROLES if role == row["role"]), ROLES[0])


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
