"""Settings of the network: each reaches the loop and does what it says, on a tiny base."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from tiny_runs import MIDDLE, RATES, SHORT, UNET, Trained, equal, run

from dataprep.errors import UsageError
from train.families import Family

Bases = Callable[..., Path]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return lambda family="sd1": tiny_base.shared(tmp_path_factory, family)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "2_thing", 2)
    return tmp_path


@pytest.fixture(scope="module")
def learned(bases: Bases, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A LoRA of rank 2 that moves the base a good deal."""
    place = tmp_path_factory.mktemp("learned")
    tiny_base.paint(place / "img" / "2_thing", 2)
    rates = {"unet_lr": 0.1, "text_encoder_lr": 0.1}
    return run(bases(), place, **{**SHORT, "max_train_steps": 3}, **rates)


# Files to begin with


def first(base: Path, root: Path, **values: Any) -> float:
    """The loss of the first step: what the base and what is laid on it answer before learning."""
    short = {**SHORT, "max_train_steps": 1, "output_name": "first"}
    return run(base, root, **{**short, **values}).losses[0]


def test_going_on_from_a_file_and_merging_it_begin_alike(
    bases: Bases, root: Path, learned: Trained
) -> None:
    plain = first(bases(), root)
    on_top = first(bases(), root, network_weights=learned.path)
    assert on_top != pytest.approx(plain, rel=1e-3)

    def merged(*factors: float, count: int = 1) -> float:
        files = [str(learned.path)] * count
        return first(bases(), root, base_weights=files, base_weights_multiplier=factors)

    assert merged() == pytest.approx(on_top, rel=1e-4)
    assert merged(1) == merged()
    assert merged(0) == plain
    assert merged(0.25, 0.75, count=2) == pytest.approx(on_top, rel=1e-4)
    assert merged(0.5) != pytest.approx(on_top, rel=1e-4)


