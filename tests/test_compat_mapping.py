"""Options of sd-scripts become the settings that do the same, and every one gets its word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataprep.errors import UsageError
from train import given
from train.compat import dataset, gui, json_files, scripts
from train.compat.foreign import Foreign, Source
from train.compat.mapping import translate
from train.compat.options import FLAGS, KNOWN, LISTS
from train.compat.report import MappingReport

NAMES = json.loads((Path(__file__).parent / "compat_names.json").read_text(encoding="utf-8"))
"""The names of every format, as their programs have them."""
SOME = {"flag": True, "int": 7, "float": 0.5, "int_or_float": 0.5, "Path": "none.toml"}
"""A value of each kind."""
CHOSEN = {
    "network_module": "networks.lora",
    "network_args": ["conv_dim=4"],
    "optimizer_args": ["betas=0.9,0.99"],
    "resolution": "512",
    "text_encoder_lr": [1e-4],
    "base_weights_multiplier": [0.5],
    "lr_scheduler": "cosine",
}


def told(**options: Any) -> tuple[dict[str, Any], MappingReport]:
    return translate(Foreign("a test", options), Source(Path("test.toml"), ""))


def values(**options: Any) -> dict[str, Any]:
    return told(**options)[0]


def spoken_of(report: MappingReport) -> set[str]:
    left = [entry.key for entry in (*report.ignored, *report.refused)]
    return {*left, *(entry.theirs for entry in report.mapped)}


def test_every_option_of_sd_scripts_is_known_and_gets_a_word() -> None:
    kinds = NAMES["sd_scripts"]
    assert len(kinds) > 190
    assert set(kinds) <= KNOWN
    options = {name: CHOSEN.get(name, SOME.get(kind, "word")) for name, kind in kinds.items()}
    _, report = told(**options)
    assert report.unknown == ()
    heads = {name.split()[0] for name in spoken_of(report)}
    assert set(kinds) - heads == set()


def test_the_command_line_knows_which_options_take_words() -> None:
    kinds = NAMES["sd_scripts"]
    assert {name for name, kind in kinds.items() if kind == "flag"} == FLAGS & set(kinds)
    assert {name for name, kind in kinds.items() if kind.endswith(" list")} == LISTS


@pytest.mark.parametrize("program", ["kohya_ss", "lora_easy"])
def test_every_key_of_the_windows_is_known(program: str) -> None:
    special = {"LoRA_type", "LyCORIS_preset", "additional_parameters", "noise_offset_type"}
    readers = {*gui.GUI_NAMES, *gui.GUI_ONLY, *gui.ALL_NETWORK_KEYS, *json_files.WHOLE, *special}
    assert set(NAMES[program]) - readers - KNOWN == set()


def test_every_variable_of_the_scripts_is_known() -> None:
    known = {*scripts.OPTION_OF, *scripts.MECHANICS, *scripts.OWN}
    for script in ("train_sh", "train_ps1", "train_ps1_old"):
        assert set(NAMES[script]) - known == set()
    assert set(scripts.OPTION_OF.values()) <= KNOWN
    assert set(NAMES["lora_scripts_toml"]) - KNOWN == {"lr_restart_cycles"}


def test_every_key_of_a_dataset_is_known() -> None:
    common = {*dataset.SHARED, *dataset.REASONS, *dataset.IGNORED}
    assert set(NAMES["subset"]) <= {*dataset.OWN, *common}
    assert set(NAMES["dataset"]) <= {*dataset.OF_DATASET, *common, "resolution", "batch_size"}


def test_what_is_not_said_is_as_sd_scripts_has_it() -> None:
    found, report = told(resolution="512", enable_bucket=True)
    assert found == {
        "resolution": [512, 512],
        "enable_bucket": True,
        "max_train_steps": 1600,
        "unet_lr": 2e-6,
        "text_encoder_lr": 2e-6,
        "network_dim": 4,
        "network_alpha": 1.0,
        "caption_extension": ".caption",
        "shuffle_caption": False,
        "keep_tokens": 0,
        "max_token_length": 75,
        "save_every_n_epochs": 0,
        "save_precision": "float",
        "output_name": "last",
        "seed": 42,
        "min_bucket_reso": 256,
        "max_bucket_reso": 1024,
        "bucket_reso_steps": 64,
    }
    (seed,) = [entry for entry in report.mapped if entry.ours == "seed"]
    assert "random" in seed.their_value
    assert "min_bucket_reso" not in values(resolution="192", enable_bucket=True)
    assert values(resolution="512")["enable_bucket"] is False


@pytest.mark.parametrize(
    ("options", "unet", "text"),
    [
        ({"learning_rate": 1e-4}, 1e-4, 1e-4),
        ({"learning_rate": "1e-4", "unet_lr": "3e-4"}, 3e-4, 1e-4),
        ({"learning_rate": 1e-4, "text_encoder_lr": 5e-5}, 1e-4, 5e-5),
        ({"unet_lr": 3e-4, "text_encoder_lr": 5e-5}, 3e-4, 5e-5),
        ({"learning_rate": 1e-4, "text_encoder_lr": 0}, 1e-4, 0.0),
        ({"unet_lr": 3e-4, "text_encoder_lr": 1, "network_train_unet_only": True}, 3e-4, 0.0),
        ({"learning_rate": 1e-4, "network_train_text_encoder_only": 1}, 0.0, 1e-4),
        ({"learning_rate": 1e-4, "network_train_unet_only": "0"}, 1e-4, 1e-4),
    ],
)
def test_learning_rates(options: dict[str, Any], unet: float, text: float) -> None:
    found, report = told(**options)
    assert (found["unet_lr"], found["text_encoder_lr"]) == (unet, text)
    assert set(options) <= spoken_of(report)


def test_two_text_encoders_have_a_rate_each() -> None:
    both = values(text_encoder_lr=["1e-5", "2e-5"])
    assert (both["text_encoder_lr"], both["text_encoder2_lr"]) == (1e-5, 2e-5)
    assert "text_encoder2_lr" not in values(text_encoder_lr=[1e-5, 1e-5])
    assert "text_encoder2_lr" not in values(text_encoder_lr=[1e-5, 2e-5], network_train_unet_only=1)


@pytest.mark.parametrize(
    ("module", "arguments", "expected"),
    [
        ("networks.lora", [], {"network_type": "lora"}),
        ("networks.lora", ["conv_dim=8"], {"network_type": "locon", "conv_alpha": 1.0}),
        ("networks.lora", ["conv_dim=0"], {"network_type": "lora"}),
        ("networks.lora", ["rank_dropout=0.1"], {"rank_dropout_scale": True}),
        ("networks.lora", ["block_dims=" + "4," * 24 + "2"], {"block_dims": [4] * 24 + [2]}),
        ("networks.lora", ["down_lr_weight=sine"], {"down_lr_weight": ["sine"]}),
        ("networks.lora", ["loraplus_unet_lr_ratio=16"], {"loraplus_unet_lr_ratio": 16.0}),
        ("networks.dylora", ["unit=4"], {"network_type": "dylora", "unit": 4}),
        ("lycoris.kohya", ["algo=loha", "dropout=0.2"], {"network_type": "loha"}),
        ("lycoris.kohya", ["algo=loha", "dropout=0.2"], {"network_dropout": 0.2}),
        ("lycoris.kohya", ["conv_dim=4"], {"network_type": "locon", "conv_alpha": 16.0}),
        ("lycoris.kohya", ["algo=locon", "conv_dim=0"], {"network_type": "lora"}),
        ("lycoris.kohya", ["dora_wd=True"], {"dora_wd": True}),
        ("lycoris.kohya", ["algo=dylora", "block_size=2"], {"network_type": "dylora", "unit": 2}),
        (
            "lycoris.kohya",
            ["algo=lokr", "factor=8", "conv_dim=4"],
            {"network_type": "lycoris", "network_args": ["algo=lokr", "factor=8"], "conv_dim": 4},
        ),
    ],
)
def test_networks(module: str, arguments: list[str], expected: dict[str, Any]) -> None:
    found = values(network_module=module, network_args=arguments, network_dim=32, network_alpha=16)
    assert {key: found.get(key) for key in expected} == expected
    assert found["network_dim"] == 32


def test_an_alpha_of_0_is_the_rank() -> None:
    assert values(network_dim=8, network_alpha=0)["network_alpha"] == 8.0


def test_what_a_network_cannot_do_is_said() -> None:
    arguments = ["algo=loha", "dora_wd=True", "use_tucker=True", "train_norm=False", "preset=unet"]
    found, report = told(network_module="lycoris.kohya", network_args=arguments)
    assert "dora_wd" not in found
    refused = [entry.key for entry in report.refused]
    assert refused == ["network_args preset", "network_args dora_wd", "network_args use_tucker"]
    with pytest.raises(UsageError, match=r"network_module 'networks\.oft' is none"):
        told(network_module="networks.oft")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"optimizer_type": None, "weight_decay": None}),
        ({"use_8bit_adam": True}, {"optimizer_type": "AdamW8bit", "weight_decay": None}),
        ({"use_lion_optimizer": "1"}, {"optimizer_type": "Lion", "weight_decay": 0.0}),
        ({"optimizer_type": "Prodigy", "use_8bit_adam": True}, {"optimizer_type": "Prodigy"}),
        (
            {"optimizer_args": ["weight_decay=0.1", "betas=0.9,0.99"]},
            {"weight_decay": 0.1, "optimizer_args": ["betas=0.9,0.99"]},
        ),
        ({"optimizer_args": "weight_decay=0.1 eps=1e-7"}, {"optimizer_args": ["eps=1e-7"]}),
        (
            {"optimizer_type": "AdaFactor", "learning_rate": 1e-4, "lr_scheduler": "adafactor"},
            {
                "lr_scheduler": "constant",
                "unet_lr": 1.0,
                "optimizer_args": ["relative_step=True", "scale_parameter=True"],
            },
        ),
        (
            {
                "optimizer_type": "Adafactor",
                "optimizer_args": ["relative_step=False"],
                "learning_rate": 1e-4,
                "lr_scheduler": "cosine",
            },
            {"lr_scheduler": "cosine", "unet_lr": 1e-4},
        ),
    ],
)
def test_optimizers(options: dict[str, Any], expected: dict[str, Any]) -> None:
    found, report = told(**options)
    assert {key: found.get(key) for key in expected} == expected
    assert set(options) <= spoken_of(report)


@pytest.mark.parametrize(
    ("options", "epochs", "steps"),
    [
        ({}, None, 1600),
        ({"max_train_steps": 300}, None, 300),
        ({"max_train_epochs": "4", "max_train_steps": 300}, 4, None),
        ({"max_train_epochs": 0, "max_train_steps": 300}, None, 300),
    ],
)
def test_epochs_win_over_steps(
    options: dict[str, Any], epochs: int | None, steps: int | None
) -> None:
    found, _ = told(**options)
    assert (found.get("max_train_epochs"), found.get("max_train_steps")) == (epochs, steps)


def test_files_per_run_become_files_per_epochs() -> None:
    assert values(max_train_epochs=10, save_n_epoch_ratio=3)["save_every_n_epochs"] == 3
    assert values(max_train_epochs=2, save_n_epoch_ratio=5)["save_every_n_epochs"] == 1


def test_zeros_that_mean_off_are_left_out() -> None:
    off = ("min_snr_gamma", "scale_weight_norms", "clip_skip", "adaptive_noise_scale")
    found, report = told(**dict.fromkeys(off, 0))
    assert not set(off) & set(found)
    assert {(entry.key, entry.reason) for entry in report.ignored} == {
        (key, "0: off") for key in off
    }


def test_what_is_off_is_not_refused() -> None:
    _, report = told(fp8_base=False, torch_compile="false", validation_split=0, deepspeed=True)
    assert [entry.key for entry in report.refused] == ["deepspeed"]


def test_the_base_is_told_from_its_file_unless_it_cannot_be() -> None:
    assert not {"v2", "v_parameterization"} & set(values(v2=False, v_parameterization=False))
    assert values(v2=True)["v_parameterization"] is False
    assert values(v2=True, v_parameterization=True)["v_parameterization"] is True


def test_a_bad_value_is_named_with_its_key() -> None:
    for options, reason in (
        ({"network_dim": "many"}, "network_dim: must be a number (got many)"),
        ({"max_train_epochs": 1.5}, "max_train_epochs: must be a whole number (got 1.5)"),
        ({"flip_aug": "perhaps"}, "flip_aug: must be true or false (got perhaps)"),
        ({"resolution": "1,2,3"}, "resolution: must be a width and a height (got 1,2,3)"),
        ({"unet_lr": "1e999"}, "unet_lr: must be a finite number (got 1e999)"),
        ({"network_args": ["conv_dim"]}, "network_args: must be key=value (got ['conv_dim'])"),
        (
            {"network_args": ["conv_dim=x"]},
            "network_args conv_dim: must be a number (got x)",
        ),
    ):
        with pytest.raises(UsageError) as caught:
            told(**options)
        assert caught.value.message == f"test.toml: {reason}"


def test_an_unknown_key_is_reported_with_the_nearest() -> None:
    _, report = told(netwrk_dim=4, zzz=1)
    assert [tuple(entry) for entry in report.unknown] == [
        ("netwrk_dim", "network_dim"),
        ("zzz", ""),
    ]


def test_secrets_are_not_repeated() -> None:
    _, report = told(wandb_api_key="s3cret", huggingface_token="s3cret")
    assert "s3cret" not in "\n".join(report.lines()) + json.dumps(report.to_json())


def test_the_report_is_plain_values() -> None:
    _, report = told(network_dim=8, fp8_base=True, xformers=True, netwrk_dim=4)
    plain = json.loads(json.dumps(report.to_json()))
    (rank,) = [entry for entry in plain["mapped"] if entry["ours"] == "network_dim"]
    assert rank == {
        "theirs": "network_dim",
        "their_value": 8,
        "ours": "network_dim",
        "our_value": 8,
        "is_said": True,
    }
    assert plain["refused"][0]["key"] == "fp8_base"
    assert plain["unknown"] == [{"key": "netwrk_dim", "nearest": "network_dim"}]
    lines = report.lines()
    assert "  netwrk_dim (did you mean network_dim?)" in lines
    assert all(len(line) < 125 for line in lines)


def test_reading_files_needs_no_torch() -> None:
    import subprocess
    import sys

    code = f"import sys, {given.__name__}, train.printing; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n"
