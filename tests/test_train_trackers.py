"""Charts of a run: what is written is read back, and a chart never ends a run."""

from __future__ import annotations

import importlib.util
import logging
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event

from dataprep.errors import DataprepError, UsageError
from train import trackers
from train.config import TrainConfig

STARTED = 1_770_000_000.0
HAS_WANDB = importlib.util.find_spec("wandb") is not None


def config(folder: Path, **values: Any) -> TrainConfig:
    places = {"train_data_dir": folder / "img", "output_dir": folder / "model"}
    base = {"pretrained_model_name_or_path": "demo", "output_name": "zumi", **places}
    return TrainConfig(**{"max_train_epochs": 10, **base, **values})


def masked(data: bytes) -> int:
    """The checksum of a record, as TensorFlow's record_writer.h masks it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def events(path: Path) -> Iterator[Event]:
    """The records of an event file: length, checksum, data, checksum."""
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        assert struct.unpack("<I", data[8:12]) == (masked(data[:8]),)
        assert struct.unpack("<I", data[12 + length : 16 + length]) == (masked(body),)
        yield Event.FromString(body)
        data = data[16 + length :]


def scalars(folder: Path) -> list[tuple[int, dict[str, float]]]:
    (path,) = folder.glob("events.out.tfevents.*")
    first, *rest = events(path)
    assert first.file_version == "brain.Event:2"
    return [
        (event.step, {value.tag: value.simple_value for value in event.summary.value})
        for event in rest
    ]


def test_an_event_file_is_read_back(tmp_path: Path) -> None:
    settings = config(tmp_path, logging_dir=tmp_path / "log", log_prefix="first-")
    there = trackers.open_trackers(settings, None, STARTED)
    told = [
        (1, {"loss/current": 0.125, "loss/average": 0.125, "lr/unet": 1e-4}),
        (2, {"loss/current": 0.5, "loss/average": 0.3125, "lr/unet": 2e-4, "lr/textencoder": 5e-5}),
        (100_000, {"lr/d*lr/unet": 1e-7}),
    ]
    for step, values in told:
        trackers.tell(there, step, values)
    trackers.close(there)
    assert there == []
    stamp = time.strftime("%Y%m%d%H%M%S", time.localtime(STARTED))
    found = scalars(tmp_path / "log" / f"first-{stamp}" / "network_train")
    # the file holds 32 bits
    assert found == [
        (
            step,
            {name: struct.unpack("f", struct.pack("f", value))[0] for name, value in row.items()},
        )
        for step, row in told
    ]


def test_where_the_files_go(tmp_path: Path) -> None:
    beside = tmp_path / "log"
    assert trackers.open_trackers(config(tmp_path), beside, STARTED) == []
    assert trackers.open_trackers(config(tmp_path), None, STARTED) == []
    assert not beside.exists()
    beside.mkdir()
    trackers.close(trackers.open_trackers(config(tmp_path), beside, STARTED))
    assert len(list(beside.glob("*/network_train/events.out.tfevents.*"))) == 1
    # a folder that was asked for is made, and wins
    wanted = config(tmp_path, logging_dir=tmp_path / "deep" / "charts")
    trackers.close(trackers.open_trackers(wanted, beside, STARTED))
    assert len(list(tmp_path.glob("deep/charts/*/network_train/*"))) == 1
    assert len(list(beside.glob("*/network_train/*"))) == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")
    with pytest.raises(DataprepError, match="TensorBoard's file cannot be written") as caught:
        trackers.open_trackers(config(tmp_path, logging_dir=tmp_path / "log"), None, STARTED)
    assert str(tmp_path / "log") in caught.value.message
    assert "logging_dir" in caught.value.hint


def test_what_a_killed_run_leaves_can_be_read(tmp_path: Path) -> None:
    seconds = [0.0]
    board = trackers.TensorBoard(tmp_path, now=lambda: seconds[0])
    board.log(1, {"loss/current": 1.0})
    seconds[0] = trackers.FLUSH_SECONDS
    board.log(2, {"loss/current": 2.0})
    # nobody closes it
    assert scalars(tmp_path) == [(1, {"loss/current": 1.0}), (2, {"loss/current": 2.0})]


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
def test_a_full_disk_ends_the_chart_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import resource

    first = trackers.TensorBoard(tmp_path / "first", now=lambda: 0.0)
    second = trackers.TensorBoard(tmp_path / "second", now=time.monotonic)
    # written to the disk at once, where there is no room
    first._flushed_at = -trackers.FLUSH_SECONDS
    there: list[trackers.Tracker] = [first, second]
    caplog.set_level(logging.WARNING, "train")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
    try:
        trackers.tell(there, 1, {"loss/current": 1.0})
        trackers.tell(there, 2, {"loss/current": 2.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert there == [second]
    assert caplog.text.count("TensorBoard is told no more") == 1
    trackers.close(there)
    assert [step for step, _ in scalars(tmp_path / "second")] == [1, 2]


@pytest.mark.skipif(HAS_WANDB, reason="wandb is installed")
@pytest.mark.parametrize("log_with", ["wandb", "all"])
def test_without_wandb_one_is_told_so(tmp_path: Path, log_with: str) -> None:
    with pytest.raises(UsageError, match="wandb cannot be used here") as caught:
        trackers.open_trackers(config(tmp_path, log_with=log_with), None, STARTED)
    assert "pip install wandb" in caught.value.hint


@pytest.mark.skipif(not HAS_WANDB, reason="wandb is not installed")
def test_wandb_keeps_a_run_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    settings = config(tmp_path, log_with="wandb", wandb_run_name="first", logging_dir=tmp_path)
    there = trackers.open_trackers(settings, None, STARTED)
    trackers.tell(there, 1, {"loss/current": 0.125})
    assert [tracker.name for tracker in there] == ["wandb"]
    trackers.close(there)
    (written,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert b"loss/current" in written.read_bytes()
    assert not list(tmp_path.glob("*/network_train"))
