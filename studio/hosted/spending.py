"""What hosted models cost: reserved before each call and settled after it, against a budget for the day."""

import time
from datetime import date
from sqlite3 import Connection

from studio.errors import OverBudget
from studio.settings import Settings
from studio.storage.database import Database
from studio.storage.opening import incidents

OWN = "own"
MICROS = 1_000_000


class Purse:
    """The money of one data folder, shared by all programs that use it. Amounts are US dollars.

    A call that was reserved and never settled counts as spent: a program that was killed may have paid for it.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._most = settings.day_budget_usd
        self._unknown = settings.unknown_prices
        self._database = database

    def reserve(self, key: str, model: str, dear: float | None) -> None:
        """Set aside what a call costs at most, None where unknown; HostedError, and nothing set aside, where too dear.

        A call that is made again under its key is not counted twice.
        """
        micros = round((dear or 0) * MICROS)
        with self._database.write() as calls:
            budget, spent = self._budget(calls), _spent(calls, but=key)
            if budget is not None and _is_unknown(calls):
                raise OverBudget(
                    "What was spent today is not known: the database had to be replaced.",
                    "Go on tomorrow, or set the day's budget again on the Compare tab, which allows as much anew.",
                )
            if budget is not None and dear is None and self._unknown == "refuse":
                raise OverBudget(
                    f"Nobody knows what {model} costs, and there is a budget for the day.",
                    "Give its price in a file of presets/hosted, or allow it with STUDIO_UNKNOWN_PRICES=allow.",
                )
            if budget is not None and spent + micros > round(budget * MICROS):
                raise OverBudget(
                    f"This would cost up to ${micros / MICROS:.3f}; of the day's ${budget:.2f}, "
                    f"${max(budget - spent / MICROS, 0):.3f} are left.",
                    "Go on tomorrow, choose a cheaper model or quality, or raise the budget: on the Compare tab, or "
                    "STUDIO_DAY_BUDGET_USD.",
                )
            calls.execute("INSERT OR REPLACE INTO hosted_calls VALUES (?, ?, ?, ?, 0)", (key, _today(), model, micros))

    def settle(self, key: str, cost: float | None) -> None:
        """What the call did cost; None keeps what was set aside for it."""
        with self._database.write() as calls:
            if cost is None:
                calls.execute("UPDATE hosted_calls SET settled = 1 WHERE key = ?", (key,))
            else:
                calls.execute(
                    "UPDATE hosted_calls SET settled = 1, micros = ? WHERE key = ?", (round(cost * MICROS), key)
                )

    def spent(self) -> float:
        """What was spent and set aside today."""
        with self._database.read() as calls:
            return _spent(calls) / MICROS

    def left(self) -> float | None:
        """What may be spent today; None where there is no budget."""
        with self._database.read() as calls:
            budget = self._budget(calls)
            spent = float("inf") if _is_unknown(calls) else _spent(calls) / MICROS
            return None if budget is None else max(budget - spent, 0.0)

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

    def _budget(self, calls: Connection) -> float | None:
        return min((usd for usd in (self._most, _own(calls)) if usd is not None), default=None)


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


def _spent(calls: Connection, but: str = "") -> float:
    """Today's micros, without those of a call that is made again."""
    query = "SELECT COALESCE(SUM(micros), 0) FROM hosted_calls WHERE day = ? AND key != ?"
    return float(calls.execute(query, (_today(), but)).fetchone()[0])


def _today() -> str:
    return date.today().isoformat()  # noqa: DTZ011 - the creator's own day
