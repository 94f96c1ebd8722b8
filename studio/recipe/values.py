"""What recipes and their parts are made of: frozen values, and bounds that several fields share."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

# How a stored input is named: the SHA-256 of its pixels.
INPUT_ID = "^[0-9a-f]{64}$"
PICTURE = Field(pattern=INPUT_ID)
SEEDS = 2**32
SEED = Field(ge=0, lt=SEEDS)
SIDE = Field(ge=16, le=8192)
STEPS = Field(ge=1, le=1000)
SHARE = Field(ge=0, le=1)
SECOND_SCALE, SCALE = Field(ge=1, le=4), Field(ge=1, le=8)
# How repeatable the last bits of a picture have to be: see `engine/numerics.py`.
Numerics = Literal["auto", "solo", "free", "exact"]
# How many rows each forward had, as the facts of a picture tell: `2x12, 8x8`.
BUCKETS = Field(pattern=r"^[1-9]\d{0,3}x[1-9]\d{0,4}(, [1-9]\d{0,3}x[1-9]\d{0,4})*$", max_length=20_000)


class Value(BaseModel):
    """A frozen value; one with narrower fields, of which nothing is open, equals the open one that says the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    def __eq__(self, other: object) -> bool:
        related = isinstance(other, type(self)) or isinstance(self, type(other))
        return related and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(frozenset(self.__dict__.items()))

    def changed(self, **changes: Any) -> Self:
        """A copy with some fields changed to values that are known to fit, which are not checked again."""
        return self.model_copy(update=changes)
