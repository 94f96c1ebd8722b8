"""The contract of a tab, and what the page gives it.

All tabs share one workspace: prompt, Generate, size, seed and gallery. A tab adds its own widgets, and says what they
mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from studio.errors import InvalidRecipe, StudioError
from studio.gate.identity import Identity, Role
from studio.recipe import Recipe, Task
from studio.resolve.sizes import open_size
from studio.studio import Studio
from studio.ui.consent import Consent
from studio.ui.events import Name, Words
from studio.ui.fast_gradio import gr
from studio.ui.followers import Followers
from studio.ui.form import Form, Updates, Values
from studio.ui.source import Picture, Source


class AxisLine(TypedDict):
    """An axis of a grid: a field, and its values as they are written."""

    field: NotRequired[Name]
    text: NotRequired[Words]


AxisLines = Annotated[list[AxisLine], Field(max_length=3)]


@dataclass(frozen=True, eq=False)
class TabContext:
    """A tab's place on one page: the studio, the Blocks that it is built in, the form, who follows what, and
    what is agreed to be downloaded.

    The owner of the page is known from each request: `identify(request)`.
    """

    studio: Studio
    blocks: Any
    form: Form
    tab: str
    followers: Followers
    consent: Consent
    behind: list[Any] = field(default_factory=list)

    def place(self, name: str, **look: Any) -> Any:
        """Put a recipe field of this tab's own here; `look` overrides what Gradio is told."""
        return self.form.place(name, self.tab, **look)

    def switch(self, *names: str, **look: Any) -> Any:
        """Put a checkbox here; while it is off, these fields are left open and hidden, shared ones in this tab."""
        return self.form.switch(self.tab, names, **look)

    def source(self, *, many: bool = False) -> Source:
        """Put the field for the picture, or pictures, to start from here."""
        return Source(self.studio, self.tab, many=many)

    def opened(self, recipe: Recipe) -> Recipe:
        """The recipe without its size, where that is what the picture's own comes to."""
        free = recipe.replace(width=None, height=None, resize=None)
        try:
            own = open_size(free, self.form.model(recipe.model), self.studio.inputs)
        except InvalidRecipe:
            return recipe
        return free if own == (recipe.width, recipe.height) else recipe

    def after(self) -> Any:
        """A column below the shared settings, seen with this tab; what is placed elsewhere stands above the prompt."""
        column = gr.Column(render=False, elem_classes=["after", f"of-{self.tab}"])
        self.behind.append(column)
        return column


class Panel:
    """What a tab put on one page beside its fields; here, nothing.

    `extras` are widgets whose values `read` is given and that the other methods may set, in this order: one that has
    a listener of its own comes after what that listener reads. Those in `kept` are remembered by the browser. One that
    `adopts` has a `source`, and paints with the words and settings of the picture that is given there.
    """

    adopts = False
    extras: Sequence[Any] = ()
    kept: Mapping[str, Any] = {}

    def wire(self) -> None:
        """Called once all of the page is placed."""

    def read(self, values: Values, who: Identity) -> list[dict[str, Any]]:
        """For each recipe that Generate makes, what no field says; InvalidRecipe names the field that cannot be."""
        del values, who
        return [{}]

    def take(self, picture: Picture, who: Identity) -> Updates:
        """Start from this picture of the owner's."""
        raise NotImplementedError

    def opened(self, recipe: Recipe) -> Recipe:
        """The recipe as a person would ask for it: open is what follows from the rest."""
        return recipe

    def show(self, recipe: Recipe, who: Identity) -> Updates:
        """Start from what this recipe starts from, as far as it is the owner's; its fields are shown already."""
        del recipe, who
        return {}

    def restore(self, kept: Mapping[str, Any], who: Identity) -> Updates:
        """Set what the owner's browser remembered, as far as it is still valid."""
        del kept, who
        return {}

    def begin(self, recipes: list[Recipe], who: Identity) -> Updates:
        """Start the tab's own work with what a making tab says, as it was asked for; StudioError where that cannot be.

        Sets only `extras`. The tab is selected then; an InvalidRecipe is shown at the field that it names.
        """
        raise NotImplementedError

    def compose(self, recipes: list[Recipe], who: Identity, *, race: bool | None) -> Updates:
        """The same with what was composed in the tab itself; `race` says whether those that fall behind are dropped."""
        del race
        return self.begin(recipes, who)

    def refused(self, fault: StudioError, prompt: str, count: int, who: Identity) -> Updates:
        """Say in the tab itself why what was composed there did not begin. Sets only `extras`."""
        del fault, prompt, count, who
        return {}

    def vary(self, recipe: Recipe, axes: AxisLines, who: Identity) -> Updates:
        """Make the recipe's pictures along these axes at once; else as `begin`."""
        raise NotImplementedError

    def draft(self, recipe: Recipe, who: Identity) -> Updates:
        """Prepare the tab's own work with the recipe of a picture; nothing begins. Sets only `extras`."""
        return self.begin([recipe.replace(seed=None)], who)


class PicturePanel(Panel):
    """A tab that starts from the pictures of a source, one recipe for each."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.extras = (source.widget,)
        self.kept = {"init_image": source.widget}

    def read(self, values: Values, who: Identity) -> list[dict[str, Any]]:
        return [{"init_image": name} for name in self.source.ids(values, who)]

    def take(self, picture: Picture, who: Identity) -> Updates:
        return {self.source.widget: self.source.value([picture], who)}

    def show(self, recipe: Recipe, who: Identity) -> Updates:
        picture = self.source.stored(str(recipe.init_image), who)
        return {self.source.widget: self.source.value([picture] if picture else [], who, restored=True)}

    def restore(self, kept: Mapping[str, Any], who: Identity) -> Updates:
        return {self.source.widget: self.source.recall(kept.get("init_image"), who)}


class Tab(ABC):
    """One tab; `label` is what its handle says, tabs stand in the order of `order`.

    `task` is what its recipes do; a tab without one makes nothing and has the whole page below the handles. Pictures
    can be sent to it where it `takes_picture`. `endpoint` names its Generate for programs; else the module does.
    `about` tells programs, and agents that look, what it makes.
    `verb` is what its Generate says.
    `offers` are the words of a button below Generate that begins its work with what the form of a making tab says;
    pictures can be sent there too, to make more of their recipe. A tab with a `group` stands under that title in the
    menu at the end of the handles. One for a `role` is shown to accounts of that role alone; what it asks of the server
    has to look at that as well.
    """

    label: str
    order: int
    task: Task | None = None
    takes_picture: bool = False
    endpoint: str = ""
    about: str = ""
    offers: str = ""
    verb: str = "Generate"
    group: str = ""
    role: Role = "viewer"

    def here(self, studio: Studio) -> bool:
        """Whether the page of this studio has it."""
        del studio
        return True

    def says(self, recipe: Recipe) -> bool:
        """Whether its fields say all of the recipe; where several tabs do, the last of them is for such recipes."""
        return recipe.task == self.task

    @abstractmethod
    def build(self, context: TabContext) -> Panel:
        """Lay out the tab's widgets, in the Gradio context it is called in, and wire them."""
