"""Text to image: a prompt, a few pickers, and the stage."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from studio.errors import ModelError, StudioError
from studio.models import Model
from studio.recipe import Recipe, settings
from studio.ui import owner as owners
from studio.ui import stage as stages
from studio.ui.fast_gradio import gr
from studio.ui.form import STANDARD, Form, Updates, Values
from studio.ui.owner import owner_of
from studio.ui.shapes import Shapes
from studio.ui.tabs.base import Desk, Tab
from studio.ui.view import finished, view, watch

COUNTS = (1, 2, 4, 8)
# Every listener says the same, none does the work, and ours is the only queue: Gradio must not make anyone wait.
LISTENER: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden"}
QUICK: dict[str, Any] = {**LISTENER, "queue": False, "api_visibility": "private"}
FACTS_SCRIPT = """studio.form(element, props, watch, (data) => trigger("reset", data));"""


class TextToImage(Tab):
    """The first tab."""

    label = "Text to image"
    order = 10

    def build(self, desk: Desk) -> None:
        Bench(desk)


class Bench:
    """One page's form and stage, and how they are wired."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.studio = desk.studio
        self.form = Form(desk.studio)
        self.form.adopt("model", desk.model)
        self.shapes = Shapes(desk.studio)
        with gr.Column(elem_classes="bench"):
            with gr.Column(elem_classes="ask"):
                self._place_prompt()
            with gr.Column(elem_classes="wall"):
                self.stage = stages.place()
            with gr.Column(elem_classes="rest"):
                self._place_settings()
        self.kept = gr.BrowserState({}, storage_key="image-studio-text-to-image", **owners.KEEPER)
        self._wire()

    def _place_prompt(self) -> None:
        self.form.place("prompt", lines=3, max_lines=10, placeholder="What the picture shows, in words")
        self.unknown = gr.HTML("", elem_id="unknown", apply_default_css=False)
        self.generate = gr.Button("Generate", variant="primary", elem_id="generate")

    def _place_settings(self) -> None:
        self.form.place("negative_prompt", lines=1, max_lines=6, placeholder="What to keep out of the picture")
        self.form.place("negative_presets", info=None)
        self.why_not = gr.HTML("", elem_id="why-not", apply_default_css=False)
        self.shape, self.quality = self.shapes.place()
        self.form.place("count", choices=[(str(n), n) for n in COUNTS], value=1)
        with gr.Row(elem_id="seed-row"):
            self.form.place("seed", placeholder="Random each time", min_width=120, max_lines=1)
            self.random = gr.Button("Random", elem_id="seed-random", min_width=0)
            self.reuse = gr.Button("Reuse last", elem_id="seed-reuse", min_width=0)
        with gr.Accordion("More", open=False, elem_id="more"):
            with gr.Group(elem_classes="group"):
                self._place_with_help("steps", "guidance_scale", "scheduler")
            with gr.Group(elem_classes="group"):
                self._place_with_help("width", "height")
        self.facts = gr.HTML(
            value=None, html_template="", js_on_load=FACTS_SCRIPT, elem_id="facts", apply_default_css=False
        )

    def _place_with_help(self, *names: str) -> None:
        for name in names:
            self.form.place(name, info=settings()[name].help)

    @property
    def _all(self) -> set[Any]:
        extras = {self.shape, self.quality, self.facts, self.desk.owner}
        return {*self.form.widgets.values(), *extras}

    def _wire(self) -> None:
        form, desk, stage = self.form, self.desk, self.stage
        moving = [*form.widgets.values(), self.shape, self.quality, self.facts, self.why_not, stage]
        self.generate.click(
            self._generate,
            {*form.widgets.values(), desk.owner},
            [stage],
            api_name="generate",
            trigger_mode="multiple",
            **LISTENER,
        )
        stage.another(
            self._another, {desk.owner}, [stage], api_visibility="private", trigger_mode="multiple", **LISTENER
        )
        stage.stop(self._stop, {desk.owner}, [stage], **QUICK)
        stage.use(self._use, {desk.owner}, moving, **QUICK)
        self.reuse.click(self._last_seed, {desk.owner, form.widgets["seed"]}, [form.widgets["seed"]], **QUICK)
        self.random.click(None, None, [form.widgets["seed"]], js="() => ''")
        form.widgets["prompt"].change(
            self._unknown, {form.widgets["prompt"], desk.model}, [self.unknown], trigger_mode="always_last", **QUICK
        )
        gr.on([desk.model.input, self.quality.input], self._suit, self._all, moving, **QUICK)
        self.shape.input(self._reshape, self._all, moving, **QUICK)
        self.facts.reset(self._reset, {self.facts}, list(form.widgets.values()), **QUICK)
        self._wire_memory(moving)

    def _wire_memory(self, moving: list[Any]) -> None:
        """Keep the form in the browser as it changes; at a new visit fill it again and find what is still running."""
        remembered = {**self.form.widgets, "shape": self.shape, "quality": self.quality}
        gr.on(
            [widget.change for widget in remembered.values()],
            None,
            [*remembered.values(), self.kept],
            [self.kept],
            js=f"(...values) => studio.keep({json.dumps(list(remembered))}, values)",
        )
        arrived = self.desk.blocks.load(
            self._restore, {self.kept, self.desk.owner}, moving, api_visibility="private", **LISTENER
        )
        arrived.then(self._watch, {self.desk.owner}, [self.stage], api_visibility="private", **LISTENER)

    def _owner(self, values: Values, request: gr.Request) -> str:
        return owner_of(values[self.desk.owner], request)

    def _generate(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        owner = self._owner(values, request)
        try:
            self.studio.submit(self.form.read(values), owner)
        except StudioError as fault:
            yield {self.stage: view(self.studio, owner, fault)}
            return
        yield from self._follow(owner)

    def _another(self, values: Values, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        owner = self._owner(values, request)
        try:
            picture = finished(self.studio, owner, event.job, event.image)
            self.studio.submit(picture.recipe.replace(seed=None), owner)
        except StudioError as fault:
            yield {self.stage: view(self.studio, owner, fault)}
            return
        yield from self._follow(owner)

    def _watch(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        yield from self._follow(self._owner(values, request))

    def _follow(self, owner: str) -> Iterator[Updates]:
        for seen in watch(self.studio, owner):
            yield {self.stage: seen}

    def _stop(self, values: Values, event: gr.EventData, request: gr.Request) -> Updates:
        owner = self._owner(values, request)
        try:
            self.studio.stop(event.job, owner)
        except StudioError as fault:
            return {self.stage: view(self.studio, owner, fault)}
        return {self.stage: view(self.studio, owner)}

    def _use(self, values: Values, event: gr.EventData, request: gr.Request) -> Updates:
        owner = self._owner(values, request)
        try:
            recipe = finished(self.studio, owner, event.job, event.image).recipe
        except StudioError as fault:
            return {self.stage: view(self.studio, owner, fault)}
        return self._show(recipe)

    def _show(self, recipe: Recipe) -> Updates:
        model = self.form.model(recipe.model)
        shape = self.shapes.which(model, recipe.width, recipe.height)
        return {
            **self.form.show(recipe),
            self.shape: shape,
            self.quality: "final",
            **self._about(model, shape, "final"),
        }

    def _last_seed(self, values: Values, request: gr.Request) -> Updates:
        """The seed of the newest picture; the field stays as it is where there is none."""
        jobs = self.studio.jobs_of(self._owner(values, request))
        seeds = [job.recipes[0].seed for job in jobs if job.results]
        seed = self.form.widgets["seed"]
        return {seed: str(seeds[0]) if seeds else values[seed]}

    def _unknown(self, values: Values) -> str:
        """Names the words of the prompt that a model with a small vocabulary does not know."""
        try:
            vocabulary = self.studio.catalogue.vocabulary(self.form.model(values[self.desk.model]))
        except ModelError:
            return ""
        words = vocabulary.unknown(values[self.form.widgets["prompt"]] or "") if vocabulary else ()
        if not words:
            return ""
        return f"Not known to this model: {', '.join(f'<b>{escape(word)}</b>' for word in words)}"

    def _suit(self, values: Values) -> Updates:
        """Another model, or draft instead of final: what was left alone takes the new standards."""
        model = self.form.model(values[self.desk.model])
        about = self._about(model, values[self.shape], values[self.quality])
        before = (values[self.facts] or {}).get("standards", {})
        after = about[self.facts]["standards"]
        return {**self.form.suit(model.id, values, before, after), **about}

    def _reshape(self, values: Values) -> Updates:
        """Another shape: width and height take its size, whatever they were."""
        model = self.form.model(values[self.desk.model])
        about = self._about(model, values[self.shape], values[self.quality])
        sides = {name: about[self.facts]["standards"][name] for name in ("width", "height")}
        return {**{self.form.widgets[name]: side for name, side in sides.items()}, **about}

    def _reset(self, values: Values, event: gr.EventData) -> Updates:
        standards = (values[self.facts] or {}).get("standards", {})
        name = event.field
        return {self.form.widgets[name]: standards[name]} if name in STANDARD and name in standards else {}

    def _restore(self, values: Values, request: gr.Request) -> Updates:
        kept = values[self.kept] or {}
        model = self.form.model(kept.get("model"))
        shape = kept.get("shape") if kept.get("shape") in self.shapes.sizes(model)["final"] else None
        quality = "draft" if kept.get("quality") == "draft" else "final"
        shown = {self.shape: shape, self.quality: quality} if kept else {}
        if not kept:
            shape = self.shapes.which(model, model.default("width"), model.default("height"))
        seen = view(self.studio, self._owner(values, request))
        return {**self.form.restore(kept), **shown, **self._about(model, shape, quality), self.stage: seen}

    def _about(self, model: Model, shape: str | None, quality: str) -> dict[Any, Any]:
        """What the page has to know of the model: for the marks at changed fields, and for the empty stage."""
        standards = {**self.form.standards(model.id), **self.shapes.standards(model, shape, quality)}
        facts = {
            "standards": standards,
            "model": stages.about(model, self.studio.catalogue),
            "negatives": {preset.id: preset.text for preset in self.studio.presets.negatives.values()},
            "sizes": self.shapes.sizes(model)[quality],
        }
        return {self.facts: facts, self.why_not: escape(self.form.why_not(model.id))}


TAB = TextToImage()
