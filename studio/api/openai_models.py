"""The models that programs can name: those of this machine, and hosted ones that there is a key for."""

from studio.api.openai_schemas import ModelFacts
from studio.errors import StudioError, UnknownModel
from studio.gate.identity import Identity
from studio.hosted.models import HostedEndpoint, is_hosted, parted
from studio.studio import Studio

OURS = "image-studio"


def listed(studio: Studio, who: Identity) -> list[ModelFacts]:
    """All that who asks may use now, the studio's default first; what is on the hub where they may download."""
    hosted = [one for one in studio.hosted.models.endpoints() if _has_key(studio, one, who)]
    return [*map(_own, own_names(studio, who)), *map(_hosted, hosted)]


def own_names(studio: Studio, who: Identity) -> list[str]:
    """The models of this machine that who asks may use now, the studio's default first."""
    models, _ = studio.catalogue.read_all()
    here = [
        name for name, model in models.items() if studio.catalogue.present(model) or studio.weights.may_download(who)
    ]
    return sorted(here, key=lambda name: name != studio.settings.model)


def model_facts(studio: Studio, name: str, who: Identity) -> ModelFacts:
    """One model; UnknownModel where there is none of this name."""
    if name in studio.catalogue:
        return _own(name)
    if is_hosted(name):
        return _hosted(studio.hosted.endpoint(parted(name)[0], who))
    known = ", ".join(one.id for one in listed(studio, who))
    raise UnknownModel(f"There is no model “{name[:200]}”.", f"Known are {known}.").about("model")


def _has_key(studio: Studio, endpoint: HostedEndpoint, who: Identity) -> bool:
    try:
        studio.hosted.key(endpoint, who)
    except StudioError:
        return False
    return True


def _own(name: str) -> ModelFacts:
    return ModelFacts(id=name, owned_by=OURS)


def _hosted(endpoint: HostedEndpoint) -> ModelFacts:
    ends = endpoint.model.shutdown
    return ModelFacts(id=endpoint.name, owned_by=endpoint.host_name, shutdown_date=ends.isoformat() if ends else None)
