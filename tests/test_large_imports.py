import gc
import importlib

import pytest

from studio.large_imports import uncollected


def test_garbage_is_looked_for_again_after_imports_that_overlap_and_fail():
    assert gc.isenabled()
    one, other = uncollected(), uncollected()
    one.__enter__()
    other.__enter__()
    assert not gc.isenabled()
    one.__exit__(None, None, None)
    other.__exit__(None, None, None)
    assert gc.isenabled()
    with pytest.raises(ImportError), uncollected():
        importlib.import_module("studio.no_such_module")
    assert gc.isenabled()
