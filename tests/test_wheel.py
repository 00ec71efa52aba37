"""What is installed from a wheel finds the embedded sample as a checkout does."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    assert wheel.stat().st_size < 20_000_000
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def dataprep(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # the working directory is not on the path, so only what the wheel holds can be found
    command = [sys.executable, "-P", "-m", "dataprep", *arguments]
    return subprocess.run(
        command,
        cwd=site,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )


def test_the_sample_comes_along(installed: Path) -> None:
    code = "import dataprep, dataprep.weights as w; print(dataprep.__file__, w.sample_data())"
    found = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=installed, env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    module, sample = found.stdout.split()
    assert Path(module).is_relative_to(installed)
    assert Path(sample) == installed / "dataprep" / "sample_data"
    for name in ("demo-tagger/model.onnx", "demo-matting/model.onnx", "demo-base/model_index.json"):
        assert (Path(sample) / "models" / name).is_file()


def test_the_demo_tagger_tags_from_a_wheel(installed: Path, tmp_path: Path) -> None:
    picture = installed / "dataprep" / "sample_data" / "zumi" / "zumi_00.jpg"
    (tmp_path / "a.jpg").write_bytes(picture.read_bytes())
    run = dataprep(installed, "tag", str(tmp_path), "--model", "demo", "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["written"] == 1
    assert "green hair" in (tmp_path / "a.txt").read_text(encoding="utf-8")


def test_styles_and_manifests_come_along(installed: Path) -> None:
    assert (installed / "tui" / "styles" / "app.tcss").is_file()
    assert (installed / "tui" / "locale" / "zh_CN" / "LC_MESSAGES" / "tui.mo").is_file()
    assert (installed / "dataprep" / "taggers" / "wd14.toml").is_file()
