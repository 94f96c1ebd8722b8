"""To a Hugging Face Space and back with its address.

An `Order` says what is wanted. `plan` makes the list of files from it, without network or token; `ship` sends that list
to the hub, and `watch` waits until the Space runs. What happens on the way is told to a `Report`, which raises
Cancelled where a person has had enough; whatever was done until then stays, and the same order goes on from there.
"""

from studio.deploy.hub import Hub, find_token
from studio.deploy.order import HARDWARE, Logged, Order, Report, Told
from studio.deploy.plan import Plan, draw_up
from studio.deploy.run import Run
from studio.deploy.ship import Done, Look, look, ship

__all__ = [
    "HARDWARE",
    "Done",
    "Hub",
    "Logged",
    "Look",
    "Order",
    "Plan",
    "Report",
    "Run",
    "Told",
    "draw_up",
    "find_token",
    "look",
    "ship",
]
