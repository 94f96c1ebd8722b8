"""To a Hugging Face Space and back with its address.

A `DeployRequest` says what is wanted. `plan` makes the list of files from it, without network or token; `upload` sends
that list to the hub, and `watch` waits until the Space runs. What happens on the way is told to a `Report`, which
raises Cancelled where a person has had enough; whatever was done until then stays, and the same order goes on from
there.
"""

from studio.deploy.hub import Hub, find_token
from studio.deploy.plan import Plan, draw_up
from studio.deploy.request import HARDWARE, DeployRequest, Logged, Report, StepReport
from studio.deploy.run import Run
from studio.deploy.upload import Done, UploadPreview, preview_upload, upload

__all__ = [
    "HARDWARE",
    "DeployRequest",
    "Done",
    "Hub",
    "Logged",
    "Plan",
    "Report",
    "Run",
    "StepReport",
    "UploadPreview",
    "draw_up",
    "find_token",
    "preview_upload",
    "upload",
]
