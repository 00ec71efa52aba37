"""What a run writes on its way and takes away again: sd-scripts' names and counts."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train import keeping
from train.config import TrainConfig
from train.keeping import Due, Written


def config(folder: Path, **values: Any) -> TrainConfig:
    places = {"train_data_dir": folder / "img", "output_dir": folder / "model"}
    base = {"pretrained_model_name_or_path": "demo", "output_name": "zumi", **places}
    return TrainConfig(**{"max_train_epochs": 10, **base, **values})


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["zumi-000001", "zumi-000002", "zumi-000003", "zumi-000004", "zumi"]),
        ({"save_every_n_epochs": 2}, [None, "zumi-000002", None, "zumi-000004", "zumi"]),
        ({"save_every_n_epochs": 0}, [None, None, None, None, "zumi"]),
        ({"save_every_n_epochs": 5}, [None, None, None, None, "zumi"]),
    ],
)
def test_files_after_epochs(
    tmp_path: Path, settings: dict[str, Any], names: list[str | None]
) -> None:
    wanted = config(tmp_path, **settings)
    due = [keeping.due_after_epoch(wanted, epoch, last=epoch == 5) for epoch in range(1, 6)]
    assert [one and one.name for one in due] == names


def test_files_after_steps(tmp_path: Path) -> None:
    wanted = config(tmp_path, save_every_n_steps=50)
    found = {step: keeping.due_after_step(wanted, step) for step in range(1, 151)}
    assert {step: due.name for step, due in found.items() if due} == {
        50: "zumi-step00000050",
        100: "zumi-step00000100",
        150: "zumi-step00000150",
    }
    assert keeping.due_after_step(config(tmp_path), 100) is None


@pytest.mark.parametrize(
    ("settings", "on_the_way", "at_the_end"),
    [
        ({}, False, False),
        ({"save_state": True}, True, True),
        ({"save_state_on_train_end": True}, False, True),
    ],
)
def test_states(
    tmp_path: Path, settings: dict[str, Any], on_the_way: bool, at_the_end: bool
) -> None:
    wanted = config(tmp_path, save_every_n_steps=10, **settings)
    assert keeping.due_after_epoch(wanted, 1, last=False) == Due("zumi-000001", on_the_way)
    assert keeping.due_after_step(wanted, 10) == Due("zumi-step00000010", on_the_way)
    assert keeping.due_after_epoch(wanted, 1, last=True) == Due("zumi", at_the_end)
    assert keeping.due_when_stopped(wanted, 7) == Due("zumi-step00000007", at_the_end)


def test_places(tmp_path: Path) -> None:
    wanted = config(tmp_path)
    model = tmp_path / "model"
    assert keeping.lora_path(wanted, "zumi-000004") == model / "zumi-000004.safetensors"
    assert keeping.state_path(wanted, "zumi-000004") == model / "zumi-000004-state"


def written(kind: str, after: str, numbers: list[int]) -> list[Written]:
    return [Written(Path(f"{kind}-{number}"), kind, after, number) for number in numbers]  # type: ignore[arg-type]


def left(wanted: TrainConfig, there: list[Written]) -> list[int]:
    gone = keeping.outdated(wanted, there)
    return [one.number for one in there if one not in gone]


@pytest.mark.parametrize(
    ("settings", "kind", "after", "there", "kept"),
    [
        # sd-scripts removes epoch - every × n: files of epochs 2 … 10 by 2, three of them stay
        (
            {"save_last_n_epochs": 3, "save_every_n_epochs": 2},
            "lora",
            "epoch",
            [2, 4, 6, 8, 10],
            [6, 8, 10],
        ),
        # and step - n - 1 rounded down to a multiple: at 1000 with 500 it is 400 that goes
        ({"save_last_n_steps": 500}, "lora", "step", [300, 400, 500, 600, 1000], [500, 600, 1000]),
        ({"save_last_n_steps": 120}, "lora", "step", [100, 200, 300], [200, 300]),
        ({}, "lora", "epoch", [1, 2, 3], [1, 2, 3]),
        ({"save_last_n_epochs": 2}, "state", "epoch", [1, 2, 3], [2, 3]),
        (
            {"save_last_n_epochs": 2, "save_last_n_epochs_state": 1},
            "state",
            "epoch",
            [1, 2, 3],
            [3],
        ),
        ({"save_last_n_epochs_state": 1}, "lora", "epoch", [1, 2, 3], [1, 2, 3]),
        ({"save_last_n_steps": 10}, "state", "step", [10, 20, 30], [20, 30]),
        (
            {"save_last_n_steps": 10, "save_last_n_steps_state": 5},
            "state",
            "step",
            [10, 20, 30],
            [30],
        ),
        ({"save_last_n_epochs": 1}, "lora", "step", [10, 20, 30], [10, 20, 30]),
    ],
)
def test_which_stay(
    tmp_path: Path,
    settings: dict[str, Any],
    kind: str,
    after: str,
    there: list[int],
    kept: list[int],
) -> None:
    assert left(config(tmp_path, **settings), written(kind, after, there)) == kept


@given(
    every=st.integers(1, 7),
    last_n=st.integers(1, 60),
    rounds=st.integers(1, 40),
)
def test_removing_as_one_goes_leaves_what_removing_at_the_end_does(
    every: int, last_n: int, rounds: int
) -> None:
    wanted = config(Path(), save_last_n_steps=last_n, save_last_n_epochs=last_n)
    numbers = [every * count for count in range(1, rounds + 1)]
    for after in ("epoch", "step"):
        on_the_way: list[Written] = []
        for one in written("lora", after, numbers):
            on_the_way.append(one)
            gone = keeping.outdated(wanted, on_the_way)
            on_the_way = [kept for kept in on_the_way if kept not in gone]
        kept_numbers = [one.number for one in on_the_way]
        assert kept_numbers == left(wanted, written("lora", after, numbers))
        # the newest is never taken away
        assert kept_numbers[-1] == numbers[-1]


def test_only_what_is_listed_is_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "train")
    mine, others = tmp_path / "zumi-000001.safetensors", tmp_path / "zumi-000002.safetensors"
    state = tmp_path / "zumi-000001-state"
    state.mkdir()
    for path in (mine, others, state / "state.json"):
        path.write_text("x")
    there = [
        Written(mine, "lora", "epoch", 1),
        Written(state, "state", "epoch", 1),
        Written(tmp_path / "gone", "lora", "epoch", 1),
        Written(tmp_path / "gone-state", "state", "epoch", 1),
    ]
    assert keeping.remove(there) == there
    assert list(tmp_path.iterdir()) == [others]
    assert f"removed {mine}" in caplog.text


def test_what_cannot_be_removed_is_named_and_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # a folder where the file was: unlink fails for root as well
    path = tmp_path / "zumi-000001.safetensors"
    path.mkdir()
    assert keeping.remove([Written(path, "lora", "epoch", 1)]) == []
    assert path.is_dir()
    assert f"{path} could not be removed" in caplog.text


def fill(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "inside").write_text(text)
    return folder


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    state = tmp_path / "zumi-state"
    for text in ("first", "second"):
        keeping.put_in_place(fill(keeping.temp_folder(state), text), state)
        assert (state / "inside").read_text() == text
        assert list(tmp_path.iterdir()) == [state]


def test_a_death_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    state = tmp_path / "zumi-state"
    fill(tmp_path / ".zumi-state.before", "old")
    keeping.recover(state)
    assert (state / "inside").read_text() == "old"
    assert list(tmp_path.iterdir()) == [state]


def test_what_a_killed_run_left_is_swept(tmp_path: Path) -> None:
    whole, lost = tmp_path / "zumi-000002-state", tmp_path / "zumi-000001-state"
    fill(whole, "new")
    fill(tmp_path / ".zumi-000002-state.before", "old")
    fill(tmp_path / ".zumi-000001-state.before", "the only one")
    fill(keeping.temp_folder(tmp_path / "zumi-state"), "half")
    others = fill(tmp_path / ".before", "not ours")
    assert keeping.sweep(tmp_path) == 1
    assert sorted(tmp_path.iterdir()) == [others, lost, whole]
    assert (whole / "inside").read_text() == "new"
    assert (lost / "inside").read_text() == "the only one"
