"""The panel of LoRAs: one on the page, shared by all tabs that draw.

Its value is what `lora_panel.js` draws: `loras`, the stack as a recipe has it, with what the page adds to each
(PAGES_OWN). What the prompt mentions is in it too, as `said`: its weights are the prompt's, and it goes with its
mention. The script owns the value; it calls what it needs of the server by name.
"""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from studio.catalogue.models import Model
from studio.errors import InvalidPrompt, InvalidRecipe
from studio.gate.identity import Identity
from studio.presets import saving
from studio.presets.people import check_saves
from studio.prompts.language import Lora as Mention
from studio.prompts.mentions import rewritten
from studio.recipe import Lora, Recipe
from studio.resolve.prompts import MOST, drawable, mentioned, replaced
from studio.resolve.styles import styled
from studio.studio import Studio
from studio.ui import fields
from studio.ui.events import Act, Name, Words, served
from studio.ui.form import Form, Updates, Values
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.lora_browser import LOOKS, LoraBrowser
from studio.ui.schemas.loras import LoraFields, LoraLook, LoraStacks, LoraWay, LoraWeights, StackedWeights

Entry = dict[str, Any]
MOST_ENTRIES = 500
Entries = Annotated[list[Entry], Field(max_length=MOST_ENTRIES)]
# What the page keeps of a LoRA besides the recipe's: its name there, whether it counts, whether the prompt says it.
PAGES_OWN = frozenset({"key", "on", "said"})
STACKS = "stacks"


class Held(TypedDict):
    """What the panel says: LoRAs, each of which the recipe checks."""

    loras: Entries


class Looking(TypedDict):
    """A stack, with the prompt, styles and model that decide its notes."""

    prompt: Words
    styles: NotRequired[list[Name] | None]
    loras: Entries
    model: Name | None


class Rewording(TypedDict):
    """A LoRA that the prompt mentions, and as what; as nothing where it is left out."""

    prompt: Words
    name: Name
    lora: Entry | None


class Modelled(TypedDict):
    """For which model."""

    model: Name | None


class Saving(Modelled):
    """A stack to save."""

    name: Name
    loras: Entries


class Forgetting(Modelled):
    """A saved stack to delete."""

    id: Name


