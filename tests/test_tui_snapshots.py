"""How the screens look, at the size of an old terminal and of a larger one."""

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static
from textual_image.widget import HalfcellImage

from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from tests.test_tui_folder import main_screen, paint_project, until, workshop
from tui.jobs import JobProgress, Pace
from tui.screens.form import FormScreen

Compare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project named as on the command line: no path of this machine is on the screen."""
    paint_project(tmp_path / "zumi")
    monkeypatch.chdir(tmp_path)
    return Path("zumi")


async def settled(pilot: Pilot[None]) -> None:
    """Scanned, listed, and the first picture drawn."""
    await pilot.pause()
    await until(pilot, lambda: main_screen(pilot).query("Footer"))
    picture = main_screen(pilot).query_one(HalfcellImage)
    job = main_screen(pilot).query_one("#job", Static)
    await until(pilot, lambda: picture.image is not None and "done" in str(job.content))
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


@SIZES
def test_main_screen(folder: Path, size: tuple[int, int], snap_compare: Compare) -> None:
    assert snap_compare(workshop(folder), terminal_size=size, run_before=settled)


@SIZES
def test_form(folder: Path, size: tuple[int, int], snap_compare: Compare) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        main_screen(pilot).open_stage("crop")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        for line in pilot.app.screen.query(Input):
            line.cursor_blink = False
        pilot.app.screen.query(Input).first().value = "100"
        await pilot.pause()

    assert snap_compare(workshop(folder), terminal_size=size, run_before=before)


def test_running_job(folder: Path, snap_compare: Compare) -> None:
    let_go = threading.Event()

    def waits(dataset: Dataset) -> Job[Report]:
        yield Progress(11, 40)
        let_go.wait(60)
        return Report("tag")

    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        screen = main_screen(pilot)
        screen.start("tag", waits)
        await until(pilot, lambda: "11/40" in str(screen.query_one("#job", Static).content))
        # with a pace that no clock has measured
        progress = Progress(12, 40, "[b]lake.png")
        screen.post_message(JobProgress("tag", progress, Pace(3.21, 8.7)))
        await pilot.pause()

    assert snap_compare(workshop(folder), terminal_size=(80, 24), run_before=before)
    let_go.set()


def test_help(folder: Path, snap_compare: Compare) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press("question_mark")
        await pilot.pause(0.1)

    assert snap_compare(workshop(folder), terminal_size=(80, 24), run_before=before)
