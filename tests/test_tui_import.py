"""The room Import: what is there, what lies at a source, drops, browsing, what cannot be read."""

import asyncio
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Static

from dataprep.dataset import Dataset
from tests.painted import painted
from tests.test_tui_folder import BROKEN, main_screen, paint_project, until, workshop
from tui.desk import Desk
from tui.dialogs.folder import FolderDialog
from tui.rooms.bring import ImportRoom
from tui.widgets.command_line import CommandLine
from tui.widgets.lines import Lines
from tui.widgets.parts import Parts
from tui.widgets.path_line import PathLine

Story = Callable[[Pilot[None], ImportRoom], Awaitable[None]]


def tell(root: Path, story: Story, size: tuple[int, int] = (80, 24)) -> None:
    """Live through a story in the room."""
    app = workshop(root)

    async def live() -> None:
        async with app.run_test(size=size) as pilot:
            screen = main_screen(pilot)
            await until(pilot, lambda: screen.query(ImportRoom))
            await at_rest(pilot)
            await story(pilot, screen.query_one(ImportRoom))

    asyncio.run(live())
    app.close_project()


async def at_rest(pilot: Pilot[None]) -> None:
    """Until the folder was read and nothing runs."""
    desk = desk_of(pilot)
    await until(pilot, lambda: desk.project.loaded and not desk.jobs.running and desk.reader.idle)


def desk_of(pilot: Pilot[None]) -> Desk:
    return main_screen(pilot).desk


def text(room: ImportRoom, where: str) -> str:
    return str(room.query_one(where, Static).content)


