"""The whole way on the embedded sample, offline: short in the suite, whole under ``-m slow``."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dataprep.settings import RECIPE
from dataprep.stages.demo import BROKEN_ON_PURPOSE, RECIPE_TEXT

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


def dataprep(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dataprep", *arguments, "--json"]
    return subprocess.run(command, env=os.environ | OFFLINE, capture_output=True, text=True)


def result(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert run.stdout, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == 1, "one object on stdout, nothing else"
    return dict(json.loads(lines[0]))


def test_every_stage_runs_offline_on_the_sample(tmp_path: Path) -> None:
    """The demo's own recipe with two short epochs, as `dataprep run`."""
    from dataprep.weights import sample_data

    for picture in (sample_data() / "zumi").iterdir():
        if picture.name[5:7] < "06" or picture.name == BROKEN_ON_PURPOSE:
            (tmp_path / picture.name).write_bytes(picture.read_bytes())
    short = [
        f"max_train_epochs = {2}" if line.startswith("max_train_epochs") else line
        for line in RECIPE_TEXT.replace("samples = 8", "samples = 1\nshown = 1").splitlines()
    ]
    (tmp_path / RECIPE).write_text("\n".join(short), encoding="utf-8")
    run = dataprep("run", str(tmp_path))
    assert run.returncode == 1, "the truncated picture is reported, the rest done"
    facts = result(run)
    assert [issue["file"] for issue in facts["issues"] if issue["fatal"]] == [BROKEN_ON_PURPOSE]
    score = facts["stages"]["score"]
    assert set(facts["seconds"]) == {
        "scan", "crop", "background", "tag", "prune", "export", "train", "score",
    }  # fmt: skip
    assert Path(score["lora"]).stat().st_size > 10_000
    assert list(score["uptake_by_epoch"]) == ["base", "epoch 1", "last"]
    with Image.open(score["grid"]) as grid:
        assert grid.width > 3 * 128
    again = result(dataprep("run", str(tmp_path)))["stages"]
    assert again["tag"]["written"] == again["prune"].get("done", 0) == 0
    caption = (tmp_path / "zumi_00.txt").read_text(encoding="utf-8")
    assert caption.startswith("zumi, 1girl")
    assert "green hair" not in caption


@pytest.mark.slow
@pytest.mark.parametrize("seed", [42, 7, 2024])
def test_the_demo_teaches_its_trigger(tmp_path: Path, seed: int) -> None:
    run = dataprep("demo", str(tmp_path / "demo"), "--seed", str(seed))
    assert run.returncode == 0, run.stderr
    facts = result(run)
    assert facts["uptake"]["lora"] - facts["uptake"]["base"] >= 0.5
    assert Path(facts["lora"]).is_file()
    assert Path(facts["grid"]).is_file()
    assert sum(facts["seconds"].values()) < 300
