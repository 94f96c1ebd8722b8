"""What hosted models cost: reserved before each call and settled after it, against a budget for the day."""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from sqlite3 import Connection

from studio.errors import OverBudget
from studio.gate.identity import COMMAND_LINE, Identity
from studio.settings import Settings
from studio.storage.database import Database
from studio.storage.opening import incidents

OWN = "own"
MICROS = 1_000_000
# How a call ended that cost nothing; one that is settled otherwise has 1.
FREE = 2


@dataclass(frozen=True)
class Price:
    """What so many hosted `pictures` cost at most, in US dollars; `unknown` counts those whose price nobody knows."""

    usd: float
    unknown: int
    pictures: int


def price_words(price: Price) -> str:
    """The price in a sentence; empty where nothing is hosted."""
    if not price.pictures:
        return ""
    hosted = "1 hosted picture" if price.pictures == 1 else f"{price.pictures} hosted pictures"
    known = f"up to ${price.usd:.3f}" if price.unknown < price.pictures else "at an unknown price"
    beyond = f", and {price.unknown} at an unknown price" if 0 < price.unknown < price.pictures else ""
    return f"{hosted}: {known}{beyond}."


class Budget:
    """The money of one data folder, shared by all programs that use it. Amounts are US dollars.

    A call that was reserved and never settled counts as spent: a program that was killed may have paid for it.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._most = settings.day_budget_usd
        self._most_each = settings.day_budget_usd_each
        self._unknown = settings.unknown_prices
        self._database = database

    def reserve(self, key: str, model: str, dear: float | None, who: Identity = COMMAND_LINE) -> bool:
        """Set aside what a call costs at most, None where unknown; OverBudget, and nothing set aside, where too dear.

        A call that is made again under its key is not counted twice; returns whether it is one.
        """
        with self._database.write() as calls:
            self._check(calls, model, dear, who, but=key)
            again = bool(calls.execute("SELECT 1 FROM hosted_calls WHERE key = ?", (key,)).fetchone())
            row = (key, _today(), model, round((dear or 0) * MICROS), who.owner)
            calls.execute(
                "INSERT OR REPLACE INTO hosted_calls (key, day, model, micros, owner) VALUES (?, ?, ?, ?, ?)", row
            )
            return again

    def check(self, model: str, dear: float | None, who: Identity = COMMAND_LINE) -> None:
        """OverBudget where so much, None where nobody knows, may not be spent now by who asks; nothing is set aside."""
        with self._database.read() as calls:
            self._check(calls, model, dear, who)

    def call(self, item: str) -> str:
        """The key under which a picture is asked for: another one only where the one before is over and cost nothing.

        So what may have been charged is asked for by the same name again, after however many restarts.
        """
        query = "SELECT COUNT(*) FROM hosted_calls WHERE key > ? AND key < ? AND settled = ?"
        with self._database.read() as calls:
            # All keys that begin with the item's name and a hyphen: the full stop comes after that.
            (over,) = calls.execute(query, (f"{item}-", f"{item}.", FREE)).fetchone()
        return f"{item}-{over}"

    def release(self, key: str) -> None:
        """The call was refused and cost nothing; its key is used up."""
        with self._database.write() as calls:
            calls.execute("UPDATE hosted_calls SET settled = ?, micros = 0 WHERE key = ?", (FREE, key))

    def charge(self, key: str, cost: float | None) -> None:
        """What the call did cost; None keeps what was set aside for it."""
        with self._database.write() as calls:
            if cost is None:
                calls.execute("UPDATE hosted_calls SET settled = 1 WHERE key = ?", (key,))
            else:
                calls.execute(
                    "UPDATE hosted_calls SET settled = 1, micros = ? WHERE key = ?", (round(cost * MICROS), key)
                )

    def spent(self, who: Identity | None = None) -> float:
        """What was spent and set aside today, by all or by one person."""
        with self._database.read() as calls:
            return _spent(calls, who=who) / MICROS

    def left(self, who: Identity = COMMAND_LINE) -> float | None:
        """What who asks may spend today; None where there is no budget."""
        with self._database.read() as calls:
            is_unknown = _is_unknown(calls)
            found = [limit.left(is_unknown=is_unknown) for limit in self._limits(calls, who)]
        return min(found, default=None)

    @property
    def own(self) -> float | None:
        """The budget for a day that was given here, kept with what was spent; the settings' counts where it is less."""
        with self._database.read() as calls:
            return _own(calls)

    @own.setter
    def own(self, usd: float | None) -> None:
        with self._database.write() as calls:
            calls.execute("DELETE FROM hosted_budgets WHERE name = ?", (OWN,))
            if usd is not None:
                calls.execute("INSERT INTO hosted_budgets VALUES (?, ?, ?)", (OWN, round(usd * MICROS), time.time()))

    def _check(self, calls: Connection, model: str, dear: float | None, who: Identity, but: str = "") -> None:
        limits, usd = self._limits(calls, who, but), dear or 0
        if not limits:
            return
        if _is_unknown(calls):
            raise OverBudget(
                "What was spent today is not known: the database had to be replaced.",
                "Continue tomorrow, or set the day's budget again on the Compare tab, which starts it over.",
                wait_seconds=_until_tomorrow(),
            )
        if dear is None and self._unknown == "refuse":
            raise OverBudget(
                f"The price of {model} is unknown, and there is a budget for the day.",
                "Give its price in a file of presets/hosted, or allow it with STUDIO_UNKNOWN_PRICES=allow.",
            )
        for limit in limits:
            if limit.spent + round(usd * MICROS) > round(limit.usd * MICROS):
                left = f"of {limit.whose} ${limit.usd:.2f}, ${limit.left():.3f} are left"
                raise OverBudget(
                    f"This would cost up to ${usd:.3f}; {left}.",
                    f"Continue tomorrow, choose a cheaper model or quality, or {limit.cure}.",
                    wait_seconds=_until_tomorrow(),
                )

    def _limits(self, calls: Connection, who: Identity, but: str = "") -> list["_Limit"]:
        """What bounds a call of who asks: the budget of all, and of each person but who runs the studio."""
        all_usd = min((usd for usd in (self._most, _own(calls)) if usd is not None), default=None)
        limits = []
        if all_usd is not None:
            cure = "raise the budget: on the Compare tab, or STUDIO_DAY_BUDGET_USD"
            limits.append(_Limit("the day's", all_usd, _spent(calls, but), cure))
        if self._most_each is not None and who.owner != COMMAND_LINE.owner:
            cure = "ask the studio's operator to raise STUDIO_DAY_BUDGET_USD_EACH"
            limits.append(_Limit("your day's", self._most_each, _spent(calls, but, who), cure))
        return limits


