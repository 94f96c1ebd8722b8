"""Deploy: the studio onto a Hugging Face Space, for whoever runs it for himself."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, cast, get_type_hints

from pydantic import Field, SecretStr
from typing_extensions import TypedDict

from studio import hf_space, hub
from studio.deploy import (
    HARDWARE,
    DeployRequest,
    Done,
    Hub,
    Plan,
    Run,
    UploadPreview,
    draw_up,
    find_token,
    preview_upload,
)
from studio.deploy.account import who
from studio.deploy.hub import token_of
from studio.deploy.request import SETTINGS, Visibility
from studio.errors import HubUnreachable, InUse, Refused, StudioError
from studio.gate.identity import Identity
from studio.studio import Studio
from studio.ui.events import Act, Name, Nothing, Words, served
from studio.ui.island import Island
from studio.ui.schemas.deploy import (
    DeployAccount,
    DeployEnd,
    DeployEvent,
    DeployFacts,
    DeployFile,
    DeployNews,
    DeployPlan,
)
from studio.ui.tabs.base import Panel, Tab, TabContext

Answer = dict[str, Any]
Pairs = Annotated[list[tuple[Name, Words]], Field(max_length=100)]


class Tokened(TypedDict):
    """A token of the hub."""

    token: Name


class Ordering(Tokened):
    """A Space, and what is to be on it."""

    space: Name
    hardware: Name
    visibility: Visibility
    keeps: bool
    models: Annotated[list[Name], Field(max_length=1000)]
    loras: Annotated[list[Name], Field(max_length=1000)]
    secrets: Pairs
    variables: Pairs


# `from` is no name in Python.
Following = TypedDict("Following", {"from": Annotated[int, Field(ge=0, le=10**9)]})


class Deploy(Tab):
    """The tab; a visitor of somebody else's studio has none, as it would send that machine's files."""

    label = "Deploy"
    order = 90
    group = "Studio"

    def here(self, studio: Studio) -> bool:
        return studio.settings.alone and not hf_space.name()

    def build(self, context: TabContext) -> Panel:
        return DeployPanel(context.studio)


class DeployPanel(Panel):
    """What the script asks of the server. One deployment runs at a time; a page that is opened anew finds it."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.run: Run | None = None
        acts: Mapping[str, Act] = {
            "facts": self._facts,
            "account": self._account,
            "plan": self._plan,
            "begin": self._begin,
            "follow": self._follow,
            "stop": self._stop,
        }
        Island(
            "deploy",
            '<section class="deploy" aria-label="Deploy"></section>',
            module="deploy_tab",
            acts=served({name: _at_this_machine(act) for name, act in acts.items()}),
        )

    def _facts(self, _: Nothing) -> DeployFacts:
        """What can be chosen, and whether this machine has a login of its own."""
        loras = self.studio.prompt_assets.loras
        loras.refresh()
        own = [file for file in loras.values() if file.path.is_relative_to(loras.folder)]
        models = [model for model in self.studio.catalogue.values() if model.repo]
        return {
            "hardware": dict(HARDWARE),
            "models": [{"id": model.id, "name": model.name, "size": _size(model.download_bytes)} for model in models],
            "loras": [{"id": file.name, "name": file.name, "size": _size(file.bytes)} for file in own],
            "settings": list(SETTINGS),
            "login": bool(token_of()),
            "begun": self.run is not None,
        }

    def _account(self, event: Tokened) -> DeployAccount:
        """Whose token it is."""
        account = who(_door(event))
        return {"names": [account.name, *account.organizations], "pro": account.is_pro}

    def _plan(self, event: Ordering) -> DeployPlan:
        """What would be sent, beside what is there."""
        space = event["space"]  # whose it is may be open, where nothing is sent
        order = _order({**event, "space": f"you{space}" if space.startswith("/") else space})
        plan = draw_up(order, self.studio.settings)
        seen = self._compared(event, plan)
        how = {item.path: "new" for item in seen.added} | {item.path: "changed" for item in seen.changed}
        files: list[DeployFile] = [
            {"path": item.path, "size": _exact(item.size_bytes), "how": how.get(item.path, "")} for item in plan.items
        ]
        return {
            "files": files + [{"path": path, "size": "", "how": "removed"} for path in seen.removed],
            "size": hub.in_words(plan.size_bytes),
            "sent": hub.in_words(sum(item.size_bytes for item in seen.sent)),
            "there": seen.commit is not None,
            "compared": seen.compared,
        }

    def _compared(self, event: Ordering, plan: Plan) -> UploadPreview:
        """The plan beside what is there, or alone where nobody is logged in or the hub is out of reach."""
        try:
            return preview_upload(_door(event), plan) if token_of(event["token"]) else UploadPreview.alone(plan)
        except HubUnreachable:
            return UploadPreview.alone(plan)

    def _begin(self, event: Ordering) -> Answer:
        if self.run and self.run.end is None:
            raise InUse(f"{self.run.space} is being deployed.", "Wait until it ends, or stop it.")
        order = _order(event)
        self.run = Run(_door(event, order.secrets.values()), draw_up(order, self.studio.settings))
        return {}

    def _follow(self, event: Following) -> DeployNews:
        """What happened from a position on, and how it ended."""
        if self.run is None:
            return {"events": [], "end": {"stopped": True}}
        # The end first: what is told until then is in the log that is read after it.
        end = self.run.end
        events = [cast("DeployEvent", vars(event)) for event in self.run.events_from(event["from"])]
        return {"events": events, "space": self.run.space, "end": _end(end)}

    def _stop(self, _: Nothing) -> Answer:
        if self.run:
            self.run.stop()
        return {}


def _order(event: Ordering) -> DeployRequest:
    return DeployRequest(
        event["space"],
        event["hardware"],
        visibility=event["visibility"],
        models=tuple(event["models"]),
        loras=tuple(event["loras"]),
        secrets={name: SecretStr(value) for name, value in event["secrets"]},
        variables=dict(event["variables"]),
        keeps=event["keeps"],
    )


def _door(event: Tokened, secrets: Iterable[SecretStr] = ()) -> Hub:
    return Hub(find_token(event["token"], "Then paste it into the Token field."), secrets=secrets)


def _at_this_machine(act: Act) -> Act:
    """The act for who is at this machine alone: it sends this machine's files with this machine's token."""

    def local_only(event: Any, who: Identity) -> Mapping[str, Any]:
        if not who.here:
            hint = "Open the page at the machine that the studio runs on, by its own address."
            raise Refused("Only people at the studio's own machine deploy it.", hint)
        return act(event)

    local_only.__annotations__["event"] = next(iter(get_type_hints(act, include_extras=True).values()))
    return local_only


def _end(end: Any) -> DeployEnd | None:
    if isinstance(end, Done):
        return {"url": end.url}
    if isinstance(end, StudioError):
        return {"message": end.message, "hint": end.hint}
    return {"stopped": True} if end is not None else None


def _size(size_bytes: int | None) -> str:
    return hub.in_words(size_bytes) if size_bytes else ""


def _exact(size_bytes: int) -> str:
    return hub.in_words(size_bytes) if size_bytes >= hub.MEGABYTE else f"{size_bytes / 1000:.1f} kB"


TAB = Deploy()
