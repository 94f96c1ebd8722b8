"""Inpainting: a mask is painted over a picture, or the picture grows at its sides; results can be gone on with."""

import math
from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Annotated, Any, NotRequired

from PIL import Image, ImageChops
from pydantic import Field
from typing_extensions import TypedDict

from studio.errors import InvalidRecipe, NotFound, StudioError, Unreadable
from studio.gate.identity import Identity
from studio.inputs import MaskReads
from studio.recipe import Recipe, in_group, setting_specs
from studio.resolve.applicability import FEATHER
from studio.ui import editor, web
from studio.ui.edit_history import MOST, EditHistory
from studio.ui.events import QUICK, Event, Name, Whole
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.outpaint_panel import OutpaintPanel
from studio.ui.owner import identify
from studio.ui.schemas.masks import MaskNews
from studio.ui.source import Given, Picture, cached, uploaded
from studio.ui.tabs.base import Panel, PicturePanel, Tab, TabContext

# Gradio finds a custom event by its quoted name in these.


class Painted(Event):
    """The editor's layer as a file that was uploaded, and the number of the stroke that it is of."""

    serial: Whole
    layers: Annotated[list[Name], Field(max_length=1)]


class Brought(Event):
    """A file that was uploaded, and what of it changes."""

    path: Name
    reads: MaskReads = "auto"


class Turned(Event):
    """So many edits forward, or back below 0."""

    steps: Annotated[int, Field(ge=-100, le=100)]


class Masks(TypedDict):
    """The mask's id for each picture's."""

    of: NotRequired[dict[Name, Name] | None]


class Turns(TypedDict):
    """The pictures that were painted on, and which is the present one."""

    ids: NotRequired[Annotated[list[Name], Field(max_length=MOST)] | None]
    at: NotRequired[Whole | None]


class Inpainting(Tab):
    """The tab; it makes outpainting too, which is inpainting of what is added."""

    label = "Inpainting"
    order = 30
    task = "inpaint"
    about = "Make anew what of a picture, the file `init_image`, is white in a mask, the file `masks`."
    takes_picture = True

    def build(self, context: TabContext) -> Panel:
        return InpaintPanel(context)


