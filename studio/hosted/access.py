"""The hosted models of one studio: who may ask which, with whose key, and what may be spent."""

from pydantic import SecretStr

from studio import hf_space
from studio.errors import KeyRefused, Refused
from studio.gate.identity import Identity
from studio.hosted.keys import Keys
from studio.hosted.models import Hosted, HostedEndpoint
from studio.hosted.spending import Budget
from studio.settings import Settings
from studio.storage.database import Database


class HostedModels:
    """The hosted models of one studio, with its keys and its budget.

    Who is at this machine may spend the keys in its environment and name any address.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.models = Hosted(settings)
        self.keys = Keys(shared=settings.share_keys)
        self.budget = Budget(settings, database)

    def endpoint(self, name: str, who: Identity) -> HostedEndpoint:
        """The hosted model of this name; ModelError where there is none, Refused where a stranger names an address."""
        if "://" in name and not who.here:
            hint = "The studio's operator can add it to the settings."
            raise Refused("This studio only uses addresses that its settings name.", hint)
        return self.models[name]

    def key(self, endpoint: HostedEndpoint, who: Identity) -> SecretStr | None:
        """The key that a caller uses with a model's host; None where none is needed.

        KeyRefused where one is needed and not here: nothing is asked then.
        """
        key = self.keys.of(who, endpoint.host_name, endpoint.host)
        if key is None and endpoint.host.key_env:
            typed = f"ive the key on the Compare tab, or in {endpoint.host.key_env} before the studio starts."
            own = hf_space.name() and endpoint.provider.signs_in
            cure = f"Sign in, to pay with your own Hugging Face credits; or g{typed}" if own else f"G{typed}"
            raise KeyRefused(f"There is no key for {endpoint.model.name}.", cure)
        return key
