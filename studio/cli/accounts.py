"""`studio accounts`: who may use a studio that is served to others: accounts, API tokens and invitations."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, cast

from studio.accounts.store import INVITED_DAYS, Accounts
from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.errors import InvalidSetting
from studio.gate.identity import ROLES, Role, in_words
from studio.settings import Settings
from studio.storage.database import Database

NAMED: Mapping[str, str] = {
    "add": "Create an account; its password is asked for, or read from standard input.",
    "remove": "Remove an account with its sessions and tokens; its pictures stay.",
    "role": "Change what an account may do.",
    "password": "Set a new password for an account, which ends its sessions.",
    "token": "Create an API token for an account, and print it once.",
    "tokens": "List the API tokens of an account.",
    "revoke": "Revoke an API token.",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    made = {"list": actions.add_parser("list", help="List all accounts."), "invite": _invite(actions)}
    for action, about in NAMED.items():
        made[action] = actions.add_parser(action, help=about)
        made[action].add_argument("name", metavar="NAME", help="The account's name.")
    made["add"].add_argument("--role", choices=ROLES, default="creator", help="What it may do (default: creator).")
    made["role"].add_argument("role", choices=ROLES, metavar="ROLE", help=f"One of {', '.join(ROLES)}.")
    made["token"].add_argument("--label", default="", help="What it is for.")
    made["revoke"].add_argument("token", metavar="ID", help="The token's id, as studio accounts tokens lists it.")
    for one in made.values():
        one.add_argument("--json", action="store_true", help="Print one JSON object.")
        settings_arguments(one, "home")


def _invite(actions: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser("invite", help="Print a link's end, which makes one account.")
    parser.add_argument("--role", choices=ROLES, default="creator", help="What it will be able to do.")
    parser.add_argument("--days", type=float, default=INVITED_DAYS, help=f"How long (default: {INVITED_DAYS}).")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do it in the data folder's database; a studio that is running knows within seconds."""
    settings = load_settings(args)
    accounts = Accounts(Database.of(settings.home))
    facts, words = ACTIONS[args.action](accounts, args)
    print(json.dumps(facts) if args.json else words)
    if args.action in ("add", "list") and not args.json:
        _hint(accounts, settings)
    return Exit.DONE


Answer = tuple[dict[str, Any], str]


def _list(accounts: Accounts, args: argparse.Namespace) -> Answer:
    del args
    known = accounts.all()
    words = "\n".join(f"{one.role:8} {one.name}" for one in known) or "There are no accounts."
    return {"accounts": [asdict(one) for one in known]}, words


def _add(accounts: Accounts, args: argparse.Namespace) -> Answer:
    made = accounts.add(args.name, cast("Role", args.role), _password())
    return asdict(made), f"{made.name} is {in_words(made.role)} now."


def _remove(accounts: Accounts, args: argparse.Namespace) -> Answer:
    accounts.remove(accounts.get(args.name))
    return {"removed": args.name}, f"The account {args.name} is removed."


def _role(accounts: Accounts, args: argparse.Namespace) -> Answer:
    accounts.set_role(accounts.get(args.name), args.role)
    return {"name": args.name, "role": args.role}, f"{args.name} is {in_words(args.role)} now."


def _change_password(accounts: Accounts, args: argparse.Namespace) -> Answer:
    account = accounts.get(args.name)
    accounts.set_password(account, _password())
    return {
        "name": account.name
    }, f"{account.name} has a new password; everybody who was signed in has to sign in again."


def _token(accounts: Accounts, args: argparse.Namespace) -> Answer:
    token = accounts.new_token(accounts.get(args.name), args.label)
    return {"token": token}, token


def _tokens(accounts: Accounts, args: argparse.Namespace) -> Answer:
    known = accounts.tokens(accounts.get(args.name))
    words = "\n".join(f"{one.id}  {one.label}" for one in known) or f"{args.name} has no tokens."
    return {"tokens": [asdict(one) for one in known]}, words


def _revoke(accounts: Accounts, args: argparse.Namespace) -> Answer:
    accounts.revoke(accounts.get(args.name), args.token)
    return {"revoked": args.token}, "The token is revoked."


def _new_invitation(accounts: Accounts, args: argparse.Namespace) -> Answer:
    path = f"/account/join/{accounts.invite(args.role, args.days)}"
    return {"path": path}, path


ACTIONS: Mapping[str, Callable[[Accounts, argparse.Namespace], Answer]] = {
    "list": _list,
    "add": _add,
    "remove": _remove,
    "role": _role,
    "password": _change_password,
    "token": _token,
    "tokens": _tokens,
    "revoke": _revoke,
    "invite": _new_invitation,
}


def _password() -> str:
    """The password, asked for twice where somebody sits at it; InvalidSetting where the two differ."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first, second = getpass.getpass("Password: "), getpass.getpass("Once more: ")
    if first != second:
        raise InvalidSetting("The two passwords differ.", "Type the same password twice.")
    return first


def _hint(accounts: Accounts, settings: Settings) -> None:
    if not accounts.has_admin():
        print("Nobody is an admin yet: studio accounts add NAME --role admin", file=sys.stderr)
    elif not accounts.required(settings):
        print("Nobody is asked to sign in on this machine alone: that takes --host, or --accounts on.", file=sys.stderr)


COMMAND = Command("Say who may use a studio that is served to others.", arguments, run)