@dataclass(frozen=True)
class _Limit:
    """A budget for the day in US dollars, what was spent of it in millionths, and how it is raised."""

    whose: str
    usd: float
    spent: float
    cure: str

    def left(self, *, is_unknown: bool = False) -> float:
        return 0.0 if is_unknown else max(self.usd - self.spent / MICROS, 0.0)


def _own(calls: Connection) -> float | None:
    row = calls.execute("SELECT micros FROM hosted_budgets WHERE name = ?", (OWN,)).fetchone()
    if row is None:
        return None
    # What cannot be read allows nothing, until a budget is given again.
    return row["micros"] / MICROS if isinstance(row["micros"], int) else 0.0


def _is_unknown(calls: Connection) -> bool:
    """Whether some of today's spending may have been lost with the database, and no budget was given since."""
    found = incidents(calls)
    if not found or date.fromtimestamp(found[-1].time).isoformat() != _today():  # noqa: DTZ012 - as below
        return False
    row = calls.execute("SELECT given FROM hosted_budgets WHERE name = ?", (OWN,)).fetchone()
    return row is None or row["given"] < found[-1].time


def _spent(calls: Connection, but: str = "", who: Identity | None = None) -> float:
    """Today's micros of all or of one person, without those of a call that is made again."""
    query = "SELECT TOTAL(micros) FROM hosted_calls WHERE day = ? AND key != ? AND COALESCE(?, owner) = owner"
    return float(calls.execute(query, (_today(), but, who.owner if who else None)).fetchone()[0])


def _until_tomorrow() -> float:
    """Seconds until the creator's next day begins."""
    now = datetime.now()  # noqa: DTZ005 - the creator's own day
    return (datetime.combine(now.date() + timedelta(days=1), datetime.min.time()) - now).total_seconds()


def _today() -> str:
    return date.today().isoformat()  # noqa: DTZ011 - the creator's own day
