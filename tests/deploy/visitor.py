"""Somebody who asks a studio's page for a picture, as a program does."""

from typing import Any

from gradio_client import Client

from studio.gate.identity import owner_by

SECRET = "a-secret-that-one-program-keeps"
OWNER = owner_by(SECRET)
# The client's own patience is less than a busy machine may take.
SECONDS = 120


def picture(address: str, **headers: str) -> dict[str, Any]:
    """The last view of a job for a quick picture."""
    bearer = {"Authorization": f"Bearer {SECRET}"}
    client = Client(address, verbose=False, headers={**bearer, **headers}, httpx_kwargs={"timeout": SECONDS})
    endpoint = client.view_api(print_info=False, return_format="dict")["named_endpoints"]["/generate"]
    named = {parameter["label"]: parameter["parameter_name"] for parameter in endpoint["parameters"]}
    said = {"Prompt": "a red house", "Negative prompt": "", "Seed": "7", "Steps": 4}
    asked = {named[label]: value for label, value in said.items()}
    view: dict[str, Any] = client.submit(api_name="/generate", **asked).result()
    return view
