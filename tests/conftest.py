"""What every test stands on: no preference or project of the person who runs them."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))
# two workers and the trainers they start share the cores: more threads only wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--new-snapshots", action="store_true", help="take the pictures of the screens anew"
    )


@pytest.fixture(autouse=True, scope="session")
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        os.environ[name] = str(home / name.lower())
    # the interface follows the locale
    for name in ("LANGUAGE", "LC_MESSAGES"):
        os.environ.pop(name, None)
    os.environ["LC_ALL"] = "C.UTF-8"


@pytest.fixture(autouse=True, scope="session")
def _catalogues_are_compiled() -> None:
    from hatch_build import compile_catalogues

    compile_catalogues(ROOT)