@pytest.mark.parametrize(
    "values",
    [
        {"network_alpha": 8},
        {"network_dim": 16, "network_alpha": 1, "dim_from_weights": True},
        {"rs_lora": True},
        {"dora_wd": True},
        {"dora_wd": True, "network_dim": 8, "dim_from_weights": True},
        {"network_type": "dylora"},
    ],
    ids=str,
)
def test_a_file_goes_on_as_another_kind(
    bases: Bases, root: Path, learned: Trained, values: dict[str, Any]
) -> None:
    goes_on = run(bases(), root, **{**SHORT, **values}, network_weights=learned.path)
    if "network_type" not in values:
        same = first(bases(), root, network_weights=learned.path)
        assert goes_on.losses[0] == pytest.approx(same, rel=1e-4)
    downs = [value for key, value in goes_on.weights.items() if "lora_down" in key]
    assert {len(value) for value in downs} == {2}
    assert any("dora_scale" in key for key in goes_on.weights) == ("dora_wd" in values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"network_dim": 4}, "network_weights has rank 2 on lora_unet_down_.*, the settings say 4"),
        ({"network_type": "loha"}, "is a LoRA there, and a LoHa by network_type"),
        ({"text_encoder_lr": 0}, "no part of what is learned"),
        (MIDDLE, "which these settings leave out"),
    ],
)
def test_a_file_that_does_not_fit_the_settings(
    bases: Bases, root: Path, learned: Trained, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        run(bases(), root, **{**SHORT, **values}, network_weights=learned.path)


# Sizes, blocks and rates


def test_delta_is_shortened_at_each_step(bases: Bases, root: Path) -> None:
    def longest(**values: Any) -> float:
        weights = run(bases(), root, **{**UNET, "unet_lr": 0.1}, **values).weights
        ups = {key: it for key, it in weights.items() if "lora_up" in key and it.ndim == 2}
        downs = (weights[key.replace("lora_up", "lora_down")] for key in ups)
        # alpha 2 at rank 2
        return max(float((up @ down).norm()) for up, down in zip(ups.values(), downs, strict=True))

    assert longest() > 0.1
    assert longest(scale_weight_norms=0.1) == pytest.approx(0.1, rel=1e-3)


def blocks(trained: Trained) -> set[str]:
    """The blocks of the UNet that were learned, as down, mid and up; SDXL's in its own names."""
    return {key.split("_")[2] for key in trained.of("lora_unet")}


@pytest.mark.parametrize(
    ("family", "values", "left"),
    [
        ("sd1", {"block_dims": [0] * 12 + [2] + [0] * 12}, {"mid"}),
        ("sd1", {"block_dims": [0] * 13 + [2] * 12}, {"up"}),
        ("sd1", {"down_lr_weight": "zeros"}, {"mid", "up"}),
        ("sd1", {"down_lr_weight": "zeros", "mid_lr_weight": 0}, {"up"}),
        ("sd1", {"up_lr_weight": [0.1] * 12, "block_lr_zero_threshold": 0.1}, {"down", "mid"}),
        ("sdxl", {"block_dims": [0] * 10 + [2] * 3 + [0] * 10}, {"middle"}),
        ("sdxl", {"up_lr_weight": "zeros"}, {"input", "middle"}),
    ],
)
def test_blocks_are_left_out(
    bases: Bases, root: Path, family: Family, values: dict[str, Any], left: set[str]
) -> None:
    few = {**SHORT, "max_train_steps": 1, "text_encoder_lr": 0}
    assert blocks(run(bases(family), root, **few, **values)) == left


def test_blocks_learn_at_rates_of_their_own(bases: Bases, root: Path) -> None:
    factors = {"down_lr_weight": [0.5] * 12, "mid_lr_weight": 0.25, "up_lr_weight": "zeros+2"}
    trained = run(bases(), root, **{**SHORT, "max_train_steps": 1, "text_encoder_lr": 0}, **factors)
    # Adam's first step moves what has a gradient by the learning rate itself
    fastest: dict[str, float] = {}
    for key, value in trained.weights.items():
        if "lora_up" in key:
            block = key.split("_")[2]
            fastest[block] = max(fastest.get(block, 0.0), value.abs().max().item())
    wanted = {"down": 0.5, "mid": 0.25, "up": 2}
    assert fastest == pytest.approx({k: v * RATES["unet_lr"] for k, v in wanted.items()}, rel=1e-3)


def test_ranks_of_blocks_and_of_convolutions(bases: Bases, root: Path) -> None:
    dims = list(range(1, 26))
    trained = run(
        bases(),
        root,
        **{**SHORT, "max_train_steps": 1, "text_encoder_lr": 0},
        block_dims=dims,
        block_alphas=dims,
        conv_block_dims=[3] * 25,
    )
    kept = {
        key.removesuffix(".lora_down.weight"): value
        for key, value in trained.weights.items()
        if "lora_down" in key
    }
    assert {len(v) for k, v in kept.items() if v.ndim == 4 and v.shape[-1] == 3} == {3}
    assert len({len(v) for k, v in kept.items() if "_mid_block_attentions" in k}) == 1
    # block 13 of 25 is the middle
    assert {len(v) for k, v in kept.items() if "_mid_block_attentions" in k} == {13}
    assert len({len(value) for value in kept.values()}) > 5


def test_rs_lora_is_a_larger_alpha(bases: Bases, root: Path) -> None:
    plain = {**UNET, "max_train_steps": 3, "network_dim": 4, "block_dims": []}
    by_root = run(bases(), root, **plain, network_alpha=1, rs_lora=True)
    doubled = run(bases(), root, **plain, network_alpha=2)
    assert by_root.losses == pytest.approx(doubled.losses, rel=1e-5)
    single = run(bases(), root, **plain, network_alpha=1)
    assert by_root.losses != pytest.approx(single.losses, rel=1e-5)


@pytest.mark.parametrize("key", ["network_dropout", "rank_dropout", "module_dropout"])
def test_dropouts_change_what_is_learned(bases: Bases, root: Path, key: str) -> None:
    values = {**UNET, "max_train_steps": 3, "block_dims": []}
    plain = run(bases(), root, **values).losses
    dropped = run(bases(), root, **values, **{key: 0.5}).losses
    # nothing is added at first, so nothing is missed
    assert dropped[0] == plain[0]
    assert dropped[1:] != plain[1:]


# The package lycoris-lora

LYCORIS: dict[str, tuple[str, ...]] = {
    "lokr": ("algo=lokr", "factor=4"),
    "glora": ("algo=glora",),
    "diag-oft": ("algo=diag-oft", "constraint=0.5", "rescaled=true"),
    "lokr of whole matrices": ("algo=lokr", "full_matrix=true"),
}
MARKS = {"glora": "a1.weight", "diag-oft": "oft_blocks"}


@pytest.mark.parametrize("algo", LYCORIS)
def test_algorithms_of_lycoris(bases: Bases, root: Path, algo: str) -> None:
    values = {**UNET, "network_type": "lycoris", "network_args": LYCORIS[algo]}
    values |= {"unet_lr": 0.05, "max_train_steps": 4}
    trained = run(bases(), root, **values)
    again = run(bases(), root, **values, output_name="again")
    assert equal(trained, again)
    assert any(MARKS.get(algo, "lokr_w") in key for key in trained.weights)
    assert trained.about["ss_network_module"] == "lycoris.kohya"
    nothing = first(bases(), root, **MIDDLE, text_encoder_lr=0)
    assert trained.losses[0] == pytest.approx(nothing, rel=1e-5)
    merged = first(bases(), root, base_weights=[str(trained.path)])
    goes_on = run(bases(), root, **values, network_weights=trained.path, output_name="on")
    assert merged != pytest.approx(nothing, rel=1e-5)
    assert goes_on.losses[0] == pytest.approx(merged, rel=1e-4)


def test_an_algorithm_that_is_not_named_is_asked_for(bases: Bases, root: Path) -> None:
    with pytest.raises(UsageError, match="algo is missing"):
        run(bases(), root, **UNET, network_type="lycoris")


def test_sdxl_by_lokr_with_both_text_encoders(bases: Bases, root: Path) -> None:
    values = {"network_type": "lycoris", "network_args": ["algo=lokr"]}
    trained = run(bases("sdxl"), root, **SHORT, **values)
    parts = {key.split("_")[1] for key in trained.weights}
    assert parts == {"unet", "te1", "te2"}
    assert all(torch.isfinite(value).all() for value in trained.weights.values())
