"""What hosted models cost: reserved before each call and settled after it, against a budget for the day."""

from datetime import date
from pathlib import Path

from studio.database import Database
from studio.errors import HostedError
from studio.settings import Settings

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, day TEXT, model TEXT, micros INTEGER, settled INTEGER);
CREATE INDEX IF NOT EXISTS by_day ON calls (day);
"""
MICROS = 1_000_000


class Purse:
    """The money of one data folder, shared by all programs that use it. Amounts are US dollars.

    A call that was reserved and never settled counts as spent: a program that was killed may have paid for it.
    """

    def __init__(self, settings: Settings) -> None:
        self._budget = settings.day_budget_usd
        self._unknown = settings.unknown_prices
        self._calls = Database(Path(settings.home) / "spending.sqlite", SCHEMA, "What was spent")

    def reserve(self, key: str, model: str, dear: float | None) -> None:
        """Set aside what a call costs at most, None where unknown; HostedError, and nothing set aside, where too dear.

        A call that is made again under its key is not counted twice.
        """
        if self._budget is not None and dear is None and self._unknown == "refuse":
            raise HostedError(
                "budget",
                f"Nobody knows what {model} costs, and there is a budget for the day.",
                "Give its price in a file of presets/hosted, or allow it with STUDIO_UNKNOWN_PRICES=allow.",
            )
        micros = round((dear or 0) * MICROS)
        today = date.today().isoformat()  # noqa: DTZ011 - the creator's own day
        with self._calls.open() as calls:
            (spent,) = calls.execute(
                "SELECT COALESCE(SUM(micros), 0) FROM calls WHERE day = ? AND key != ?", (today, key)
            ).fetchone()
            if self._budget is not None and spent + micros > round(self._budget * MICROS):
                raise HostedError(
                    "budget",
                    f"This would cost up to ${micros / MICROS:.3f}; of the day's ${self._budget:.2f}, "
                    f"${max(self._budget - spent / MICROS, 0):.3f} are left.",
                    "Go on tomorrow, choose a cheaper model or quality, or raise STUDIO_DAY_BUDGET_USD.",
                )
            calls.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, 0)", (key, today, model, micros))

    def settle(self, key: str, cost: float | None) -> None:
        """What the call did cost; None keeps what was set aside for it."""
        with self._calls.open() as calls:
            if cost is None:
                calls.execute("UPDATE calls SET settled = 1 WHERE key = ?", (key,))
            else:
                calls.execute("UPDATE calls SET settled = 1, micros = ? WHERE key = ?", (round(cost * MICROS), key))

    def spent(self) -> float:
        """What was spent and set aside today."""
        today = date.today().isoformat()  # noqa: DTZ011
        with self._calls.open() as calls:
            (micros,) = calls.execute("SELECT COALESCE(SUM(micros), 0) FROM calls WHERE day = ?", (today,)).fetchone()
        return float(micros) / MICROS

    def left(self) -> float | None:
        """What may be spent today; None where there is no budget."""
        return None if self._budget is None else max(self._budget - self.spent(), 0.0)
