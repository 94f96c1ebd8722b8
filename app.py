"""What a Space runs, and what `python app.py` runs: settings, studio, page."""

import os
import sys

from studio import hf_space
from studio.errors import InvalidSetting
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import launch


def main() -> None:
    """Serve the page until interrupted; a Space says by Gradio's variable where it listens."""
    try:
        settings = Settings.load(host=os.environ.get("GRADIO_SERVER_NAME"))
        # A Space forgets its disk when it restarts: no line of jobs is kept there, pictures go to its volume.
        with Studio(settings, images=hf_space.images(), durable=not hf_space.name()) as studio:
            launch(studio)
    except InvalidSetting as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
