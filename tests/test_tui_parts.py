"""The parts of the workshop that need no terminal, and the door to it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataprep.jobs import Progress
from tui import __main__ as door
from tui.jobs import Clock, Pace
from tui.widgets.job_bar import clock


def test_pace_starts_anew_with_every_phase() -> None:
    now = iter([0.0, 2.0, 10.0, 11.0, 12.0])
    clock = Clock(lambda: next(now))
    assert clock.pace(Progress(0, 10)) == Pace()
    assert clock.pace(Progress(4, 10)) == Pace(2.0, 3.0)
    assert clock.pace(Progress(0, 100, "second phase")) == Pace()
    assert clock.pace(Progress(10, 100)) == Pace(10.0, 9.0)
    assert clock.pace(Progress(10, None)) == Pace()


def test_how_times_are_shown() -> None:
    assert [clock(3.4), clock(65), clock(3725)] == ["0:03", "1:05", "1:02:05"]


def test_without_a_terminal_it_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "tui", str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if key != "TEXTUAL_DRIVER"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == "error: dataprep tui needs a terminal to draw on\n"


def test_a_folder_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(door, "_on_terminal", lambda: True)
    assert door.main([str(tmp_path / "no")]) == 2
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.usefixtures("capfd")
def test_what_libraries_print_stays_off_the_screen(tmp_path: Path) -> None:
    log = tmp_path / "tui.log"
    before = sys.__stderr__
    with door._stray_output_to(log):
        os.write(2, b"a warning of some library\n")
        assert sys.__stderr__ is not before
        assert sys.__stderr__ is not None
        assert sys.__stderr__.fileno() != 2
    assert sys.__stderr__ is before
    assert log.read_text() == "a warning of some library\n"


def test_the_first_frame_waits_for_little() -> None:
    code = "import sys, tui.app; print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", code]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    slow = {"torch", "onnxruntime", "diffusers", "transformers", "cv2", "rembg", "train"}
    # textual_image asks the terminal when it is imported: only the door may do that
    assert loaded & (slow | {"pydantic", "textual_image"}) == set()
