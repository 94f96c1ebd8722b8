"""Accounts: passwords, sessions, tokens, roles and invitations, in the store and at the command line."""

import io
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.accounts import passwords, store
from studio.accounts.passwords import Attempts
from studio.accounts.store import Accounts
from studio.cli import main
from studio.cli.base import Exit
from studio.errors import AlreadyExists, Busy, InvalidRequest, NotFound, Unauthorized
from studio.settings import Settings
from studio.storage.database import Database

GOOD = "correct horse battery"


@pytest.fixture
def accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    monkeypatch.setattr(store, "FRESH_SECONDS", 0.0)
    return Accounts(Database.of(tmp_path))


def test_a_password_lets_in_whom_it_belongs_to_and_nobody_else(accounts: Accounts) -> None:
    ann = accounts.add("ann", "creator", GOOD)
    assert accounts.check_password("Ann", GOOD, "1.2.3.4") == ann
    for name, password in (("ann", "wrong horse battery"), ("nobody", GOOD), ("ann", "")):
        with pytest.raises(Unauthorized, match="wrong"):
            accounts.check_password(name, password, "1.2.3.4")


def test_of_secrets_only_hashes_are_on_the_disk(accounts: Accounts, tmp_path: Path) -> None:
    ann = accounts.add("ann", "admin", GOOD)
    told = [GOOD, accounts.log_in(ann), accounts.new_token(ann, "laptop"), accounts.invite("viewer")]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("studio.sqlite*"))
    assert b"argon2id" in kept
    assert not [secret for secret in told if secret.encode() in kept]


def test_what_steals_the_file_of_accounts_pays_for_each_guess() -> None:
    """With what OWASP names as the least: the other tests hash more quickly."""
    own = runpy.run_path(str(passwords.__file__))
    *_, costs, _, _ = own["hashed"](GOOD).split("$")
    cost = dict(one.split("=") for one in costs.split(","))
    assert int(cost["m"]) >= 19 * 1024
    assert int(cost["t"]) >= 2


def test_whoever_guesses_has_to_wait(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.add("ann", "creator", GOOD)
    monkeypatch.setattr(passwords, "MOST_WRONG", 3)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            accounts.check_password("ann", "wrong horse battery", "1.2.3.4")
    for name, address in (("ann", "5.6.7.8"), ("bob", "1.2.3.4")):
        with pytest.raises(Busy) as caught:
            accounts.check_password(name, GOOD, address)
        assert 0 < (caught.value.wait_seconds or 0) <= passwords.WRONG_SECONDS
    attempts = Attempts()
    attempts.note("a", "a", "a")
    monkeypatch.setattr(passwords, "WRONG_SECONDS", 0.0)
    attempts.check("a")


def test_a_session_is_the_account_until_it_ends(accounts: Accounts) -> None:
    ann = accounts.add("ann", "admin", GOOD)
    secret = accounts.log_in(ann)
    who = accounts.holder("browser", secret)
    assert who
    assert (who.owner, who.name, who.turn) == (f"account:{ann.id}", "ann", who.owner)
    assert who.keeps
    assert accounts.holder("token", secret) is None, "a session is no token"
    accounts.log_out(secret)
    assert accounts.holder("browser", secret) is None


def test_another_password_ends_all_sessions(accounts: Accounts) -> None:
    ann = accounts.add("ann", "creator", GOOD)
    secret = accounts.log_in(ann)
    accounts.set_password(ann, "another horse battery")
    assert accounts.holder("browser", secret) is None
    assert accounts.check_password("ann", "another horse battery", "")


def test_a_session_that_nobody_used_for_long_is_over(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = accounts.log_in(accounts.add("ann", "creator", GOOD))
    monkeypatch.setattr(store, "SESSION_SECONDS", -1.0)
    assert accounts.holder("browser", secret) is None


def test_a_token_opens_until_it_is_revoked(accounts: Accounts) -> None:
    ann, bob = accounts.add("ann", "creator", GOOD), accounts.add("bob", "viewer", GOOD)
    secret = accounts.new_token(ann, "laptop")
    who = accounts.holder("token", secret)
    assert who
    assert who.name == "ann"
    (token,) = accounts.tokens(ann)
    assert (token.label, token.used > 0) == ("laptop", True)
    with pytest.raises(NotFound):
        accounts.revoke(bob, token.id)
    accounts.revoke(ann, token.id)
    assert accounts.holder("token", secret) is None


def test_an_invitation_makes_one_account_of_its_role(accounts: Accounts) -> None:
    secret = accounts.invite("viewer")
    assert accounts.invited(secret) == "viewer"
    with pytest.raises(InvalidRequest, match="10 characters"):
        accounts.join(secret, "vic", "short")
    assert accounts.join(secret, "vic", GOOD).role == "viewer"
    for late in (secret, "no invitation", accounts.invite("admin", days=-1)):
        with pytest.raises(NotFound):
            accounts.join(late, "eve", GOOD)
    open_one = accounts.invite("admin")
    accounts.withdraw(accounts.invitations()[0].id)
    with pytest.raises(NotFound):
        accounts.invited(open_one)


def test_a_taken_name_leaves_the_invitation_as_it_was(accounts: Accounts) -> None:
    accounts.add("ann", "creator", GOOD)
    secret = accounts.invite("viewer")
    with pytest.raises(AlreadyExists):
        accounts.join(secret, "ANN", GOOD)
    assert accounts.join(secret, "vic", GOOD).role == "viewer"


def test_a_viewer_makes_nothing_and_an_admin_decides_about_this_machine(accounts: Accounts) -> None:
    roles = {role: store.identity_of(accounts.add(role, role, GOOD)) for role in store.ROLES}
    assert [who.creates for who in roles.values()] == [False, True, True]
    assert [who.keeps for who in roles.values()] == [False, False, True]


def test_somebody_stays_to_look_after_the_others(accounts: Accounts) -> None:
    ann, bob = accounts.add("ann", "admin", GOOD), accounts.add("bob", "creator", GOOD)
    for act in (lambda: accounts.remove(ann), lambda: accounts.set_role(ann, "viewer")):
        with pytest.raises(InvalidRequest, match="only admin"):
            act()
    accounts.set_role(bob, "admin")
    secret = accounts.new_token(ann, "")
    accounts.remove(ann)
    assert [one.name for one in accounts.all()] == ["bob"]
    assert accounts.holder("token", secret) is None


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 65, "<b>", "-a", "a\n"])
def test_names_that_cannot_be_are_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(InvalidRequest, match="not a valid account name"):
        accounts.add(name, "viewer", GOOD)


