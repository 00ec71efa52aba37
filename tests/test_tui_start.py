"""The screen one begins with: recent projects, a folder by walking the disk, the sample."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Static

from dataprep.glance import Glance, glance
from dataprep.store import Store
from tests.test_tui_folder import paint_project, until
from tui import prefs
from tui.app import Workshop
from tui.dialogs.folder import FolderDialog
from tui.pictures import drawing
from tui.screens.main import MainScreen
from tui.screens.start import DEMO, StartScreen, ago
from tui.widgets.lines import Lines
from tui.widgets.path_line import PathLine

Story = Callable[[Pilot[None]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _own_recents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def tell(story: Story, root: Path | None = None, size: tuple[int, int] = (80, 24)) -> Workshop:
    """Live through a story from the first screen on."""
    app = Workshop(root, drawing("halfcell"))

    async def live() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await story(pilot)

    asyncio.run(live())
    app.close_project()
    return app


def said(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#start-said", Static).content)


def opened(pilot: Pilot[None]) -> bool:
    return isinstance(pilot.app.screen, MainScreen)


def is_asked(pilot: Pilot[None]) -> bool:
    """Whether the dialog has listed a folder."""
    screen = pilot.app.screen
    return isinstance(screen, FolderDialog) and bool(screen.query_one(Lines).keys)


def test_recent_projects_are_listed_and_opened(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "[red] zumi")
    prefs.note_opened(root)

    async def story(pilot: Pilot[None]) -> None:
        lines = pilot.app.screen.query_one(Lines)
        assert lines.keys == [str(root)]
        await pilot.press("enter")
        await until(pilot, lambda: opened(pilot))
        assert isinstance(pilot.app, Workshop)
        assert pilot.app.desk is not None
        assert pilot.app.desk.root == root

    tell(story)


def test_what_a_project_holds_is_seen_without_opening_it(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    assert glance(root) == Glance()
    (root / ".dataprep").mkdir()
    Store(root / ".dataprep" / "state.sqlite").close()
    with sqlite3.connect(root / ".dataprep" / "state.sqlite") as db:
        db.execute("INSERT INTO decisions VALUES ('', 'concept', '{\"trigger\": \"zumi\"}')")
    db.close()
    before = {path.name for path in (root / ".dataprep").iterdir()}
    found = glance(root)
    assert (found.pictures, found.trigger) == (0, "zumi")
    assert found.used > 0
    assert {path.name for path in (root / ".dataprep").iterdir()} == before
    (root / ".dataprep" / "state.sqlite").write_bytes(b"no database, though it has some length")
    assert glance(root).pictures is None


def test_a_state_that_is_being_written_is_seen_as_it_is_now(tmp_path: Path) -> None:
    root = tmp_path / "zumi"
    (root / ".dataprep").mkdir(parents=True)
    store = Store(root / ".dataprep" / "state.sqlite")
    with store.transaction() as db:
        db.execute("INSERT INTO decisions VALUES ('', 'concept', '{\"trigger\": \"new\"}')")
    try:
        assert glance(root).trigger == "new"
    finally:
        store.close()


def test_a_project_is_taken_off_the_list_and_stays_on_the_disk(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for root in (first, second):
        root.mkdir()
        prefs.note_opened(root)

    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("delete")
        assert pilot.app.screen.query_one(Lines).keys == [str(first)]
        await pilot.press("minus")
        assert "No project" in str(pilot.app.screen.query_one("#start-recent", Static).content)
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#start-folder")

    tell(story)
    assert prefs.recent() == []
    assert first.is_dir()
    assert second.is_dir()


def test_a_folder_is_found_by_walking_to_it(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "here" / "zumi")

    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await until(pilot, lambda: is_asked(pilot))
        lines = pilot.app.screen.query_one(Lines)
        assert list(lines.keys) == ["./", "../", "zumi/"]
        await pilot.press("G", "right")
        await until(pilot, lambda: list(lines.keys) == ["./", "../"])
        assert pilot.app.screen.query_one(PathLine).value == str(root)
        await pilot.press("left")
        # the cursor is on the folder one came from
        await until(pilot, lambda: lines.current == "zumi/")
        await pilot.press("right")
        await until(pilot, lambda: len(lines.keys) == 2)
        await pilot.press("enter")
        await until(pilot, lambda: opened(pilot))

    tell(story)
    assert prefs.recent() == [root]


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await until(pilot, lambda: is_asked(pilot))
        await pilot.press("slash")
        line = pilot.app.screen.query_one(PathLine)
        line.value = str(tmp_path / "nowhere")
        await pilot.press("enter")
        problem = pilot.app.screen.query_one("#folder-problem", Static)
        assert "there is no such folder" in str(problem.content)
        # esc leaves the line first, then the dialog
        await pilot.press("escape")
        assert pilot.app.screen.query_one(Lines).has_focus
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, StartScreen)

    tell(story)


def test_the_rest_of_a_path_is_taken_with_tab(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "here" / "Zumi pictures")

    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await until(pilot, lambda: is_asked(pilot))
        await pilot.press("slash")
        line = pilot.app.screen.query_one(PathLine)
        line.value = str(tmp_path / "here" / "zum")
        line.cursor_position = len(line.value)
        await until(pilot, lambda: line._suggestion)
        await pilot.press("tab")
        assert line.value == f"{root}/"
        await pilot.press("enter")
        await until(pilot, lambda: opened(pilot))

    tell(story)


def test_what_cannot_be_opened_gets_its_sentence(tmp_path: Path) -> None:
    newer = paint_project(tmp_path / "newer")
    (newer / ".dataprep").mkdir()
    with sqlite3.connect(newer / ".dataprep" / "state.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    gone = tmp_path / "gone"
    file = tmp_path / "file"
    file.write_text("")

    async def story(pilot: Pilot[None]) -> None:
        screen = pilot.app.screen
        assert isinstance(screen, StartScreen)
        for folder, words in ((newer, "newer version"), (gone, "no such folder"), (file, "folder")):
            screen.open(folder)
            await until(pilot, lambda words=words: words in said(pilot))
            assert str(folder) in said(pilot)
        assert pilot.app.screen is screen

    tell(story)


def test_the_demo_is_laid_out_and_opened(tmp_path: Path) -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("d")
        await until(pilot, lambda: is_asked(pilot))
        assert pilot.app.screen.query_one(PathLine).value == str(tmp_path / "here" / DEMO)
        await pilot.press("enter")
        await until(pilot, lambda: opened(pilot))
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        await until(pilot, lambda: len(screen.desk.project.rows) == 24)

    tell(story)
    assert (tmp_path / "here" / DEMO / "dataprep.toml").is_file()
    assert not (tmp_path / "here" / DEMO / "lora").exists()


def test_a_project_of_somebodys_does_not_become_a_demo(tmp_path: Path) -> None:
    mine = paint_project(tmp_path / "mine")
    before = sorted(mine.iterdir())

    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("d")
        await until(pilot, lambda: is_asked(pilot))
        pilot.app.screen.query_one(PathLine).value = str(mine)
        await pilot.press("enter")
        await until(pilot, lambda: "is not empty and no demo" in said(pilot))

    tell(story)
    assert sorted(mine.iterdir()) == before


def test_from_a_project_back_to_all_of_them_and_into_another(tmp_path: Path) -> None:
    first = paint_project(tmp_path / "first")
    second = paint_project(tmp_path / "second")
    prefs.note_opened(second)

    async def story(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, Workshop)
        assert app.desk is not None
        desk = app.desk
        await until(pilot, lambda: len(desk.project.rows) == 5)
        await app.run_action("projects")
        await until(pilot, lambda: isinstance(app.screen, StartScreen))
        assert app.desk is None
        assert not desk.jobs.running
        assert app.screen.query_one(Lines).keys == [str(first), str(second)]
        await pilot.press("j", "enter")
        await until(pilot, lambda: opened(pilot) and app.desk)
        assert app.desk.root == second

    tell(story, first)


def test_a_folder_that_is_dropped_is_opened(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi pictures")

    async def story(pilot: Pilot[None]) -> None:
        pilot.app.post_message(Paste(f"'{root}'\n"))
        await until(pilot, lambda: opened(pilot))

    tell(story)
    assert prefs.recent() == [root]


def test_q_leaves(tmp_path: Path) -> None:
    async def story(pilot: Pilot[None]) -> None:
        await pilot.press("q")

    assert tell(story).return_code == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (86400 * 3, "3 days ago")],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(seconds) == words
