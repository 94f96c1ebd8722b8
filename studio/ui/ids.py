"""The ids of elements that the page's scripts look for; `ids.js` is made of them."""

from enum import StrEnum


class Id(StrEnum):
    """An element's id, or what the ids of several begin with."""

    ABOUT = "about"
    CANNOT = "cannot"
    CONTROL_SLOT = "control-slot"
    FIELD = "field-"
    GENERATE = "generate"
    MORE = "more"
    MORE_TABS = "more-tabs"
    OFFER = "offer-"
    PRICE = "price"
    SEED_REUSE = "seed-reuse"
    STAGE = "stage"
    TAB = "tab-"
    TABS = "tabs"
    WHY_NOT = "why-not"
