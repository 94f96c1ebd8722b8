"""Reading a LoRA for a model: every tensor checked and assigned."""

import sys
import tempfile
from pathlib import Path

from rounds import serve

from studio.catalogue.loras import Loras
from studio.catalogue.models import Catalogue
from studio.engine import lora
from studio.engine.manager import PipelineManager
from studio.settings import Settings

with tempfile.TemporaryDirectory() as home:
    settings = Settings.load(home=Path(home))
    file, model = Loras(settings)[sys.argv[1]], Catalogue(settings)["starter"]
    manager = PipelineManager(Catalogue(settings), settings)
    with manager.borrow_pipeline(model) as pipe:
        serve(lambda: lora.load(file, model, pipe, pipe.unet.dtype))
    manager.close()
