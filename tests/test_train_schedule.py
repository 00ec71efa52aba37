"""Schedules against transformers' and by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import get_scheduler

from train import schedule
from train.config import TrainConfig
from train.config.learning import SCHEDULES

NAMES = get_args(SCHEDULES)
TOTAL, WARMUP = 20, 4


def config(name: str, **values: Any) -> TrainConfig:
    return TrainConfig(
        pretrained_model_name_or_path="base",
        train_data_dir=Path("img"),
        output_dir=Path("model"),
        max_train_steps=10,
        lr_scheduler=name,
        **values,
    )


def factors(settings: TrainConfig, total: int = TOTAL) -> list[float]:
    return [schedule.factor(settings, step, total) for step in range(total)]


def theirs(name: str, warmup: int = WARMUP, **values: Any) -> list[float]:
    """The factors of transformers' scheduler, as sd-scripts calls it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    specific = values.pop("scheduler_specific_kwargs", values)
    made = get_scheduler(name, optimizer, warmup, TOTAL, scheduler_specific_kwargs=specific)
    found = []
    for _ in range(TOTAL):
        found.append(made.get_last_lr()[0])
        optimizer.step()
        made.step()
    return found


CASES = [
    ("constant_with_warmup", {}, {}),
    ("linear", {}, {}),
    ("cosine", {}, {}),
    ("cosine_with_restarts", {"lr_scheduler_num_cycles": 3}, {"num_cycles": 3}),
    (
        "cosine_with_min_lr",
        {"lr_scheduler_min_lr_ratio": 0.1},
        {"num_cycles": 0.5, "min_lr_rate": 0.1},
    ),
    (
        "polynomial",
        {"lr_scheduler_power": 2.0, "lr_scheduler_min_lr_ratio": 0.1},
        {"power": 2.0, "lr_end": 0.1},
    ),
    ("inverse_sqrt", {}, {}),
    ("inverse_sqrt", {"lr_scheduler_timescale": 9}, {"timescale": 9}),
    (
        "warmup_stable_decay",
        {"lr_decay_steps": 6, "lr_scheduler_min_lr_ratio": 0.1},
        {"num_decay_steps": 6, "min_lr_ratio": 0.1, "num_cycles": 0.5},
    ),
]


@pytest.mark.parametrize(("name", "ours", "their"), CASES)
def test_shapes_are_those_of_transformers(
    name: str, ours: dict[str, Any], their: dict[str, Any]
) -> None:
    settings = config(name, lr_warmup_steps=WARMUP, **ours)
    expected = theirs(name, **their)
    assert factors(settings)[WARMUP:] == pytest.approx(expected[WARMUP:], abs=1e-9)
    # the warm-up differs by what the module says: its first step already moves
    assert factors(settings)[:WARMUP] == [0.2, 0.4, 0.6, 0.8]
    kohya = config(name, lr_warmup_steps=WARMUP, compat="kohya", **ours)
    assert factors(kohya) == pytest.approx(expected, abs=1e-9)


def test_constant() -> None:
    assert factors(config("constant")) == [1] * TOTAL
    warm = factors(config("constant", lr_warmup_steps=3), 5)
    assert warm == [0.25, 0.5, 0.75, 1, 1]
    # sd-scripts' constant has no warm-up
    assert factors(config("constant", lr_warmup_steps=3, compat="kohya")) == [1] * TOTAL
    assert theirs("constant", 0) == [1] * TOTAL


def test_cosine() -> None:
    settings = config("cosine")
    assert schedule.factor(settings, 0, 10) == 1
    assert schedule.factor(settings, 5, 10) == pytest.approx(0.5)
    assert 0 < schedule.factor(settings, 9, 10) < 0.03
    assert schedule.factor(config("cosine", lr_warmup_steps=2), 2, 12) == 1


def test_by_hand() -> None:
    assert schedule.factor(config("linear"), 5, 20) == 0.75
    assert schedule.factor(config("polynomial", lr_scheduler_power=2.0), 5, 20) == 0.75**2
    restarts = config("cosine_with_restarts", lr_scheduler_num_cycles=2)
    assert [schedule.factor(restarts, step, 20) for step in (0, 5, 10)] == pytest.approx(
        [1, 0.5, 1]
    )
    assert schedule.factor(restarts, 20, 20) == 0
    root = config("inverse_sqrt", lr_warmup_steps=4)
    assert schedule.factor(root, 16, 20) == 1 / math.sqrt(1 + 12 / 4)
    decay = config("warmup_stable_decay", lr_decay_steps=0.5)
    assert [schedule.factor(decay, step, 20) for step in (0, 10, 15)] == pytest.approx([1, 1, 0.5])


def test_steps_may_be_a_share_of_all() -> None:
    share = config("cosine", lr_warmup_steps=0.2)
    assert factors(share) == factors(config("cosine", lr_warmup_steps=4))


def test_every_name_has_a_schedule() -> None:
    assert set(schedule.SCHEDULES) == set(NAMES)


@given(
    name=st.sampled_from(NAMES),
    step=st.integers(0, 10_000),
    total=st.integers(0, 10_000),
    warmup=st.one_of(st.integers(0, 20_000), st.floats(0, 1, exclude_max=True)),
    decay=st.one_of(st.integers(0, 20_000), st.floats(0, 1, exclude_max=True)),
    cycles=st.integers(1, 10),
    power=st.floats(0.01, 10),
    floor=st.floats(0, 1),
    timescale=st.one_of(st.none(), st.integers(1, 20_000)),
    compat=st.sampled_from(["none", "kohya"]),
)
def test_a_factor_is_between_0_and_1(
    name: str,
    step: int,
    total: int,
    warmup: float,
    decay: float,
    cycles: int,
    power: float,
    floor: float,
    timescale: int | None,
    compat: str,
) -> None:
    settings = config(
        name,
        lr_warmup_steps=warmup,
        lr_decay_steps=decay,
        lr_scheduler_num_cycles=cycles,
        lr_scheduler_power=power,
        lr_scheduler_min_lr_ratio=floor,
        lr_scheduler_timescale=timescale,
        compat=compat,
    )
    value = schedule.factor(settings, step, total)
    assert 0 <= value <= 1
