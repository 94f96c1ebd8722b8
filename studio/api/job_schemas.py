"""What is said of jobs over HTTP: what may be asked for, and how a job stands."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from studio.events import Verdict
from studio.jobs.item import State
from studio.jobs.kinds.base import Priority

MOST = 1024
# What of a file counts as the mask.
MaskReading = Literal["auto", "brightness", "opaque", "transparent"]
OpenRecipe = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "title": "Recipe"})]
ONE: Any = {"recipe": {"prompt": "a lighthouse at dusk", "seed": 7, "count": 2}}
GRID: Any = {"grid": {"recipe": {"prompt": "a lighthouse"}, "axes": ["steps=10,20", "guidance_scale=3,7"]}}
CANDIDATES: Any = {"candidates": {"recipe": {"prompt": "a lighthouse"}, "count": 8}}
COMPARISON: Any = {"comparison": {"prompts": ["a lighthouse"], "models": ["starter", "starter?steps=8"]}}


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GridRequest(_Request):
    """A picture for each combination of settings along up to three axes, each as `field=a,b,c`."""

    recipe: OpenRecipe
    axes: Annotated[list[Annotated[str, Field(max_length=20_000)]], Field(min_length=1, max_length=3)]


class CandidatesRequest(_Request):
    """Many pictures of one recipe, to be measured and chosen from."""

    recipe: OpenRecipe
    count: Annotated[int, Field(ge=1, le=MOST)] = 8
    title: Annotated[str, Field(max_length=200)] = ""
    race: Annotated[bool, Field(description="Drop those that fall behind while they are made.")] = False


class ComparisonRequest(_Request):
    """The same prompts by several models, each with settings where wanted: `starter?steps=8`."""

    prompts: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MOST)]
    models: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MOST)]
    seed: int | None = None
    settings: Annotated[dict[str, Any], Field(description="What all of them take, by flat names of a recipe.")] = {}


class JobRequest(_Request):
    """One of: a recipe, several, a grid, candidates, a comparison."""

    model_config = ConfigDict(json_schema_extra={"examples": [ONE, GRID, CANDIDATES, COMPARISON]})

    recipe: OpenRecipe | None = None
    recipes: Annotated[list[OpenRecipe], Field(max_length=MOST)] | None = None
    grid: GridRequest | None = None
    candidates: CandidatesRequest | None = None
    comparison: ComparisonRequest | None = None
    priority: Annotated[Priority | None, Field(description="Among your own jobs; of a recipe or several.")] = None

    @model_validator(mode="after")
    def _one(self) -> "JobRequest":
        wanted = (self.recipe, self.recipes, self.grid, self.candidates, self.comparison)
        if sum(one is not None for one in wanted) != 1:
            raise ValueError("give one of recipe, recipes, grid, candidates and comparison")
        if self.priority and not (self.recipe or self.recipes):
            raise ValueError("priority is for a recipe, or several")
        return self


class FaultFacts(BaseModel):
    """What went wrong, and what helps."""

    code: str
    message: str
    hint: str = ""
    field: str | None = None
    part: int | None = None


class ImageFacts(BaseModel):
    """One picture of a job; `url` opens for you alone.

    `safety` is what came of the safety layer; one that is withheld has no `url`, and its `fault` says why.
    """

    number: int
    state: State
    recipe: OpenRecipe
    url: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    safety: Verdict | None = None
    watermark: str | None = None
    fault: FaultFacts | None = None
    not_continued: Annotated[
        FaultFacts | None, Field(description="Why the next step of its way cannot be done with it.")
    ] = None
    dropped: Annotated[str | None, Field(description="Where it fell behind in a race.")] = None


class Progress(BaseModel):
    """How far the pictures in the making are."""

    step: int
    steps: int
    seconds_left: float


class JobFacts(BaseModel):
    """A job as it stands. `ahead` counts the jobs before it while it waits; `position` is where its log goes on."""

    id: str
    kind: str
    state: State
    created: float
    seconds: float
    priority: Priority
    paused: bool
    ahead: int | None
    position: int
    progress: Progress | None = None
    fault: FaultFacts | None = None
    images: list[ImageFacts]


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobFacts]


class InputFacts(BaseModel):
    """A stored picture: `id` is what a recipe names it by."""

    id: str
    width: int
    height: int
    notes: list[str]
