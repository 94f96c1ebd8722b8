"""How the page's listeners are registered: every one says the same, none does the work.

Ours is the only queue: Gradio must not make anyone wait.
"""

from collections.abc import Callable, Mapping
from typing import Any

from studio.errors import StudioError
from studio.settings import Settings
from studio.ui.fast_gradio import gr
from studio.ui.owner import keeps, vouched

LISTENER: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden"}
# One that follows a job, as long as that takes.
FOLLOWER: dict[str, Any] = {**LISTENER, "trigger_mode": "multiple"}
# One that answers at once.
QUICK: dict[str, Any] = {**LISTENER, "queue": False, "api_visibility": "private"}


def served(
    acts: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]], settings: Settings | None = None
) -> list[Callable[..., Any]]:
    """What a script of the page may call by these names; each tells a fault as {"fault": words}.

    Where it says whose page it is, nobody is taken for an account without having signed in. With `settings`, `keeps`
    says whether whoever asks may decide about this machine.
    """

    def answering(name: str, act: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
        def answer(asked: dict[str, Any], request: gr.Request | None = None) -> dict[str, Any]:
            try:
                told = {"owner": vouched(str(asked["owner"]), request)} if "owner" in asked else {}
                rights = {"keeps": keeps(settings, request)} if settings else {}
                return act({**asked, **told, **rights})
            except StudioError as error:
                return {"fault": f"{error.message} {error.hint}".strip()}

        answer.__name__ = name
        return answer

    return [answering(name, act) for name, act in acts.items()]