class LoraPanel:
    """The LoRAs of one page."""

    def __init__(self, studio: Studio, form: Form) -> None:
        self.studio = studio
        self.form = form
        self.shelf = LoraBrowser(studio, form)

    def place(self) -> None:
        """Put the panel at this place of the layout."""
        acts: dict[str, Act] = {
            "look": self._look,
            "reword": self._reword,
            "stacks": self._stacks,
            "save": self._save,
            "forget": self._forget,
        }
        self.widget = Island(
            f"{Id.FIELD}loras",
            '<section class="loras" aria-label="LoRAs"></section>',
            module="lora_panel",
            value=_value([]),
            holds=Held,
            data=_facts(),
            acts=served({**acts, **self.shelf.acts}, looks=["look", "reword", "stacks", *LOOKS]),
            label="LoRAs",
        )

    def read(self, values: Values, tab: str) -> dict[str, Any]:
        """The recipe's `loras`: those that are on, without what the prompt does not mention any more."""
        stack = [entry for entry in _entries(values.get(self.widget)) if entry.get("on", True)]
        if not stack or "loras" in self.form.hidden(values, tab):
            return {}
        names = self._names(values.get(self.form.widgets["prompt"]) or "")
        given = [
            _of_panel(entry) for entry in stack if not entry.get("said") or self._named(str(entry.get("name"))) in names
        ]
        return {"loras": Recipe.make(loras=given).loras}

    def show(self, recipe: Recipe) -> Updates:
        """What to set the panel to, so that it says the recipe's LoRAs."""
        names = self._names(recipe.prompt)
        stack = [{**lora.model_dump(mode="json"), "said": self._named(lora.name) in names} for lora in recipe.loras]
        return {self.widget: _value(stack)}

    def restore(self, kept: Any) -> Updates:
        """What to set the panel to from what the browser kept of it."""
        stack = kept.get("loras") if isinstance(kept, Mapping) else None
        return {self.widget: _value([entry for entry in stack or [] if isinstance(entry, dict) and entry.get("name")])}

    def _named(self, name: str) -> str:
        """How the LoRA is listed that a name calls."""
        return self.studio.prompt_assets.loras.named(name)

    def _names(self, prompt: str) -> frozenset[str]:
        """What a prompt mentions; nothing where it cannot be read, which is told where it is."""
        try:
            return frozenset(mentioned(prompt, self._named))
        except InvalidPrompt:
            return frozenset()

    def _look(self, event: Looking, who: Identity) -> LoraLook:
        """What there is to say of the stack with this model and prompt.

        `said` is what the prompt mentions, None while it cannot be read; `notes` is what it replaces; `ghosts` are
        LoRAs that come with a style, or that may be drawn from the prompt.
        """
        model = self.form.model(event["model"])
        stack = [entry for entry in _entries(event["loras"]) if entry.get("name")]
        try:
            in_prompt = mentioned(event["prompt"], self._named)
        except InvalidRecipe:
            in_prompt = None
        own = Recipe.make(loras=[_of_panel(entry) for entry in stack if not entry.get("said")])
        notes = {
            lora.name: " ".join(replaced(Recipe(loras=(lora,)), Recipe(loras=(in_prompt[name],))))
            for lora in own.loras
            if in_prompt and (name := self._named(lora.name)) in in_prompt
        }
        listed = {str(entry["name"]) for entry in stack} | set(in_prompt or ())
        brought = {} if in_prompt is None else self._brought(event, model, in_prompt, who)
        notes |= {
            name: f"{ghost['way']}: its weight is then {ghost['weight']}."
            for name, ghost in brought.items()
            if name in listed
        }
        return {
            "said": None if in_prompt is None else {name: _weights(lora) for name, lora in in_prompt.items()},
            "cards": {name: self.shelf.card(name, model) for name in listed | brought.keys()},
            "notes": notes,
            "ghosts": [{"name": name, **ghost} for name, ghost in brought.items() if name not in listed],
            "blocks": [", ".join(order) for order in model.family_facts().lora_blocks],
        }

    def _brought(
        self, event: Looking, model: Model, in_prompt: Mapping[str, Lora], who: Identity
    ) -> dict[str, LoraWay]:
        """The way and the weight of each LoRA that comes with the words, but is not in the prompt as it is written."""
        recipe = Recipe.make(prompt=event["prompt"], styles=event.get("styles") or ())
        wildcards = self.studio.prompt_assets.wildcards
        try:
            prompt = styled(recipe, model, self.studio.of(who).presets, wildcards).prompt
            sure, weights = mentioned(prompt, self._named), drawable(prompt, wildcards, self._named)
        except InvalidRecipe:  # told at the words themselves
            return {}
        return {
            name: {
                "way": "Comes with a style" if name in sure else "May be drawn from the prompt",
                "weight": " to ".join(dict.fromkeys(f"{weight:g}" for weight in (given[0], given[-1]))),
            }
            for name, given in weights.items()
            if name not in in_prompt
        }

    def _reword(self, event: Rewording) -> dict[str, str]:
        """The prompt with a LoRA that it mentions said otherwise, or left out."""
        (lora,) = map(_of_prompt, Recipe.make(loras=[_of_panel(event["lora"])]).loras) if event["lora"] else (None,)
        return {"prompt": rewritten(event["prompt"], event["name"], lora)}

    def _stacks(self, event: Modelled, who: Identity) -> LoraStacks:
        """The saved stacks that suit the model."""
        model: Model = self.form.model(event["model"])
        return {
            "stacks": [
                {
                    "id": preset.id,
                    "name": preset.name,
                    "purpose": preset.purpose,
                    "loras": [
                        {"name": lora.name, "start": lora.start, "end": lora.end, **_weights(lora)}
                        for lora in preset.loras
                    ],
                    "own": self.studio.peoples_presets.holder(who, STACKS, preset.id) is not None,
                }
                for preset in self.studio.of(who).presets.stacks.values()
                if preset.suits(model.family)
            ]
        }

    def _save(self, event: Saving, who: Identity) -> LoraStacks:
        """Save a stack under a name."""
        check_saves(who)
        loras = Recipe.make(loras=[_of_panel(entry) for entry in event["loras"]]).loras
        if not loras:
            raise InvalidRecipe("loras", "No LoRA is in use, so there is nothing to save.", "Add one first.")
        table = {"loras": [lora.model_dump(mode="json", exclude_defaults=True) for lora in loras]}
        saving.write(self.studio.peoples_presets.home(who), STACKS, event["name"].strip(), table)
        self.studio.peoples_presets.refresh(who)
        return self._stacks(event, who)

    def _forget(self, event: Forgetting, who: Identity) -> LoraStacks:
        """Delete a saved stack."""
        check_saves(who)
        self.studio.peoples_presets.remove(who, STACKS, event["id"])
        return self._stacks(event, who)


def _value(stack: list[Entry]) -> dict[str, Any]:
    return {"loras": stack}


def _entries(value: Any) -> list[Mapping[str, Any]]:
    """The LoRAs in the panel's value; InvalidRecipe where a program gave something else."""
    entries = value.get("loras") if isinstance(value, Mapping) else value
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise InvalidRecipe("loras", "This is not a list of LoRAs.", 'Give {"loras": [...]}, each with a name.')
    return entries


def _of_panel(entry: Mapping[str, Any]) -> Entry:
    """Convert a LoRA of the page to a recipe's."""
    return {key: value for key, value in entry.items() if key not in PAGES_OWN}


def _of_prompt(lora: Lora) -> Mention:
    """Convert a recipe's LoRA to a mention in a prompt."""
    blocks = (f"lbw={','.join(f'{share:g}' for share in lora.blocks)}",) if lora.blocks else ()
    return Mention(lora.name, *lora.weights, blocks)


def _weights(lora: Lora) -> LoraWeights:
    return {"weight": lora.weight, "text_weight": lora.text_weight, "blocks": list(lora.blocks)}


def _stacked(lora: Lora) -> StackedWeights:
    return {"name": lora.name, "start": lora.start, "end": lora.end, **_weights(lora)}


def _facts() -> LoraFields:
    """The facts of a LoRA's fields that the script needs."""
    return {"fields": fields.facts_of(Lora), "most": MOST}