def cells(room: ImportRoom) -> list[list[str]]:
    lines = room.query_one("#import-lines", Lines)
    return [[str(cell) for cell in lines._cells(key)] for key in lines.keys]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return paint_project(tmp_path / "zumi")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a blank in its name, two pictures and a caption; one lies deeper."""
    folder = tmp_path / "my [x] pictures"
    (folder / "deep").mkdir(parents=True)
    painted((64, 64), 1).save(folder / "one.png")
    painted((64, 48), 2).save(folder / "deep" / "two.png")
    (folder / "one.txt").write_text("zumi")
    return folder


def test_what_the_project_holds_is_added_up(project: Path) -> None:
    (project / "sub").mkdir()
    painted((32, 32), 3).save(project / "sub" / "more.bmp")

    async def story(pilot: Pilot[None], room: ImportRoom) -> None:
        await until(pilot, lambda: len(cells(room)) == 2)
        assert "5 pictures" in text(room, "#import-sum")
        assert "1 cannot be read" in text(room, "#import-sum")
        assert "32×32 to 128×80" in text(room, "#import-sum")
        top, sub = cells(room)
        assert top == ["(at the top)", "!1 4", "PNG 3, JPEG 1", "64×96–128×80"]
        assert sub == ["sub", "1", "BMP 1", "32×32"]

    tell(project, story)


def test_an_empty_project_says_what_to_do_and_takes_the_first_pictures(
    empty: Path, source: Path
) -> None:
    async def story(pilot: Pilot[None], room: ImportRoom) -> None:
        assert "No pictures here yet" in text(room, "#import-empty")
        await pilot.press("1")
        assert room.query_one(PathLine).has_focus
        room.query_one(PathLine).value = str(source)
        await until(pilot, lambda: "2 pictures" in text(room, "#import-said"))
        command = main_screen(pilot).query_one(CommandLine)
        await until(pilot, lambda: "dataprep import" in command.command)
        await pilot.press("enter")
        await until(pilot, lambda: len(desk_of(pilot).project.rows) == 2)
        assert not room.query_one("#import-empty").display
        assert cells(room)[1][0] == "deep"
        # what came in is not to come in again
        await until(pilot, lambda: not room.query_one(PathLine).value)

    tell(empty, story)
    assert (empty / "one.txt").read_text() == "zumi"


def test_where_pictures_came_from_is_listed(empty: Path, source: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        painted((40, 40), 5).save(tmp_path / "packed.png")
        archive.write(tmp_path / "packed.png", "packed.png")

    async def story(pilot: Pilot[None], room: ImportRoom) -> None:
        line = room.query_one(PathLine)
        line.take(f"'{source}' '{tmp_path / 'all.zip'}'")
        await until(pilot, lambda: "1 in archives" in text(room, "#import-said"))
        await pilot.press("i", "enter")
        await until(pilot, lambda: len(desk_of(pilot).project.rows) == 3)
        await pilot.press("p")
        await until(pilot, lambda: len(cells(room)) == 3)
        assert {row[0] for row in cells(room)} == {
            str(source),
            str(source / "deep"),
            str(tmp_path / "all.zip"),
        }
        assert [row[1] for row in cells(room)] == ["1", "1", "1"]

    tell(empty, story)


@pytest.mark.parametrize("quoted", ["'{}'", "{}\n", "file"])
def test_a_dropped_file_lands_in_the_line(project: Path, source: Path, quoted: str) -> None:
    async def story(pilot: Pilot[None], room: ImportRoom) -> None:
        dropped = source.as_uri() if quoted == "file" else quoted.format(source)
        list_ = room.query_one("#import-lines", Lines)
        list_.focus()
        # as the driver hands it over: to whatever has the focus
        pilot.app.post_message(Paste(dropped))
        line = room.query_one(PathLine)
        await until(pilot, lambda: line.words == [str(source)])
        assert line.has_focus
        # a second one goes behind it, and the same one is not named twice
        pilot.app.post_message(Paste(str(source / "deep")))
        await until(pilot, lambda: line.words == [str(source), str(source / "deep")])
        pilot.app.post_message(Paste(str(source)))
        await pilot.pause()
        assert line.words == [str(source), str(source / "deep")]

    tell(project, story)


def test_a_source_that_is_not_there_is_said_while_one_types(project: Path) -> None:
    async def story(pilot: Pilot[None], room: ImportRoom) -> None:
        room.query_one(PathLine).value = "/nowhere/at all"
        await until(pilot, lambda: "no such file or folder" in text(room, "#import-said"))
        room.query_one(PathLine).value = str(project)
        await until(pilot, lambda: "lies in the project itself" in text(room, "#import-said"))
        room.query_one(PathLine).value = ""
        await until(pilot, lambda: not text(room, "#import-said"))
        # with nothing to bring in, x asks for it
        await pilot.press("escape", "x")
        assert room.query_one(PathLine).has_focus
        assert not desk_of(pilot).jobs.running

    tell(project, story)


def test_a_source_is_found_by_walking_to_it(project: Path, source: Path) -> None:
    async def story(pilot: Pilot[None], room: ImportRoom) -> None:
        await pilot.press("1", "b")
        await until(pilot, lambda: isinstance(pilot.app.screen, FolderDialog))
        dialog = pilot.app.screen
        lines = dialog.query_one(Lines)
        await until(pilot, lambda: f"{source.name}/" in lines.keys)
        lines.move_to(f"{source.name}/")
        await pilot.press("right")
        await until(pilot, lambda: "one.png" in lines.keys)
        lines.move_to("one.png")
        await pilot.press("enter")
        await until(pilot, lambda: room.query_one(PathLine).words == [str(source / "one.png")])

    tell(project, story)


def test_what_cannot_be_read_is_rejected_by_one_key_and_taken_back_by_another(
    project: Path,
) -> None:
    async def story(pilot: Pilot[None], room: ImportRoom) -> None:
        await until(pilot, lambda: room.query_one(Parts)._counts.get("unreadable") == "1")
        await pilot.press("1", "p", "p")
        assert cells(room) == [[BROKEN, "not an image, or of a kind that cannot be read"]]
        await pilot.press("e")
        await until(pilot, lambda: cells(room) == [])
        assert "Every picture can be read" in text(room, "#import-empty")
        # nothing is left for the key to do
        assert room.check_action("reject", ()) is False
        await pilot.press("u")
        await until(pilot, lambda: len(cells(room)) == 1)
        await pilot.press("e")
        await until(pilot, lambda: cells(room) == [])

    tell(project, story)
    with Dataset.open(project) as dataset:
        found = dataset.decisions()[BROKEN]
    assert (found.verdict, found.why) == ("reject", "unreadable")
    assert (project / BROKEN).is_file()


def test_the_typed_source_is_there_after_a_restart(project: Path, source: Path) -> None:
    async def type_it(pilot: Pilot[None], room: ImportRoom) -> None:
        room.query_one(PathLine).value = str(source)
        await pilot.press("escape", "2")

    async def see_it(pilot: Pilot[None], room: ImportRoom) -> None:
        assert room.query_one(PathLine).words == [str(source)]

    tell(project, type_it)
    app_room = project / ".dataprep" / "tui.json"
    assert str(source) in app_room.read_text(encoding="utf-8")
    # the room that was left last is the one that opens
    app_room.write_text(app_room.read_text(encoding="utf-8").replace('"clean"', '"import"'))
    tell(project, see_it)


def test_the_parts_are_chosen_with_the_mouse(project: Path) -> None:
    async def story(pilot: Pilot[None], room: ImportRoom) -> None:
        await pilot.click("#import-parts", offset=(12, 0))
        await until(pilot, lambda: room.query_one(Parts).shown == "origins")
        assert "none was imported" in text(room, "#import-empty")

    tell(project, story)
