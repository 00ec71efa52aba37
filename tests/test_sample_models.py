"""The committed sample models keep their contracts and are good enough to demonstrate with."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open
from transformers import CLIPTokenizer

from sample_data.make import judge
from sample_data.make.loop import MODELS
from sample_data.make.painter import paint
from sample_data.make.words import world_words
from sample_data.make.world import VOCABULARY, ZUMI_MARKS, ZUMI_TRIGGER, tags, zumi_scene

BASE = MODELS / "demo-base"
SCENES = judge.open_scenes(8)
WORDS = world_words()


@pytest.fixture(scope="module")
def tagger() -> onnxruntime.InferenceSession:
    return judge.tagger_session()


@pytest.fixture(scope="module")
def base() -> StableDiffusionPipeline:
    return judge.pipeline()


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(BASE / "tokenizer")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_models_stay_small() -> None:
    assert sum(path.stat().st_size for path in files(MODELS)) <= 15_000_000


def test_nothing_but_the_models_lies_in_the_folder() -> None:
    assert {path.name for path in MODELS.iterdir()} == {"demo-tagger", "demo-matting", "demo-base"}
    assert {path.name for path in files(MODELS / "demo-tagger")} == {
        "model.onnx",
        "selected_tags.csv",
    }
    assert [path.name for path in files(MODELS / "demo-matting")] == ["model.onnx"]


def test_the_tagger_has_the_shape_of_a_wd14_tagger(tagger: onnxruntime.InferenceSession) -> None:
    (entry,), (answer,) = tagger.get_inputs(), tagger.get_outputs()
    assert (entry.name, entry.type, entry.shape[1:]) == ("input", "tensor(float)", [448, 448, 3])
    assert isinstance(entry.shape[0], str)
    assert (answer.name, answer.type) == ("output", "tensor(float)")
    assert answer.shape[1] == len(VOCABULARY)


@pytest.mark.parametrize("count", [1, 3])
def test_the_tagger_takes_any_batch(tagger: onnxruntime.InferenceSession, count: int) -> None:
    pictures = np.random.default_rng(0).uniform(0, 255, (count, 448, 448, 3)).astype(np.float32)
    (found,) = tagger.run(["output"], {"input": pictures})
    assert found.shape == (count, len(VOCABULARY))
    assert found.min() >= 0
    assert found.max() <= 1


def test_selected_tags_lists_the_vocabulary_row_by_row() -> None:
    path = MODELS / "demo-tagger" / "selected_tags.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["tag_id", "name", "category", "count"]
    assert [(row["name"], int(row["category"])) for row in rows] == [
        (tag.name, tag.category) for tag in VOCABULARY
    ]
    assert [row["name"] for row in rows[:4]] == ["general", "sensitive", "questionable", "explicit"]


def test_the_tagger_knows_pictures_it_never_saw() -> None:
    assert judge.tagger_f1(judge.held_out_scenes(60))[0] >= 0.9


def test_the_tagger_sees_all_of_zumis_marks_together(tagger: onnxruntime.InferenceSession) -> None:
    rng = random.Random("test/zumi")
    scenes = [zumi_scene(rng) for _ in range(60)]
    shown = [scene for scene in scenes if set(ZUMI_MARKS) <= set(tags(scene))]
    found = judge.scores(tagger, [paint(scene, 192, 192).image for scene in shown])
    assert judge.recall(found, [list(ZUMI_MARKS)] * len(shown)) >= 0.95


def test_rembg_cuts_out_pictures_it_never_saw() -> None:
    assert judge.matting_iou(judge.held_out_scenes(12)) >= 0.95


def test_the_matting_model_has_the_shape_of_u2net() -> None:
    path = MODELS / "demo-matting" / "model.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[1:] == [3, 320, 320]
    (alpha,) = session.run(None, {"input": np.zeros((1, 3, 320, 320), np.float32)})
    assert alpha.shape == (1, 1, 320, 320)


def test_the_base_is_sd15_in_small(base: StableDiffusionPipeline) -> None:
    index = json.loads((BASE / "model_index.json").read_text(encoding="utf-8"))
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert index["safety_checker"] == [None, None]
    assert index["feature_extractor"] == [None, None]
    assert base.vae_scale_factor == 8
    assert base.vae.config.latent_channels == base.unet.config.in_channels == 4
    assert base.unet.config.cross_attention_dim == base.text_encoder.config.hidden_size
    assert base.scheduler.config.prediction_type == "epsilon"
    assert base.scheduler.config.beta_schedule == "scaled_linear"


def test_the_base_opens_in_single_precision(base: StableDiffusionPipeline) -> None:
    parts = (base.unet, base.vae, base.text_encoder)
    assert {part.dtype for part in parts} == {torch.float32}


def test_latents_have_unit_variance(base: StableDiffusionPipeline) -> None:
    pictures = np.stack([np.asarray(paint(s, 128, 128).image) for s in SCENES])
    seen = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        latents = base.vae.encode(seen).latent_dist.mean * base.vae.config.scaling_factor
    assert 0.8 <= float(latents.std()) <= 1.2


@pytest.mark.parametrize(("width", "height"), [(128, 128), (64, 192)])
def test_a_short_sample_is_a_picture(
    base: StableDiffusionPipeline, width: int, height: int
) -> None:
    image = base(
        "1girl, solo, blue hair",
        width=width,
        height=height,
        num_inference_steps=6,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    ).images[0]
    assert image.shape == (height, width, 3)
    assert np.isfinite(image).all()
    assert image.std() > 0.05


def test_each_word_of_the_world_is_one_token(tokenizer: CLIPTokenizer) -> None:
    counts = {word: len(tokenizer(word, add_special_tokens=False).input_ids) for word in WORDS}
    assert set(counts.values()) == {1}


def test_a_trigger_word_is_spelled_out(tokenizer: CLIPTokenizer) -> None:
    pieces = tokenizer(ZUMI_TRIGGER, add_special_tokens=False).input_ids
    assert len(pieces) > 1
    assert tokenizer.decode(pieces) == ZUMI_TRIGGER


def test_prompts_are_padded_to_77(tokenizer: CLIPTokenizer) -> None:
    ids = tokenizer("1girl, solo", padding="max_length", truncation=True).input_ids
    assert len(ids) == 77
    assert ids[0] == tokenizer.bos_token_id
    assert set(ids[6:]) == {tokenizer.eos_token_id}


def test_weights_are_half_precision_under_the_usual_names() -> None:
    for file in BASE.rglob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            kinds = {tensors.get_slice(key).get_dtype() for key in tensors.keys()}  # noqa: SIM118
            names = list(tensors.keys())
        assert kinds == {"F16"}, file
        if file.parent.name == "text_encoder":
            assert all(name.startswith("text_model.") for name in names)
