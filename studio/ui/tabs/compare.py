"""Compare: the same prompts by several models, local ones and hosted ones, with what each cost."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from studio.backends.openai import OpenAIBackend
from studio.compare.calls import GIVEN
from studio.compare.making import Compare
from studio.compare.sheets import FORMS, said
from studio.compare.store import Cell, Column, Comparison, Line, read_lines
from studio.errors import LibraryError, StudioError
from studio.hosted.models import Offer
from studio.metrics import METRICS
from studio.recipe import Recipe
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.listeners import LISTENER, served
from studio.ui.owner import owner_of
from studio.ui.pictures import address, smaller, thumbnail
from studio.ui.source import uploaded
from studio.ui.tabs.base import Desk, Panel, Tab

# Pixels of a picture in the table, and of one that is brought.
SIDE = 512
MOST_LISTED = 100
# Partial images of a hosted picture while it is made.
LOOKS = 1
# Gradio finds a custom event by its quoted name in here.
SCRIPT = """
studio.versus(element, props, watch, upload, server, () => trigger("arrive"));
"""

Asked = Mapping[str, Any]
Told = dict[str, Any]


class CompareTab(Tab):
    """The tab; it makes nothing by the shared form."""

    label = "Compare"
    order = 70
    offers = "Compare"

    def build(self, desk: Desk) -> Panel:
        return Table(desk)


class Table(Panel):
    """One person's comparisons. The script says which one it shows and asks how it stands."""

    def __init__(self, desk: Desk) -> None:
        self.studio = desk.studio
        self.owner = desk.owner
        self.compare = Compare(desk.studio, looks=LOOKS)
        acts: Mapping[str, Callable[[Any], Told]] = {
            "facts": self._facts,
            "key": self._key,
            "ends": self._ends,
            "bring": self._bring,
            "estimate": self._estimate,
            "begin": self._begin,
            "stop": self._stop,
            "forget": self._forget,
            "look": self._look,
            "hand": self._hand,
        }
        self.widget = gr.HTML(
            value=None,
            html_template='<section class="versus" aria-label="Compare"></section>',
            js_on_load=SCRIPT,
            elem_id="versus",
            apply_default_css=False,
            server_functions=served(acts),
        )
        self.extras = (self.widget,)
        self.widget.arrive(self._arrive, {self.owner}, [self.widget], api_visibility="private", **LISTENER)

    def begin(self, recipes: list[Recipe], owner: str) -> Updates:
        """A draft of what the form says: its prompts, its model with the settings that were changed."""
        draft = {
            "prompts": list(dict.fromkeys(" ".join(recipe.prompt.split()) for recipe in recipes)),
            "seed": recipes[0].seed,
            **_parted(recipes[0]),
        }
        return {self.widget: {"owner": owner, "draft": draft}}

    def _arrive(self, values: Values, request: gr.Request) -> Updates:
        """Whose page it is: the script says so with all that it asks."""
        return {self.widget: {"owner": owner_of(values[self.owner], request)}}

    def _facts(self, asked: Asked) -> Told:
        """What can be compared, what it costs, where keys are missing, and what was compared before."""
        owner, catalogue = str(asked["owner"]), self.studio.catalogue
        models = sorted(catalogue.values(), key=lambda model: not catalogue.present(model))
        return {
            "local": [{"name": one.id, "label": one.name, "here": catalogue.present(one)} for one in models],
            "hosted": [self._offered(offer) for offer in self.compare.hosted.models.offers()],
            "addresses": self.compare.hosted.trusted,
            "usual": self.studio.settings.model,
            "held": [_title(one, self.compare) for one in self.compare.store.of(owner)[:MOST_LISTED]],
            **self._money(),
        }

    def _offered(self, offer: Offer) -> Told:
        price, end = offer.model.price, offer.model.shutdown
        return {
            "name": offer.name,
            "label": offer.label,
            "host": offer.host_name,
            "settings": {name: list(choices) for name, choices in offer.model.settings.items()},
            "shutdown": end.isoformat() if end and offer.host_name == offer.model.service else "",
            "successor": offer.model.successor,
            "priced": price.date.isoformat() if price and offer.estimate({}, "") is not None else "",
        }

    def _money(self) -> Told:
        """What may still be spent today, where there is a budget."""
        return {"left": self.compare.hosted.purse.left()}

    def _key(self, asked: Asked) -> Told:
        """Keep a key for as long as the studio runs; it is told to nobody, not even to the page it came from."""
        self.compare.hosted.keys.put(str(asked["owner"]), str(asked["host"]), str(asked["key"]))
        return {}

    def _ends(self, asked: Asked) -> Told:
        """When the service ends a model, by its own word; nothing where it does not say."""
        offer = self.compare.hosted.offer(str(asked["model"]))
        key = self.compare.hosted.keys.of(str(asked["owner"]), offer.host_name, offer.host)
        if key is None:
            return {}
        with suppress(StudioError):
            day = OpenAIBackend(offer, key, self.studio.inputs).shutdown()
            return {"shutdown": day.isoformat() if day else ""}
        return {}

    def _bring(self, asked: Asked) -> Told:
        """Store a picture that was made elsewhere."""
        stored = self.studio.inputs.add(uploaded(asked["path"]))
        return {"id": stored.id, "shown": smaller(self.studio.inputs.path(stored.id), SIDE // 4)}

    def _estimate(self, asked: Asked) -> Told:
        """What is still to be made would cost, all and each new column a picture, and whose keys there are."""
        lines, new, base = read_lines(str(asked["prompts"])), self._columns(asked), asked.get("base") or {}
        each = [self.compare.estimate(lines[:1] or [Line("")], [column], base).usd for column in new]
        columns, made = new, set[tuple[int, int]]()
        if asked.get("id"):
            whole = self.compare.store.get(str(asked["id"]), str(asked["owner"]))
            known = {line.prompt for line in whole.lines}
            lines = [*whole.lines, *(line for line in lines if line.prompt not in known)]
            columns = [*whole.columns, *(column for column in new if column not in whole.columns)]
            made = {(cell.line, cell.column) for cell in whole.cells if cell.state == "done"}
            base = whole.base
        offers = [self.compare.hosted.offer(column.model) for column in columns if column.kind == "hosted"]
        hosts = {offer.host_name: offer.host for offer in offers}
        keys = self.compare.hosted.keys.known(str(asked["owner"]), hosts)
        costs = self.compare.estimate(lines, columns, base, made)
        return {**asdict(costs), "each": each, "keys": keys, **self._money()}

    def _begin(self, asked: Asked) -> Told:
        """Make a comparison, or extend one and go on."""
        owner, lines, columns = str(asked["owner"]), read_lines(str(asked["prompts"])), self._columns(asked)
        name = str(asked.get("id") or "")
        if name:
            self.compare.extend(name, owner, lines, columns)
        else:
            name = self.compare.create(owner, lines, columns, seed=asked.get("seed"), base=asked.get("base"))
        self.compare.start(name, owner)
        return {"id": name}

    def _columns(self, asked: Asked) -> list[Column]:
        return [self._column(one) for one in asked["columns"]]

    def _column(self, one: Asked) -> Column:
        if one.get("pictures"):
            pictures = {str(number): str(picture) for number, picture in enumerate(one["pictures"])}
            return Column("imported", "imported", str(one.get("label") or "Imported")[:80], pictures)
        settings = urlencode(dict(one.get("settings") or {}))
        return self.compare.column(f"{one['name']}?{settings}" if settings else str(one["name"]))

    def _stop(self, asked: Asked) -> Told:
        self.compare.stop(str(asked["id"]), str(asked["owner"]))
        return {}

    def _forget(self, asked: Asked) -> Told:
        self.compare.stop(str(asked["id"]), str(asked["owner"]))
        self.compare.store.forget(str(asked["id"]), str(asked["owner"]))
        return self._facts(asked)

    def _look(self, asked: Asked) -> Told:
        """How a comparison stands; nothing new where the page has seen that."""
        name, owner = str(asked["id"]), str(asked["owner"])
        running, coming = self.compare.running(name), self.compare.coming(name)
        seen = [self.compare.version(name), running, coming]
        if asked.get("seen") == seen:
            return {"same": True}
        whole = self.compare.store.get(name, owner)
        return {
            "id": name,
            "seen": seen,
            "running": running,
            "coming": coming,
            "seed": whole.seed,
            "lines": [asdict(line) for line in whole.lines],
            "columns": [{**asdict(column), "contestant": column.contestant} for column in whole.columns],
            "cells": [self._cell(whole, cell, running=running) for cell in whole.cells],
            "total": whole.total_usd,
            "unknown": sum(_unpriced(whole, cell) for cell in whole.cells),
            **self._money(),
        }

    def _cell(self, whole: Comparison, cell: Cell, *, running: bool) -> Told:
        path = Path(cell.path)
        there = cell.state == "done" and path.is_file()
        look = self.compare.looks.get((whole.id, cell.line, cell.column))
        # What was being made when the studio ended goes on when it is told to.
        state = "stopped" if cell.state in ("running", "waiting") and not running else cell.state
        return {
            "line": cell.line,
            "column": cell.column,
            "state": state,
            "said": said(cell),
            "measured": [[METRICS[name].label, value] for name, value in cell.metrics.items() if name in METRICS],
            "revised": cell.revised,
            "kind": cell.kind,
            "fault": f"{cell.message} {cell.hint}".strip(),
            "look": f"data:image/jpeg;base64,{b64encode(look).decode()}" if look else "",
            "width": cell.width,
            "height": cell.height,
            **(self._shown(path) if there else {}),
        }

    def _shown(self, path: Path) -> Told:
        return {"shown": thumbnail(self.studio.settings, path, SIDE), "file": address(path), "name": path.name}

    def _hand(self, asked: Asked) -> Told:
        """The comparison in one of its forms, to be saved by the browser."""
        form = FORMS.get(str(asked["form"]))
        if form is None:
            raise LibraryError("There is no such form.", f"Choose one of {', '.join(FORMS)}.")
        whole = self.compare.store.get(str(asked["id"]), str(asked["owner"]))
        return {"name": f"comparison.{asked['form']}", "data": b64encode(form(whole)).decode()}


def _parted(recipe: Recipe) -> Told:
    """What was asked for beside prompt and seed: the model with its plain settings, and what all columns share."""
    own = {"version", "prompt", "model", "seed", "count"}
    told = recipe.model_dump(mode="json", exclude=own, exclude_none=True, exclude_defaults=True)
    shared = {name for name, value in told.items() if name in GIVEN or not isinstance(value, int | float | str)}
    settings = {name: value for name, value in told.items() if name not in shared}
    return {"model": {"name": recipe.model, "settings": settings}, "base": {name: told[name] for name in shared}}


def _title(one: Comparison, compare: Compare) -> Told:
    """A line of the list of earlier ones."""
    ended: Sequence[Cell] = [cell for cell in one.cells if cell.state in ("done", "failed", "empty")]
    return {
        "id": one.id,
        "title": one.lines[0].prompt if one.lines else "",
        "lines": len(one.lines),
        "columns": [column.label for column in one.columns],
        "created": one.created,
        "left": len(one.cells) - len(ended),
        "running": compare.running(one.id),
    }


def _unpriced(whole: Comparison, cell: Cell) -> bool:
    """Whether nobody knows what a finished picture did cost."""
    return cell.state == "done" and cell.cost_usd is None and whole.columns[cell.column].kind == "hosted"


TAB = CompareTab()
