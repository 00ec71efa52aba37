"""Training and its score on an SDXL base, as a folder and in one file, through the stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import tiny_single
from PIL import Image

from dataprep.jobs import finish
from dataprep.lora_files import metadata
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import score, train
from train.draw import DrawRequest

TRAIN = """[model]
pretrained_model_name_or_path = "{base}"
{more}
[dataset]
train_data_dir = "img"
resolution = {resolution}
bucket_reso_steps = 16

[network]
network_dim = 2
text_encoder_lr = 0
max_train_epochs = 1
device = "cpu"

[output]
output_dir = "model"
output_name = "zumi"

[concept]
trigger_word = "zumi"
pruned_tags = ["twintails"]
kept_tags = ["circle"]
tagger = "demo"
"""


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    tiny_base.paint(tmp_path / "lora" / "img" / "1_zumi", 3)
    return tmp_path / "lora"


def carry_out(stage: Any, out: Path, **values: Any) -> Report:
    """Run a stage on the training folder."""
    report = finish(stage.run(out, build(stage.Settings, values, "")))
    assert isinstance(report, Report)
    return report


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_an_sdxl_lora_is_trained_and_scored(
    out: Path, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    base, more = tiny_base.shared(tmp_path_factory, "sdxl"), ""
    name = str(base)
    if kind == "file":
        # all of it beside train.toml, as a person who moves it to another machine has it
        tiny_single.write(base, out / "tiny.safetensors", "sdxl")
        (out / "configs").symlink_to(base)
        name = "tiny.safetensors"
        more = 'model_config_dir = "configs"\ntokenizer = "configs/tokenizer"'
    (out / "train.toml").write_text(TRAIN.format(base=name, more=more, resolution="[68, 64]"))

    trained = carry_out(train, out)
    assert trained.facts["steps"] == 3
    lora = Path(trained.facts["lora"])
    assert metadata(lora)["ss_base_model_version"].startswith("sdxl")

    scored = carry_out(score, out, samples=2, shown=1, steps=2)
    assert scored.facts["lora"] == str(lora)
    assert set(scored.facts["uptake_by_epoch"]) == {"base", "last"}
    drawn = sorted((out / "samples").glob("*.png"))
    # two columns, two prompts, two seeds, at a side that latents divide
    assert len(drawn) == 8
    assert {Image.open(path).size for path in drawn} == {(64, 64)}
    assert json.loads((out / "score.json").read_text())["trigger"] == "zumi"
    # the LoRA speaks: its column is not the base's
    assert (out / "samples" / "0_0_1.png").read_bytes() != drawn[4].read_bytes()


@pytest.mark.parametrize(("size", "batch"), [(512, 8), (768, 3), (1024, 2), (2048, 1)])
def test_large_pictures_are_drawn_a_few_at_a_time(out: Path, size: int, batch: int) -> None:
    path = out / "train.toml"
    path.write_text(TRAIN.format(base="demo", more="v2 = true", resolution=size))
    told = score.request_of(score.read(path), score.Settings(), {"base": None}, out / "samples")
    request = build(DrawRequest, told, "request")
    assert (request.batch_size, request.width) == (batch, size)
    assert (request.device, request.v2) == ("cpu", True)