@pytest.mark.parametrize(
    ("given", "made", "required"),
    [
        ({}, True, False),
        ({"accounts": "on"}, False, True),
        ({"host": "0.0.0.0"}, False, False),
        ({"host": "0.0.0.0"}, True, True),
        ({"host": "0.0.0.0", "accounts": "off"}, True, False),
    ],
)
def test_signing_in_is_for_studios_that_others_reach(
    accounts: Accounts, tmp_path: Path, given: dict[str, Any], made: bool, required: bool
) -> None:
    if made:
        accounts.add("ann", "admin", GOOD)
    assert accounts.required(Settings.load(home=tmp_path, **given)) is required


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs `studio accounts`, with a password on its standard input, and returns what it printed as JSON."""

    def run(*words: str, password: str = GOOD, code: int = Exit.DONE) -> Any:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
        assert main(["accounts", *words, "--home", str(tmp_path), "--json"]) == code
        out = capsys.readouterr()
        return json.loads(out.out) if code == Exit.DONE else out.err

    return run


def test_the_command_line_looks_after_accounts(command: Callable[..., Any], accounts: Accounts) -> None:
    assert command("add", "ann", "--role", "admin")["role"] == "admin"
    assert accounts.check_password("ann", GOOD, "").role == "admin"
    token = command("token", "ann", "--label", "laptop")["token"]
    assert accounts.holder("token", token)
    (listed,) = command("tokens", "ann")["tokens"]
    command("revoke", "ann", listed["id"])
    assert accounts.holder("token", token) is None
    path = command("invite", "--role", "viewer")["path"]
    assert accounts.invited(path.rpartition("/")[2]) == "viewer"
    command("add", "bob")
    command("role", "bob", "admin")
    command("password", "bob", password="another horse battery")
    assert accounts.check_password("bob", "another horse battery", "").role == "admin"
    command("remove", "ann")
    assert [one["name"] for one in command("list")["accounts"]] == ["bob"]
    assert "There is no account" in command("remove", "ann", code=Exit.WRONG)
    assert "10 characters" in command("add", "eve", password="short", code=Exit.WRONG)
