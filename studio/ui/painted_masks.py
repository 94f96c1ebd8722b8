"""The masks and sketches of one page, by the picture that each was painted over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, Self

from PIL import Image
from typing_extensions import TypedDict

from studio.ui.events import Name
from studio.ui.schemas.masks import MaskNews


class Masks(TypedDict):
    """The ids of the mask and the sketch for each picture's."""

    of: NotRequired[dict[Name, Name] | None]
    sketches: NotRequired[dict[Name, Name] | None]


@dataclass
class PaintedMasks:
    """Ids of stored masks, and of pictures with colours on them, by the id of the picture."""

    of: dict[str, str] = field(default_factory=dict)
    sketches: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, value: Any) -> Self:
        """What the page keeps; nothing where it keeps none, or something else."""
        kept = value if isinstance(value, Mapping) else {}
        return cls(_names(kept.get("of")), _names(kept.get("sketches")))

    def clear(self, picture: str | None) -> None:
        """Nothing is painted over the picture any more."""
        self.of.pop(picture or "", None)
        self.sketches.pop(picture or "", None)

    def put(self, picture: str, mask: str | None, sketch: str | None = None) -> None:
        """What is painted over the picture now."""
        self.clear(picture)
        if mask is not None:
            self.of[picture] = mask
        if sketch is not None:
            self.sketches[picture] = sketch

    def news(
        self,
        *,
        serial: int = 0,
        shown: tuple[str, str] = ("", ""),
        notes: Sequence[str] = (),
        faults: Sequence[str] = (),
    ) -> MaskNews:
        """What the page is told; `shown` are the addresses of the mask and the sketch that the editor is to show."""
        return {
            "of": dict(self.of),
            "sketches": dict(self.sketches),
            "serial": serial,
            "mask": shown[0],
            "sketch": shown[1],
            "notes": list(notes),
            "faults": list(faults),
        }


def full(mask: Image.Image | None) -> list[str]:
    """What to say of a mask that leaves nothing."""
    leaves_none = mask is not None and mask.getextrema() == (255, 255)
    return ["The whole picture is painted over: at strength 1 nothing of it remains."] if leaves_none else []


def _names(stored: Any) -> dict[str, str]:
    return {str(picture): str(one) for picture, one in stored.items()} if isinstance(stored, Mapping) else {}
