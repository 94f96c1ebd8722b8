"""The door through which torch and diffusers come in."""

import json
import subprocess
import sys
from pathlib import Path

# Two threads want the engine at once, and one later; the first file of torch cannot be read, but once.
PROGRAM = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.errors import StudioError
from studio.settings import Settings

class Failing:
    def find_spec(self, name, path, target=None):
        if name.startswith("torch."):
            sys.meta_path.remove(self)
            raise OSError("the disk cannot be read")

def warmed(_):
    try:
        backend.warm("starter")
    except StudioError as fault:
        return [fault.sentence, str(fault.__cause__)]
    except Exception as error:
        return [repr(error), ""]

settings = Settings(home=sys.argv[1], device="cpu")
backend = LocalBackend(settings, Catalogue(settings))
sys.meta_path.insert(0, Failing())
with ThreadPoolExecutor(2) as lanes:
    faults = list(lanes.map(warmed, range(2)))
print(json.dumps([*faults, warmed(2)]))
"""


def test_whoever_wants_the_engine_is_told_why_it_could_not_be_imported(tmp_path: Path):
    """Half of torch stays behind, of which a second import would say things that help nobody."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True, check=True)
    first, second, later = json.loads(ran.stdout)
    assert "OSError" in first[0]
    assert first == second == later == [first[0], "the disk cannot be read"]
    assert ran.stderr.count("the disk cannot be read") == 1
