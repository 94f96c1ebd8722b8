"""What controls need from elsewhere: a package that may not be installed."""

import pytest

from studio.catalogue import preprocessors
from studio.errors import ModelError


def test_a_package_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(preprocessors, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r'OpenPose needs the package controlnet-aux.*"image-studio\[annotators\]"'):
        preprocessors.annotator("open_pose", "OpenPose")


def test_a_package_is_imported_without_what_its_own_start_imports(monkeypatch, tmp_path):
    package = tmp_path / "heavy_annotators"
    (package / "light").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('everything at once')\n")
    (package / "light" / "__init__.py").write_text("import warnings\nwarnings.warn('old')\nNAME = 'light'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(preprocessors, "PACKAGE", "heavy_annotators")
    assert preprocessors.annotator("light", "A test").NAME == "light"
