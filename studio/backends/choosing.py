"""Which backend makes pictures on this machine."""

from studio import hf_space
from studio.backends.base import Backend
from studio.backends.engine_process import EngineProcess
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.settings import Settings


def backend_of(
    settings: Settings,
    catalogue: Catalogue,
    controlnets: ControlNets,
    prompt_assets: PromptAssets,
    begun: EngineProcess | None = None,
) -> Backend:
    """The one for these settings, and for where the studio runs; `begun` is a process of its engine."""
    if hf_space.has_zero_gpu():
        from studio.backends.zerogpu import ZeroGpuBackend

        return ZeroGpuBackend(settings, catalogue, controlnets, prompt_assets)
    if settings.devices:
        from studio.backends.devices import Devices

        return Devices.of(settings, catalogue)
    if begun or settings.engine == "process":
        from studio.backends.process import ProcessBackend

        return ProcessBackend(settings, catalogue, begun)
    from studio.backends.local import LocalBackend

    return LocalBackend(settings, catalogue, controlnets, prompt_assets)