class InpaintPanel(PicturePanel):
    """A source, the editor beside the gallery, and the history of edits.

    What is painted goes from the editor to the store whenever the brush rests, and before each Generate; `masks` holds
    its id for each picture.
    """

    def __init__(self, context: TabContext) -> None:
        super().__init__(context.source())
        self.context = context
        self.inputs = context.studio.inputs
        with gr.Column(elem_classes="editor-pane"):
            self._place_editor()
        context.place("strength")
        with context.after():
            self._place_settings()
        self.extras = (self.masks, self.history, self.inverse, *self.outpaint_panel.sides.values(), self.source.widget)
        self.kept = {
            "init_image": self.source.widget,
            "masks": self.masks,
            "rounds": self.history,
            "inverse": self.inverse,
            **self.outpaint_panel.sides,
        }
        self._wire()

    def _place_editor(self) -> None:
        with gr.Column(elem_id=f"{Id.FIELD}{self.context.tab}-mask_image", elem_classes="canvas"):
            self.editor = editor.place(elem_id=Id.MASK_EDITOR)
        with gr.Row(elem_classes="paper"):
            self.masks = _drawn("masks", "mask_panel", Masks | Given, ("paint", "painted", "wipe", "bring", "holes"))
            self.inverse = gr.Checkbox(
                label="Paint what to keep", elem_id="mask-keep", elem_classes="switch", min_width=0
            )
        self.history = _drawn("rounds", "edit_history", Turns, ("turn", "proceed"))

    def _place_settings(self) -> None:
        self.blur = self.context.place("mask_blur", info=setting_specs()["mask_blur"].help)
        self.reach = Island("mask-reach", value="")
        names = in_group("mask", without={"mask_image", "mask_blur", "outpaint"})
        self.area = {name: self.context.place(name, info=setting_specs()[name].help) for name in names}["mask_area"]
        self.outpaint_panel = OutpaintPanel(self.context.tab)
        self.context.switch("width", "height", "resize", label="Change the size", info="Off: as large as the picture.")
        self.context.place("resize", info=setting_specs()["resize"].help)

    def read(self, values: Values, who: Identity) -> list[dict[str, Any]]:
        picture, sides = self.source.ids(values, who)[0], self.outpaint_panel.read(values)
        mask = self._mask_of(values, picture, who)
        if mask is None and sides is None:
            raise _nothing_painted(keep=values[self.inverse])
        if mask is not None and values[self.inverse]:
            kept = self._stored(mask, who)
            mask = self.inputs.add_mask(ImageChops.invert(kept), who).id if kept else mask
        return [{"init_image": picture, "mask_image": mask, "outpaint": sides}]

    def _mask_of(self, values: Values, picture: str, who: Identity) -> str | None:
        """The stored mask of a picture, or of the file that a program gave."""
        given = values[self.masks] or {}
        if "path" in given:
            return self.inputs.add_mask(cached(self.context.studio, given["path"]), who, reads="brightness").id
        return _by_picture(given).get(picture)

    def opened(self, recipe: Recipe) -> Recipe:
        return self.context.opened(recipe)

    def show(self, recipe: Recipe, who: Identity) -> Updates:
        picture = str(recipe.init_image)
        masks = {picture: recipe.mask.image} if recipe.mask.image else {}
        # The editor follows a change of the source, which the same picture with another mask would be none of.
        source = {**super().show(recipe, who)[self.source.widget], "serial": time_ns()}
        return {
            self.source.widget: source,
            **self.outpaint_panel.show(recipe.outpaint),
            self.masks: _masks(masks),
            self.inverse: False,
        }

    def restore(self, kept: Mapping[str, Any], who: Identity) -> Updates:
        return {
            **super().restore(kept, who),
            **self.outpaint_panel.restore(kept),
            self.masks: _masks(_by_picture(kept.get("masks"))),
            self.history: EditHistory.of(kept.get("rounds")).value(shown=False),
            self.inverse: kept.get("inverse") is True,
        }

    def _wire(self) -> None:
        paper = {self.masks, self.history}
        # See editor.place.
        aside = {**QUICK, "show_progress_on": self.history}
        model = self.context.form.widgets["model"]
        self.source.widget.change(
            self._load,
            {self.source.widget, *paper, model, self.area},
            [self.editor, self.history, self.area],
            **aside,
        )
        self.masks.paint(None, [self.editor], None, js=web.call("mask_panel", "send"), api_visibility="private")
        self.masks.painted(self._keep_painted, paper, [self.masks], **QUICK)
        self.masks.wipe(self._wipe, paper, [self.editor, self.masks], **aside)
        self.masks.bring(self._bring, paper, [self.editor, self.masks], **aside)
        self.masks.holes(self._holes, {self.source.widget, *paper}, [self.editor, self.masks], **aside)
        self.history.turn(self._turn, {self.history}, [self.source.widget], **QUICK)
        self.history.proceed(
            self._proceed,
            {self.history, self.masks},
            [self.source.widget, self.masks, *self.outpaint_panel.sides.values()],
            **QUICK,
        )
        self.outpaint_panel.wire(self._size, {self.source.widget})
        self.context.blocks.load(_reach, [self.blur], [self.reach], **QUICK)
        self.blur.change(_reach, [self.blur], [self.reach], **QUICK)

    def _load(self, values: Values, request: gr.Request) -> Updates:
        """Another picture is the source: bring it into the editor, with the mask that was painted over it last."""
        history, size, who = EditHistory.of(values[self.history]), self._size(values), identify(request)
        picture = self._stored(self.source.ids(values, who)[0], who) if size else None
        if size is None or picture is None:
            return {self.editor: None, self.history: history.value(shown=False)}
        name = self.source.ids(values, who)[0]
        mask = self._stored(_by_picture(values[self.masks]).get(name), who)
        family = self.context.form.model(values[self.context.form.widgets["model"]]).family_facts()
        paintable = family.min_side <= min(size) and max(size) <= family.max_side
        return {
            self.editor: editor.shown(picture, mask),
            self.history: history.to(name).value(shown=True, holes=bool(self.source.holes(values, who))),
            # Such a picture cannot be painted as a whole.
            self.area: values[self.area] if paintable else "masked",
        }

    def _keep_painted(self, values: Values, event: Painted, request: gr.Request) -> Updates:
        """Store what is painted on the layers that came; the page learns by `event.serial` up to which stroke."""
        masks, picture = _by_picture(values[self.masks]), EditHistory.of(values[self.history]).now
        who = identify(request)
        if picture is None or self.source.stored(picture, who) is None:
            return {self.masks: _masks(masks, serial=event.serial)}
        before = self._stored(masks.get(picture), who)
        mask = self._painted(event.layers, picture, before)
        if mask is None:
            masks.pop(picture, None)
        elif mask is not before:
            masks[picture] = self.inputs.add_mask(mask, who).id
        return {self.masks: _masks(masks, serial=event.serial, notes=_full(mask))}

    def _painted(self, paths: list[str], picture: str, before: Image.Image | None) -> Image.Image | None:
        """What is painted on the layer that came, at the picture's size; InvalidRecipe where it is none."""
        size = self.inputs.size(picture)
        layers = [editor.read_layer(self.inputs, uploaded(self.context.studio, path)) for path in paths]
        with self.inputs.room.of(math.prod(size)):
            return editor.painted(layers, size, before)

    def _wipe(self, values: Values, request: gr.Request) -> Updates:
        masks, picture = _by_picture(values[self.masks]), EditHistory.of(values[self.history]).now
        masks.pop(picture or "", None)
        return {self.masks: _masks(masks), self.editor: self._paper(picture, identify(request))}

    def _bring(self, values: Values, event: Brought, request: gr.Request) -> Updates:
        """Take a ready-made mask in, instead of what is painted."""
        masks, picture = _by_picture(values[self.masks]), EditHistory.of(values[self.history]).now
        try:
            if picture is None:
                raise InvalidRecipe("mask_image", "There is no picture that the mask could be for.", "Give it first.")
            who, size = identify(request), self.inputs.size(picture)
            mask = self.inputs.add_mask(uploaded(self.context.studio, event.path), who, reads=event.reads)
        except StudioError as fault:
            return {self.masks: _masks(masks, faults=[fault.sentence])}
        notes = [*mask.notes, *_full(self._stored(mask.id, who))]
        if (mask.width, mask.height) != size:
            stretched = f"{mask.width} × {mask.height} pixels, stretched to the picture's {size[0]} × {size[1]}."
            notes.append(f"The mask has {stretched}")
        masks[picture] = mask.id
        return {self.masks: _masks(masks, notes=notes), self.editor: self._paper(picture, who, mask.id)}

    def _holes(self, values: Values, request: gr.Request) -> Updates:
        """Take what is transparent in the picture as the mask, instead of what is painted."""
        masks, picture = _by_picture(values[self.masks]), EditHistory.of(values[self.history]).now
        who = identify(request)
        holes = self.source.holes(values, who)
        if picture is None or not holes:
            return {
                self.masks: _masks(masks, faults=["Nothing in the picture is transparent. Paint over a part of it."])
            }
        masks[picture] = holes
        notes = ["What is transparent in the picture changes.", *_full(self._stored(holes, who))]
        return {self.masks: _masks(masks, notes=notes), self.editor: self._paper(picture, who, holes)}

    def _turn(self, values: Values, event: Turned, request: gr.Request) -> Updates:
        """A round back or on: the picture of that round is the source again."""
        who = identify(request)
        picture = self.source.stored(EditHistory.of(values[self.history]).by(event.steps).now or "", who)
        return {self.source.widget: self.source.value([picture] if picture else [], who)}

    def _proceed(self, values: Values, request: gr.Request) -> Updates:
        """Go on with the newest result of the present picture."""
        start, who = EditHistory.of(values[self.history]).now, identify(request)
        jobs = self.context.studio.jobs_of(who)
        made = [one.path for job in jobs for one in reversed(job.results) if one.recipe.init_image == start]
        try:
            if not made:
                raise InvalidRecipe("init_image", "Nothing was made of this picture so far.", "Press Generate first.")
            picture = Picture.of(self.inputs.add(made[0], who=who), made[0].name)
        except StudioError as fault:
            masks = _by_picture(values[self.masks])
            return {self.masks: _masks(masks, faults=[fault.sentence])}
        return {self.source.widget: self.source.value([picture], who), **self.outpaint_panel.show(None)}

    def _size(self, values: Values) -> tuple[int, int] | None:
        """Width and height of the source; None where there is none."""
        try:
            return self.inputs.size(self.source.first(values))
        except (InvalidRecipe, NotFound, Unreadable):
            return None

    def _paper(self, picture: str | None, who: Identity, mask: str | None = None) -> Any:
        """The editor's value for stored pictures; None where the picture is gone."""
        shown = self._stored(picture, who)
        return editor.shown(shown, self._stored(mask, who)) if shown else None

    def _stored(self, name: str | None, who: Identity) -> Image.Image | None:
        """The pixels of an owner's stored picture; None where there is none."""
        try:
            return self.inputs.open(name) if name and self.inputs.holds(who, [name]) else None
        except (NotFound, Unreadable):
            return None


