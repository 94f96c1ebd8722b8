"""The contract of a tab, and what the page lends it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from studio.studio import Studio


@dataclass(frozen=True)
class Desk:
    """What all tabs share: the studio, the Blocks that they are built in, the model picker, and whose page it is.

    `owner` holds a secret of the browser that the page is open in; `owner_of(its value, request)` names the owner.
    """

    studio: Studio
    blocks: Any
    model: Any
    owner: Any


class Tab(ABC):
    """One tab; `label` is what its handle says, tabs stand in the order of `order`."""

    label: str
    order: int

    @abstractmethod
    def build(self, desk: Desk) -> None:
        """Lay out the tab's widgets, in the Gradio context it is called in, and wire them."""
