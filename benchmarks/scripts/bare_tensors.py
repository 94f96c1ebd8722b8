"""Reading the tensors of a file, by safetensors alone."""

import sys

from rounds import serve
from safetensors.torch import load_file

serve(lambda: load_file(sys.argv[1]))
