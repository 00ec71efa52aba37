"""The parts of the workshop that need no terminal, and the door to it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field as Rule

from dataprep.decisions import Background, Crop, Decisions
from dataprep.images import BadImage, probe
from dataprep.jobs import Progress
from dataprep.settings import Settings, build
from dataprep.stages import export
from tests.test_tui_folder import BROKEN, paint_project
from tui import __main__ as door
from tui.fields import command_line, fields_of, values_of
from tui.jobs import Clock, Pace
from tui.pictures import drawing, small
from tui.state import Row
from tui.widgets.job_bar import clock
from tui.widgets.table import elided


class Sample(Settings):
    out: Path = Rule(json_schema_extra={"positional": True})
    """Where to."""
    limit: Annotated[int, Rule(ge=1, le=9)] = 3
    """How many."""
    share: float | None = None
    """Which part."""
    tags: tuple[str, ...] = ("a", "b")
    """Which tags."""
    side: Literal[512, 768] = 512
    """How long."""
    keep_all: bool = True
    """Whether."""


def test_fields_of_every_kind() -> None:
    fields = {field.name: field for field in fields_of(Sample, {})}
    assert [field.kind for field in fields.values()] == [
        "text", "text", "text", "list", "choice", "switch",
    ]  # fmt: skip
    assert fields["limit"].help == "How many. 1 to 9."
    assert fields["tags"].start == "a, b"
    assert fields["share"].start == ""
    assert fields["share"].nullable
    assert fields["out"].required
    assert fields["out"].positional
    assert fields_of(Sample, {"limit": 7})[1].start == "7"


def test_what_a_form_holds_becomes_settings() -> None:
    fields = fields_of(Sample, {})
    raw = {field.name: field.start for field in fields} | {
        "out": "o",
        "tags": "x, y z,",
        "side": "768",
    }
    settings = build(Sample, values_of(fields, raw), "form")
    assert settings == Sample(out=Path("o"), tags=("x", "y z"), side=768)


def test_the_command_line_says_what_differs() -> None:
    fields = fields_of(Sample, {"limit": 7})
    raw = {field.name: field.start for field in fields}
    assert command_line("export", ".", fields, raw) == "dataprep export . OUT"
    raw |= {"out": "my lora", "keep_all": False, "tags": "red scarf", "limit": "3"}
    assert command_line("export", ".", fields, raw) == (
        "dataprep export . 'my lora' --limit 3 --tags 'red scarf' --no-keep-all"
    )


def test_what_may_come_often_comes_often_on_the_command_line() -> None:
    fields = fields_of(export.Settings, {})
    raw = {field.name: field.start for field in fields}
    raw |= {"out": "lora", "parts": "2_a=a/*, 3_b=tag:b"}
    line = command_line("export", ".", fields, raw)
    assert line == "dataprep export . lora --parts '2_a=a/*' --parts 3_b=tag:b"


def test_pace_starts_anew_with_every_phase() -> None:
    now = iter([0.0, 2.0, 10.0, 11.0, 12.0])
    clock = Clock(lambda: next(now))
    assert clock.pace(Progress(0, 10)) == Pace()
    assert clock.pace(Progress(4, 10)) == Pace(2.0, 3.0)
    assert clock.pace(Progress(0, 100, "second phase")) == Pace()
    assert clock.pace(Progress(10, 100)) == Pace(10.0, 9.0)
    assert clock.pace(Progress(10, None)) == Pace()


def test_how_times_and_names_are_shown() -> None:
    assert [clock(3.4), clock(65), clock(3725)] == ["0:03", "1:05", "1:02:05"]
    assert elided("short.png", 16) == "short.png"
    assert elided("a scanned drawing 0012.png", 16) == "a scann…0012.png"


def test_a_small_picture_is_the_render_or_the_original(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    cut = Decisions(crop=Crop((24, 0, 104, 80), 512, 512))
    row = Row(probe(root, "lake.png"), root / "lake.png", decisions=cut)
    assert small(row, (40, 40), original=False).size == (40, 40)
    assert small(row, (40, 40), original=True).size == (40, 25)
    assert small(row, (4000, 4000), original=True).size == (128, 80)
    gone = Decisions(background=Background("model", "#ffffff"))
    row = Row(probe(root, "lake.png"), root / "lake.png", decisions=gone, mask=root / "no.png")
    assert small(row, (40, 40), original=False).size == (40, 25)
    with pytest.raises(BadImage, match="not an image"):
        small(Row(probe(root, BROKEN), root / BROKEN), (40, 40), original=False)


def test_a_picture_fills_its_box_and_keeps_its_shape(tmp_path: Path) -> None:
    row = Row(probe(paint_project(tmp_path / "zumi"), "lake.png"), tmp_path / "zumi" / "lake.png")
    image = small(row, (1000, 1000), original=True)
    shown = drawing("halfcell")
    assert shown.cell == (10, 20)
    assert shown.fit(image, 40, 40) == (40, 12)
    assert shown.fit(image, 40, 5) == (16, 5)


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
