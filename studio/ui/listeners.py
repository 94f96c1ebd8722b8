"""How the page's listeners are registered: every one says the same, none does the work.

Ours is the only queue: Gradio must not make anyone wait.
"""

from typing import Any

LISTENER: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden"}
# One that follows a job, as long as that takes.
FOLLOWER: dict[str, Any] = {**LISTENER, "trigger_mode": "multiple"}
# One that answers at once.
QUICK: dict[str, Any] = {**LISTENER, "queue": False, "api_visibility": "private"}
