"""What a Space runs, and what `python app.py` runs: settings, studio, page."""

import os
import sys

from studio.errors import SettingsError
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import launch


def main() -> None:
    """Serve the page until interrupted; a Space says by Gradio's variable where it listens."""
    try:
        with Studio(Settings.load(host=os.environ.get("GRADIO_SERVER_NAME"))) as studio:
            launch(studio)
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
