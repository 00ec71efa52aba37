"""The whole way on the embedded sample, offline: short in the suite, whole under ``-m slow``."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataprep.jobs import finish
from dataprep.settings import RECIPE
from dataprep.stages import demo
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


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's first pictures and the demo's recipe, two short epochs long."""
    from dataprep.weights import sample_data

    folder = tmp_path_factory.mktemp("demo")
    for picture in (sample_data() / "zumi").glob("zumi_*.*g"):
        if picture.name[5:7] < "06" or picture.name == BROKEN_ON_PURPOSE:
            (folder / picture.name).write_bytes(picture.read_bytes())
    recipe = RECIPE_TEXT.replace("max_train_epochs = 6", "max_train_epochs = 2")
    recipe = recipe.replace("samples = 8", "samples = 1\nshown = 1")
    (folder / RECIPE).write_text(recipe, encoding="utf-8")
    return folder


def test_every_stage_runs_offline_on_the_sample(project: Path) -> None:
    run = dataprep("run", str(project))
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
    caption = (project / "zumi_00.txt").read_text(encoding="utf-8")
    assert caption.startswith("zumi, 1girl")
    assert "green hair" not in caption


def test_diffusers_draws_our_picture_with_our_file(project: Path) -> None:
    """Our sampler with our LoRA, against diffusers' pipeline with ``load_lora_weights``."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    from dataprep.weights import find_base
    from train import sample

    lora = project / "lora" / "model" / "zumi.safetensors"
    assert lora.is_file(), "left by the run above"
    folder = project / "lora" / "samples"
    pipeline = StableDiffusionPipeline.from_pretrained(find_base("demo"))
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = DDIMScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="trailing", set_alpha_to_one=True
    )

    def drawn() -> np.ndarray:
        noise = sample.start([1], (4, 16, 16))
        image = pipeline(
            "zumi", latents=noise, num_inference_steps=20, guidance_scale=5.0, output_type="np"
        ).images[0]
        return np.asarray(image) * 255

    def ours(column: int) -> np.ndarray:
        with Image.open(folder / f"{column}_0_1.png") as image:
            return np.asarray(image, float)

    without = drawn()
    pipeline.load_lora_weights(lora)
    with_lora = drawn()
    assert np.abs(ours(0) - without).mean() < 1
    assert np.abs(ours(2) - with_lora).mean() < 1
    assert np.abs(with_lora - without).mean() > 5, "the LoRA changes the picture"


def test_a_second_run_finds_its_work_done(project: Path) -> None:
    captions = {path: path.read_bytes() for path in project.glob("*.txt")}
    assert captions, "left by the run above"
    for verb in ("tag", "prune", "export"):
        again = result(dataprep(verb, str(project)))
        assert again["done"] == 0
    assert {path: path.read_bytes() for path in project.glob("*.txt")} == captions


def test_nobodys_project_becomes_a_demo(tmp_path: Path) -> None:
    mine = tmp_path / RECIPE
    mine.write_text("[crop]\nsize = 512\n")
    run = dataprep("demo", str(tmp_path))
    assert run.returncode == 2
    assert "is not empty and no demo" in run.stderr
    assert mine.read_text() == "[crop]\nsize = 512\n"


def test_a_sample_that_was_opened_as_a_project_is_still_laid_out_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = tmp_path / "sample"
    (used / "zumi" / ".dataprep").mkdir(parents=True)
    (used / "zumi" / "zumi_00.txt").write_text("tagged, before")
    Image.new("RGB", (64, 64)).save(used / "zumi" / "zumi_00.jpg")
    monkeypatch.setattr(demo, "sample_data", lambda: used)
    finish(demo.lay_out(tmp_path / "new"))
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {"zumi_00.jpg", RECIPE}


def test_a_demos_recipe_that_was_changed_keeps_its_changes(tmp_path: Path) -> None:
    finish(demo.lay_out(tmp_path / "new", 7))
    recipe = tmp_path / "new" / RECIPE
    assert recipe.read_text(encoding="utf-8") == RECIPE_TEXT.replace("seed = 42", "seed = 7")
    recipe.write_text(recipe.read_text().replace("size = 128", "size = 192"))
    finish(demo.lay_out(tmp_path / "new", 8))
    assert "size = 192" in recipe.read_text()
    assert "seed = 8" in recipe.read_text()


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
