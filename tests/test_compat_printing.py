"""What is printed is read again as the same; presets lay their tables over each other."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import train.given as files
from dataprep.errors import UsageError
from dataprep.training_values import NOVICE
from train import presets
from train.config import TrainConfig
from train.config.reading import load
from train.presets import FAMILIES, GOALS, MEMORY_GB, Wanted
from train.printing import dump

CALM = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
BASE: dict[str, Any] = {
    "pretrained_model_name_or_path": "/models/base",
    "train_data_dir": Path("/data/img"),
    "output_dir": Path("/data/model"),
    "max_train_epochs": 3,
}
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
"""Any text a file can hold."""
LINES = st.lists(WORDS.map(lambda word: f"a {word}"), max_size=3)
RATES = st.floats(0, 1)
PLACES = st.sampled_from([Path("/a b/c"), Path("/ü/木"), Path('/it\'s "so"')])
DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "v2": st.sampled_from([None, True, False]),
    "vae": st.sampled_from(["", "/models/vae.safetensors", "some/repository"]),
    "clip_skip": st.integers(1, 4),
    "caption_prefix": WORDS,
    "caption_dropout_rate": RATES,
    "shuffle_caption": st.booleans(),
    "resolution": st.sampled_from([512, "512,768", (64, 64), [1024, 1024], (512, 1280)]),
    "network_dim": st.integers(1, 256),
    "network_alpha": st.floats(1e-6, 1e6),
    "down_lr_weight": st.sampled_from([(), ("sine",), ("0", "0.5")]),
    "block_dims": st.lists(st.integers(0, 64), max_size=4),
    "base_weights": st.sampled_from([(), ("/a,b.safetensors", "/c.safetensors")]),
    "network_weights": st.none() | PLACES,
    "unet_lr": st.floats(1e-12, 1),
    "optimizer_args": st.sampled_from([(), ("betas=0.9,0.99", "eps=1e-8")]),
    "lr_warmup_steps": st.floats(0, 1000),
    "min_snr_gamma": st.none() | st.floats(1e-3, 100),
    "adaptive_noise_scale": st.none() | st.floats(-1, 1),
    "seed": st.integers(0, 2**63 - 1),
    "training_comment": WORDS,
    "metadata_tags": st.sampled_from([(), ("a", "b, c")]),
    "sample_prompts": LINES,
    "save_last_n_epochs": st.none() | st.integers(1, 9),
    "subsets": st.lists(
        st.fixed_dictionaries(
            {"image_dir": PLACES},
            optional={
                "num_repeats": st.integers(1, 50),
                "class_tokens": WORDS,
                "resolution": st.just((512, 512)),
                "flip_aug": st.booleans(),
            },
        ),
        max_size=2,
    ),
    "concept": st.fixed_dictionaries(
        {}, optional={"trigger_word": WORDS, "pruned_tags": st.lists(WORDS, max_size=3)}
    ),
}


def make(values: dict[str, Any]) -> TrainConfig:
    try:
        return TrainConfig(**{**BASE, **values})
    except ValidationError:
        # a prompt may end in .txt, which is no prompt
        return TrainConfig(**{**BASE, **values, "sample_prompts": ()})


def reread(text: str, folder: Path) -> TrainConfig:
    (folder / "train.toml").write_text(text, encoding="utf-8")
    return load(folder)


@pytest.mark.parametrize("expert", [False, True])
@CALM
@given(st.fixed_dictionaries({}, optional=DRAWN))
def test_a_config_comes_back_as_it_was(
    expert: bool, tmp_path: Path, values: dict[str, Any]
) -> None:
    config = make(values)
    assert reread(dump(config, expert=expert), tmp_path) == config


def test_a_beginner_sees_ten_keys_and_what_was_said(tmp_path: Path) -> None:
    text = dump({**BASE, "noise_offset": 0.1})
    found = {key for table in tomllib.loads(text).values() for key in table}
    assert found == {*NOVICE, *BASE, "noise_offset"}
    assert "# Rank of the LoRA.\nnetwork_dim = 16\n" in text
    assert max(map(len, text.splitlines())) <= 100


def test_an_expert_sees_every_key() -> None:
    text = dump({**BASE}, expert=True)
    missing = [key for key in TrainConfig.model_fields if f"{key} =" not in text]
    assert missing == ["subsets", "concept"]
    # without a value, or with one that follows from another
    assert "\n# max_train_steps =\n" in text
    assert "\n# min_bucket_reso =\n" in text


def test_what_is_missing_is_shown_as_missing() -> None:
    text = dump({"network_dim": 8})
    assert "\n# output_dir =\n" in text
    assert tomllib.loads(text)["network"]["network_dim"] == 8


@pytest.mark.parametrize("name", ["easy.json", "kohya_ss.json", "train.sh", "sd_scripts.toml"])
def test_a_file_of_another_program_is_printed_and_read(name: str, tmp_path: Path) -> None:
    path = Path(__file__).parent / "compat_files" / name
    values, _ = files.read(path)
    here = reread(dump(values), tmp_path)
    there = files.load(path).config
    # a path of Windows is none here, so it starts at the folder of the file that names it
    places = {key: value for key, value in there if not str(value).startswith(("C:", "D:"))}
    assert {key: getattr(here, key) for key in places} == places


@pytest.mark.parametrize(
    ("goal", "family", "memory"), list(itertools.product(GOALS, FAMILIES, MEMORY_GB))
)
def test_every_preset_is_a_config(goal: str, family: str, memory: int) -> None:
    places = {key: value for key, value in BASE.items() if key != "max_train_epochs"}
    config = TrainConfig(**places, **presets.values(goal, family, memory))
    assert config.scale == 0.5
    assert config.gradient_checkpointing or memory > 6
    assert config.trains_text == (family != "sdxl" or memory >= 16)
    assert (config.optimizer_type == "AdamW8bit") == (family == "sdxl" and memory <= 8)


def test_every_table_of_the_presets_is_used() -> None:
    tables = tomllib.loads(presets.FILE.read_text(encoding="utf-8"))
    assert set(tables) == {"all", "goal", "family", "memory"}
    assert (set(tables["goal"]), set(tables["family"])) == (set(GOALS), set(FAMILIES))
    sizes = {family: {int(size) for size in table} for family, table in tables["memory"].items()}
    assert sizes == {family: set(MEMORY_GB) for family in FAMILIES}


def test_the_next_smaller_memory_counts() -> None:
    assert presets.values("style", "sdxl", 11) == presets.values("style", "sdxl", 8)
    assert presets.values("style", "sdxl", 80) == presets.values("style", "sdxl", 24)
    with pytest.raises(UsageError, match="memory 4 GB: too little"):
        presets.values("style", "sdxl", 4)


def test_unknown_names_are_answered_with_the_known() -> None:
    for wanted, known in (
        (Wanted("person", 8, "sd15"), "known: character, style, object"),
        (Wanted("style", 8, "sd3"), "known: sd15, sd2, sdxl"),
    ):
        with pytest.raises(UsageError) as caught:
            wanted.under({})
        assert caught.value.hint == known


def test_a_preset_says_what_the_file_leaves_open(tmp_path: Path) -> None:
    text = 'pretrained_model_name_or_path = "b"\noutput_dir = "o"\ntrain_data_dir = "i"\n'
    text += "max_train_steps = 100\nresolution = 768\nnetwork_dim = 99\n"
    (tmp_path / "train.toml").write_text(text)
    config = files.load(tmp_path, ["unet_lr=3e-4"], Wanted("character", 8, "sdxl")).config
    assert (config.network_dim, config.resolution) == (99, (768, 768))
    assert (config.max_train_epochs, config.max_train_steps) == (None, 100)
    assert (config.network_alpha, config.gradient_checkpointing) == (8, True)
    assert config.unet_lr == 3e-4
    assert config.train_data_dir == tmp_path / "i"
    # memory alone says nothing of what is learned
    config = files.load(tmp_path, [], Wanted(memory=12, family="sd15")).config
    assert (config.network_alpha, config.train_batch_size) == (16, 4)


def test_a_preset_goes_before_the_defaults_of_sd_scripts(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_text(
        "accelerate launch train_network.py --pretrained_model_name_or_path=b --output_dir=o"
        " --train_data_dir=i --network_dim=99 --resolution=512 --enable_bucket"
    )
    assert files.load(path).config.max_train_steps == 1600
    found = files.load(path, [], Wanted("character", 8, "sd15"))
    assert (found.config.network_dim, found.config.network_alpha) == (99, 8)
    assert (found.config.max_train_epochs, found.config.unet_lr) == (10, 1e-4)
    # what neither says is as in sd-scripts
    assert found.config.caption_extension == ".caption"
    assert found.report is not None
    assert {"caption_extension"} < {entry.ours for entry in found.report.mapped}
    assert "max_train_steps" not in {entry.ours for entry in found.report.mapped}


def test_a_family_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Wanted("style").under({"pretrained_model_name_or_path": str(tmp_path / "none")})
    assert "cannot be told" in caught.value.message
    assert caught.value.hint == "say it: --family sd15, sd2, sdxl"
