"""The pages of accounts as HTML: small, without scripts, and readable where nothing else of the studio is."""

from collections.abc import Mapping, Sequence
from html import escape

from studio.accounts.passwords import SHORTEST
from studio.accounts.store import DAY_SECONDS, Account, Invitation, Token
from studio.gate.identity import ROLES, Role, in_words
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
label { display: block; margin: .5rem 0 } input, select, button { font: inherit; padding: .3rem .5rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .25rem .5rem .25rem 0 }
form.line { display: inline } [role=alert] { border-left: .3rem solid #c33; padding-left: .7rem }
code { overflow-wrap: anywhere; user-select: all }
"""
LENGTH = f'minlength="{SHORTEST}" maxlength="1024"'
MEANT: Mapping[Role, str] = {
    "viewer": "can look and change nothing",
    "creator": "makes pictures",
    "admin": "looks after the other accounts and this machine",
}


def login(fault: str = "", *, hub: bool = False) -> str:
    """Where somebody signs in; by Hugging Face too where that is offered, whose page shows in no frame."""
    name = '<label>Name <input name="name" required autocomplete="username" autofocus></label>'
    field = '<input name="password" type="password" required autocomplete="current-password">'
    form = _form("/account/login", f"{name}<label>Password {field}</label>", "Sign in")
    other = '<p><a href="/account/huggingface" target="_top">Sign in with Hugging Face</a></p>' if hub else ""
    return _page("Sign in", fault, other + form)


def join(role: Role, fault: str = "") -> str:
    """Where an invitation is taken up."""
    name = '<label>Name <input name="name" required maxlength="64" autocomplete="username" autofocus></label>'
    label = f"Password, {SHORTEST} characters or more"
    words = f"<p>You are invited to this studio as {in_words(role)}, who {MEANT[role]}.</p>"
    return _page("Welcome", fault, words + _form("", f"{name}{_new_password(label)}", "Make my account"))


def message(words: str) -> str:
    """One sentence, and the way on."""
    return _page("Accounts", words, '<p><a href="/account/login">Sign in</a></p>')


def account(
    account: Account, parts: Sequence[str], fault: str, shown: tuple[str, str] | None, *, password: bool
) -> str:
    """One's own page; `shown` is a secret that is told once, and what it is; `password` says whether there is one."""
    about = f"<p>You are {escape(account.name)}, {in_words(account.role)}, who {MEANT[account.role]}.</p>"
    once = f"<h2>{shown[0]}</h2><p><code>{escape(shown[1])}</code></p><p>It is shown only once.</p>" if shown else ""
    old = '<label>Old password <input name="old" type="password" required autocomplete="current-password"></label>'
    change = f"<h2>Password</h2>{_form('/account/password', old + _new_password('New password'), 'Change it')}"
    ways = f'<p><a href="/">To the studio</a> {_form("/account/logout", "", "Sign out", line=True)}</p>'
    return _page("Your account", fault, "".join([about, ways, once, *parts, change if password else ""]))


def before(count: int) -> str:
    """What this browser made before anybody signed in, and the way to have it."""
    if not count:
        return ""
    things = "1 picture" if count == 1 else f"{count} pictures"
    words = "<p>They were made before you signed in. Boards, grids, comparisons and jobs come with them.</p>"
    button = f"Move {things} from this browser to this account"
    return f"<h2>From this browser</h2>{words}{_form('/account/take-over', '', button)}"


def tokens(known: Sequence[Token], now: float) -> str:
    """The tokens that programs have."""
    rows = [
        [escape(one.label), f"made {_ago(one.created, now)}", f"used {_ago(one.used, now)}", _revoke(one)]
        for one in known
    ]
    label = '<label>What it is for <input name="label" maxlength="80" required></label>'
    words = "<p>A program that sends one as <code>Authorization: Bearer TOKEN</code> acts as you.</p>"
    return f"<h2>Tokens</h2>{words}{_table(rows)}{_form('/account/tokens', label, 'Make a token')}"


def accounts(known: Sequence[Account]) -> str:
    """Everybody's accounts, for an admin."""
    rows = [[escape(one.name), _roles(one), _act("/account/admin/remove", "name", one.name, "Remove")] for one in known]
    return f"<h2>Accounts</h2>{_table(rows)}"


def invitations(known: Sequence[Invitation], now: float) -> str:
    """Invitations that are open, and how to make one."""
    withdraw = "/account/admin/withdraw"
    rows = [
        [one.role, f"ends {_ahead(one.expires, now)}", _act(withdraw, "invitation", one.id, "Withdraw")]
        for one in known
    ]
    return f"<h2>Invitations</h2>{_table(rows)}{_form('/account/admin/invite', _choice('creator'), 'Invite somebody')}"


def line(jobs: Sequence[Job], names: Mapping[str, str]) -> str:
    """What waits and runs, whose it is, and nothing of what it shows."""
    rows = [
        [escape(names.get(job.owner, "somebody else")), KINDS[job.kind].label, job.state, f"{len(job.items)} pictures"]
        for job in jobs
    ]
    return f"<h2>In line</h2>{_table(rows) or '<p>Nothing is waiting.</p>'}"


def _page(title: str, fault: str, body: str) -> str:
    alert = f'<p role="alert">{escape(fault)}</p>' if fault else ""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html><html lang="en"><head>{head}<title>{title} · Image Studio</title><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1>{alert}{body}</body></html>"
    )


def _form(action: str, inner: str, button: str, *, line: bool = False) -> str:
    kind, target = (' class="line"' if line else ""), (f' action="{action}"' if action else "")
    return f'<form method="post"{target}{kind}>{inner}<button>{button}</button></form>'


def _new_password(label: str) -> str:
    field = f'<input name="password" type="password" required {LENGTH} autocomplete="new-password">'
    return f"<label>{label} {field}</label>"


def _act(action: str, name: str, value: str, button: str) -> str:
    return _form(action, f'<input type="hidden" name="{name}" value="{escape(value)}">', button, line=True)


def _revoke(token: Token) -> str:
    return _form(f"/account/tokens/{token.id}/revoke", "", "Revoke", line=True)


def _roles(account: Account) -> str:
    hidden = f'<input type="hidden" name="name" value="{escape(account.name)}">'
    return _form("/account/admin/role", hidden + _choice(account.role), "Change", line=True)


def _choice(chosen: Role) -> str:
    options = [f"<option{' selected' if role == chosen else ''}>{role}</option>" for role in ROLES]
    return f'<select name="role" aria-label="Role">{"".join(options)}</select> '


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>" if rows else ""


def _ago(when: float, now: float) -> str:
    days = int((now - when) // DAY_SECONDS)
    return "never" if not when else "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"


def _ahead(when: float, now: float) -> str:
    days = round((when - now) / DAY_SECONDS)
    return "today" if days <= 0 else "tomorrow" if days == 1 else f"in {days} days"
