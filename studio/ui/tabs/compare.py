"""Compare: the same prompts by several models, local ones and hosted ones, with what each cost."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from studio.backends.openai import OpenAIBackend
from studio.compare.making import Compare
from studio.compare.sheets import FORMS
from studio.compare.store import Column, Comparison, Line, read_lines
from studio.errors import LibraryError, SettingsError, StudioError
from studio.hosted.models import Offer
from studio.recipe import Recipe
from studio.ui import compare_views
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.listeners import LISTENER, served
from studio.ui.owner import owner_of
from studio.ui.pictures import smaller
from studio.ui.source import uploaded
from studio.ui.tabs.base import Desk, Panel, Tab

# Pixels of a picture that is brought.
BROUGHT = 128
MOST_LISTED = 100
MOST_USD = 100_000
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
            "budget": self._budget,
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
            **compare_views.parted(recipes[0]),
        }
        return {self.widget: {"owner": owner, "draft": draft}}

    def _arrive(self, values: Values, request: gr.Request) -> Updates:
        """Whose page it is: the script says so with all that it asks."""
        return {self.widget: {"owner": owner_of(values[self.owner], request)}}

    def _facts(self, asked: Asked) -> Told:
        """What can be compared, what it costs, where keys are missing, and what was compared before."""
        catalogue, hosted = self.studio.catalogue, self.compare.hosted
        models = sorted(catalogue.values(), key=lambda model: not catalogue.present(model))
        held = self.compare.store.of(str(asked["owner"]))[:MOST_LISTED]
        return {
            "local": [{"name": one.id, "label": one.name, "here": catalogue.present(one)} for one in models],
            "hosted": [compare_views.offered(offer) for offer in self._offers(held)],
            "hosts": list(hosted.models.hosts),
            "addresses": hosted.trusted,
            "usual": self.studio.settings.model,
            "held": [compare_views.title(one, self.compare) for one in held],
            "budget": hosted.purse.own,
            "most": self.studio.settings.day_budget_usd,
            "refuses": self.studio.settings.unknown_prices == "refuse",
        }

    def _offers(self, held: Sequence[Comparison]) -> list[Offer]:
        """The models that there are files of, and others that were compared before."""
        hosted = self.compare.hosted
        known = {offer.name: offer for offer in hosted.models.offers()}
        for column in (column for one in held for column in one.columns if column.kind == "hosted"):
            with suppress(StudioError):
                known.setdefault(column.model, hosted.offer(column.model))
        return list(known.values())

    def _money(self) -> Told:
        """What may still be spent today, where there is a budget."""
        return {"left": self.compare.hosted.purse.left()}

    def _key(self, asked: Asked) -> Told:
        """Keep a key for as long as the studio runs; it is told to nobody, not even to the page it came from."""
        self.compare.hosted.keys.put(str(asked["owner"]), str(asked["host"]), str(asked["key"]))
        return {}

    def _budget(self, asked: Asked) -> Told:
        """What may be spent in a day; none ends the page's own budget, not the settings'."""
        usd = asked.get("usd")
        if not self.compare.hosted.trusted:
            raise SettingsError("This page sets no budget.", "Whoever runs the studio does, by STUDIO_DAY_BUDGET_USD.")
        if usd is not None and not (isinstance(usd, int | float) and 0 <= usd <= MOST_USD):
            raise SettingsError("This is no budget.", f"Give US dollars, from 0 to {MOST_USD}, or leave it empty.")
        self.compare.hosted.purse.own = usd
        return self._money()

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
        return {"id": stored.id, "shown": smaller(self.studio.inputs.path(stored.id), BROUGHT)}

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
        told = compare_views.table(whole, self.compare, running=running)
        return {**told, "seen": seen, "coming": coming, **self._money()}

    def _hand(self, asked: Asked) -> Told:
        """The comparison in one of its forms, to be saved by the browser."""
        form = FORMS.get(str(asked["form"]))
        if form is None:
            raise LibraryError("There is no such form.", f"Choose one of {', '.join(FORMS)}.")
        whole = self.compare.store.get(str(asked["id"]), str(asked["owner"]))
        return {"name": f"comparison.{asked['form']}", "data": b64encode(form(whole)).decode()}


TAB = CompareTab()