def _nothing_painted(*, keep: bool) -> InvalidRecipe:
    if keep:
        what = "Nothing is painted, so all of the picture would change."
        return InvalidRecipe("mask_image", what, "Paint what to keep; Image to image changes the whole of a picture.")
    return InvalidRecipe(
        "mask_image", "Nothing is painted over.", "Paint over what is to change, or extend the picture at a side."
    )


def _drawn(name: str, module: str, holds: Any, events: tuple[str, ...]) -> Any:
    """A row that a module draws, which keeps a value for the page."""
    return Island(f"mask-{name}", f'<div class="{name}"></div>', module=module, holds=holds, events=events)


def _masks(
    masks: Mapping[str, str], *, serial: int = 0, notes: Sequence[str] = (), faults: Sequence[str] = ()
) -> MaskNews:
    """What the page keeps of masks: the id for each picture's, up to which stroke they are stored, and what to say."""
    return {"of": dict(masks), "serial": serial, "notes": list(notes), "faults": list(faults)}


def _by_picture(value: Any) -> dict[str, str]:
    """The masks in what the page keeps."""
    stored = value.get("of") if isinstance(value, Mapping) else None
    return {str(picture): str(mask) for picture, mask in stored.items()} if isinstance(stored, Mapping) else {}


def _full(mask: Image.Image | None) -> list[str]:
    """What to say of a mask that leaves nothing."""
    full = mask is not None and mask.getextrema() == (255, 255)
    return ["All of the picture is painted over: nothing of it stays at strength 1."] if full else []


def _reach(blur: float) -> str:
    if not blur:
        return "<p>No blending. Outside the mask every pixel stays as it was.</p>"
    pixels = math.ceil(FEATHER * blur)
    return f"<p>Blends over {pixels} pixels around the mask; beyond them every pixel stays as it was.</p>"


TAB = Inpainting()
