"""The home folder that every test of the configuration gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.folder import Folder


@pytest.fixture
def home(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
