"""``dataprep train --detach`` and ``dataprep watch``, as a person types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataprep import runs
from dataprep.cli import main
from dataprep.errors import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, EXIT_USAGE
from dataprep.runs import folder
from dataprep.stages.watch import _time
from tests.test_runs import line, out, recorded, steps, told, until

__all__ = ["out"]


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = EXIT_OK) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == code
    captured = capsys.readouterr()
    return captured.out if code == EXIT_OK else captured.err


def facts(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(said(capsys, *arguments, "--json"))
    return loaded


def test_a_detached_run_is_watched_and_asked(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = said(capsys, "train", str(out), "--detach", "--set", "output_name=zumi")
    run = runs.find(out)
    assert run is not None
    assert f"process {run.pid}" in words
    assert f"dataprep watch {out}" in words
    assert "under way here" in said(capsys, "train", str(out), code=EXIT_FAILED)
    assert "under way here" in said(capsys, "train", str(out), "--detach", code=EXIT_FAILED)

    until(lambda: steps(run) >= 2)
    assert "will pause" in said(capsys, "watch", str(out), "--pause")
    until(lambda: run.read().state == "paused")
    now = facts(capsys, "watch", str(out), "--tail", "3")
    assert (now["state"], now["steps"]) == ("paused", 6000)
    assert now["training"]["paused"] is True
    said(capsys, "watch", str(out), "--sample")
    until(lambda: run.read().samples)
    text = said(capsys, "watch", str(out), "--tail", "2")
    assert text.startswith("paused\nstep ")
    assert "it/s" in text
    assert run.read().samples[-1].path in text
    assert text.splitlines()[-1] == run.log_tail(1)[0]
    said(capsys, "watch", str(out), "--save")
    said(capsys, "watch", str(out), "--continue")
    until(lambda: run.read().state == "running")

    # Ctrl-C leaves it running
    watcher = subprocess.Popen(
        [sys.executable, "-m", "dataprep", "watch", str(out)], stderr=subprocess.PIPE, text=True
    )
    assert watcher.stderr is not None
    assert watcher.stderr.readline()
    watcher.send_signal(signal.SIGINT)
    assert "the training run goes on" in watcher.stderr.read()
    assert watcher.wait() == EXIT_STOPPED
    assert run.read().alive

    assert "save what it has learned" in said(capsys, "watch", str(out), "--stop")
    end = facts(capsys, "watch", str(out))
    assert (end["state"], end["stopped"], end["stage"]) == ("stopped", True, "watch")
    assert Path(end["lora"]).is_file()
    assert len(end["saved"]) >= 2
    assert len(end["samples"]) == 1
    assert "no training run is under way" in said(
        capsys, "watch", str(out), "--save", code=EXIT_FAILED
    )


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way there")
def test_an_attached_run_is_recorded_and_found_as_well(out: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dataprep", "train", str(out), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    run = until(lambda: runs.find(out))
    until(lambda: steps(run) >= 2)
    assert run.record.detached is False
    run.wish("stop")
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == EXIT_OK
    report = json.loads(stdout)
    assert report["stopped"] is True
    reading = run.read()
    assert (reading.state, reading.result["lora"]) == ("stopped", report["lora"])
    # the protocol's own lines are not for the eye; the log is for both
    assert '"event"' not in stderr
    assert "training on cpu" in stderr
    assert any("training on cpu" in row for row in run.log_tail(50))


def test_a_run_that_was_killed_is_told_with_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = told({"event": "saved", "step": 1, "epoch": 1, "path": "one.safetensors"})
    recorded(tmp_path, line(1) + saved)
    words = said(capsys, "watch", str(tmp_path), code=EXIT_FAILED)
    assert "was killed (last heard of at step 1)" in words
    assert "one.safetensors" in words
    assert said(capsys, "watch", str(tmp_path), "--tail", "1").startswith("lost: the training")


def test_what_cannot_be_watched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such file" in said(capsys, "watch", str(tmp_path), code=EXIT_USAGE)
    (tmp_path / "train.toml").touch()
    assert "nothing was trained here yet" in said(capsys, "watch", str(tmp_path), code=EXIT_FAILED)
    recorded(tmp_path)
    text = said(capsys, "watch", str(tmp_path), "--pause", "--stop", code=EXIT_USAGE)
    assert "pause and stop at once" in text
    assert not (folder.run_folder(tmp_path / "train.toml") / folder.WISHES).exists()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3661, "1:01:01")]
)
def test_how_a_time_is_said(seconds: float, text: str) -> None:
    assert _time(seconds) == text
