// The ids of elements that the server makes. Written by `make types` from studio/ui/ids.py.
export const ids = {
    about: "about",
    cannot: "cannot",
    controlSlot: "control-slot",
    field: "field-",
    generate: "generate",
    more: "more",
    moreTabs: "more-tabs",
    offer: "offer-",
    price: "price",
    seedReuse: "seed-reuse",
    stage: "stage",
    tab: "tab-",
    tabs: "tabs",
    whyNot: "why-not",
};
