"""The room Clean: duplicates side by side, and problems by kind with what mends each."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from dataprep.dataset import Dataset
from dataprep.decisions import Verdict
from tests.painted import painted
from tests.test_tui_folder import main_screen, until, workshop
from tui.desk import Desk
from tui.dialogs.form import FormScreen
from tui.rooms.clean import CleanRoom
from tui.rooms.clean_duplicates import Duplicates
from tui.rooms.clean_problems import Problems
from tui.widgets.command_line import CommandLine
from tui.widgets.lines import Lines
from tui.widgets.parts import Parts
from tui.widgets.side_by_side import Frame, SideBySide, faint

Story = Callable[[Pilot[None], CleanRoom], Awaitable[None]]
BEST, SMALL, SMALLER, TWIN = "a [best].png", "a small.png", "a smaller.png", "b.png"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A group of three, a pair of the very same file, one of its own, one that is broken."""
    root = tmp_path_factory.mktemp("pictures")
    image = painted((560, 560), 1)
    image.save(root / BEST)
    image.resize((540, 540)).save(root / SMALL)
    image.resize((530, 530)).save(root / SMALLER)
    painted((560, 560), 2).save(root / TWIN)
    (root / "b copy.png").write_bytes((root / TWIN).read_bytes())
    painted((560, 560), 3).save(root / "c.png")
    (root / "broken.png").write_bytes(b"not a picture")
    return root


@pytest.fixture
def project(tmp_path: Path, pictures: Path) -> Path:
    return shutil.copytree(pictures, tmp_path / "zumi")


def tell(root: Path, story: Story, size: tuple[int, int] = (80, 24)) -> None:
    """Live through a story in the room."""
    app = workshop(root)

    async def live() -> None:
        async with app.run_test(size=size) as pilot:
            screen = main_screen(pilot)
            await until(pilot, lambda: screen.room)
            await at_rest(pilot)
            await pilot.press("2")
            await until(pilot, lambda: screen.query(CleanRoom))
            await story(pilot, screen.query_one(CleanRoom))
            await at_rest(pilot)

    asyncio.run(live())
    app.close_project()


async def at_rest(pilot: Pilot[None]) -> None:
    """Until the folder was read and nothing runs."""
    desk = desk_of(pilot)
    await until(pilot, lambda: desk.project.loaded and not desk.jobs.running and desk.reader.idle)


async def look(pilot: Pilot[None], room: CleanRoom) -> None:
    """Press x and wait for what is found."""
    part = room.part
    await pilot.press("x")
    await until(pilot, lambda: part.count)
    await at_rest(pilot)


def desk_of(pilot: Pilot[None]) -> Desk:
    return main_screen(pilot).desk


def verdicts(pilot: Pilot[None]) -> dict[str, Verdict]:
    """Of the pictures that have one, as the screens know them."""
    rows = desk_of(pilot).project.rows.values()
    found = {row.name: row.decisions.verdict for row in rows}
    return {name: verdict for name, verdict in found.items() if verdict != "undecided"}


def text(room: CleanRoom, where: str) -> str:
    return str(room.query_one(where, Static).content)


def command(pilot: Pilot[None]) -> str:
    return main_screen(pilot).query_one(CommandLine).command


def titles(room: CleanRoom) -> dict[str, str]:
    """What stands above each picture that is shown."""
    frames = [frame for frame in room.query("#clean-faces Frame").results(Frame) if frame.display]
    return {frame.face.row.name: frame.face.title for frame in frames if frame.face}


def drawn(room: CleanRoom, where: str) -> int:
    """How many pictures have their pixels."""
    frames = room.query(f"{where} Frame").results(Frame)
    return sum(frame.is_drawn for frame in frames)


def test_groups_are_looked_for_without_deciding_and_shown_side_by_side(project: Path) -> None:
    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        assert "x looks" in text(room, "#clean-said")
        await look(pilot, room)
        assert "2 groups to decide · 3 pictures would go" in text(room, "#clean-said")
        groups = room.query_one("#clean-groups", Lines)
        # two equal files: the first by name
        assert list(groups.keys) == [BEST, "b copy.png"]
        await until(pilot, lambda: drawn(room, "#clean-faces") == 3)
        assert titles(room) == {BEST: "✓ would stay", SMALL: "✗ would go", SMALLER: "✗ would go"}
        assert verdicts(pilot) == {}
        assert command(pilot).startswith("dataprep dedupe")

    tell(project, story)


def test_a_group_is_accepted_and_the_next_one_comes(project: Path) -> None:
    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        await look(pilot, room)
        groups = room.query_one("#clean-groups", Lines)
        await pilot.press("a")
        await until(pilot, lambda: verdicts(pilot) == {SMALL: "reject", SMALLER: "reject"})
        assert groups.current == "b copy.png"
        assert "1 group to decide" in text(room, "#clean-said")
        assert command(pilot).startswith("dataprep verdict")
        await pilot.press("enter")
        await until(pilot, lambda: TWIN in verdicts(pilot))
        assert "2 groups, all decided" in text(room, "#clean-said")
        await pilot.press("u")
        await until(pilot, lambda: TWIN not in verdicts(pilot))
        assert "1 group to decide" in text(room, "#clean-said")

    tell(project, story)


def test_another_picture_is_made_the_one_that_stays(project: Path) -> None:
    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        await look(pilot, room)
        faces = room.query_one(SideBySide)
        assert faces.pointed == BEST
        await pilot.press("right", "b")
        wanted = {BEST: "reject", SMALL: "keep", SMALLER: "reject"}
        await until(pilot, lambda: verdicts(pilot) == wanted)
        # the cursor is still on the group, and on the picture
        assert faces.pointed == SMALL
        await until(pilot, lambda: titles(room).get(SMALL) == "✓ stays")
        assert titles(room)[BEST] == "✗ rejected"
        await pilot.press("left", "b")
        wanted = {SMALL: "reject", SMALLER: "reject"}
        await until(pilot, lambda: verdicts(pilot) == wanted)

    tell(project, story)
    with Dataset.open(project) as dataset:
        assert [edit.origin for edit in dataset.history()] == ["hand", "hand"]
        assert dataset.decisions()[SMALL].why == f"duplicate of {BEST} (like it: distance 0)"


def test_pictures_that_are_no_duplicates_all_stay(project: Path) -> None:
    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        await look(pilot, room)
        await pilot.press("d")
        wanted = {BEST: "keep", SMALL: "keep", SMALLER: "keep"}
        await until(pilot, lambda: verdicts(pilot) == wanted)
        # when one looks again they are no group any more
        await pilot.press("x")
        groups = room.query_one("#clean-groups", Lines)
        await until(pilot, lambda: list(groups.keys) == ["b copy.png"])

    tell(project, story)


def test_all_groups_are_accepted_as_one_edit(project: Path) -> None:
    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        await look(pilot, room)
        await pilot.press("right", "b")
        await until(pilot, lambda: verdicts(pilot).get(SMALL) == "keep")
        await pilot.press("A")
        await until(pilot, lambda: verdicts(pilot).get(TWIN) == "reject")
        # what was decided by hand stays
        assert verdicts(pilot)[SMALL] == "keep"
        assert room.query_one(Duplicates).check_action("accept_all", ()) is False
        await pilot.press("u")
        await until(pilot, lambda: TWIN not in verdicts(pilot))
        assert verdicts(pilot)[BEST] == "reject"

    tell(project, story)


def test_what_was_found_is_there_after_a_restart_until_pictures_change(project: Path) -> None:
    async def find(pilot: Pilot[None], room: CleanRoom) -> None:
        await look(pilot, room)

    async def see(pilot: Pilot[None], room: CleanRoom) -> None:
        assert len(room.query_one("#clean-groups", Lines).keys) == 2
        assert "changed since" not in text(room, "#clean-said")
        painted((100, 100), 9).save(project / "new.png")
        (project / "b copy.png").unlink()
        await pilot.press("r")
        await until(pilot, lambda: "changed since" in text(room, "#clean-said"))
        # the group of which one is gone is none any more
        assert list(room.query_one("#clean-groups", Lines).keys) == [BEST]

    tell(project, find)
    tell(project, see)


def test_as_many_pictures_as_fit_and_the_others_by_pointing_on(tmp_path: Path) -> None:
    root = tmp_path / "many"
    root.mkdir()
    image = painted((300, 300), 1)
    for i in range(7):
        image.resize((300 - i, 300 - i)).save(root / f"{i}.png")

    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        await look(pilot, room)
        await until(pilot, lambda: len(titles(room)) == 3)
        faces = room.query_one(SideBySide)
        for _ in range(6):
            await pilot.press("l")
        assert faces.pointed == "6.png"
        await until(pilot, lambda: "6.png" in titles(room) and len(titles(room)) == 3)
        await pilot.press("l")
        assert faces.pointed == "0.png"
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: len(titles(room)) == 5)
        # the mouse points too
        await until(pilot, lambda: drawn(room, "#clean-faces") == 5)
        third = list(room.query("#clean-faces Frame").results(Frame))[2]
        assert third.face is not None
        await pilot.click(third)
        assert faces.pointed == third.face.row.name != "0.png"

    tell(root, story)


def test_no_duplicates_is_said(tmp_path: Path) -> None:
    root = tmp_path / "alone"
    root.mkdir()
    painted((100, 100), 1).save(root / "a.png")

    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        await look(pilot, room)
        assert "no duplicates were found" in text(room, "#clean-said")
        # keys that mean a group do nothing
        await pilot.press("a", "b", "d", "A", "v", "l")
        assert verdicts(pilot) == {}
        assert main_screen(pilot).room == "clean"

    tell(root, story)


async def check(pilot: Pilot[None], room: CleanRoom) -> Lines:
    """Turn to the problems and look for them."""
    await pilot.press("p")
    await look(pilot, room)
    return room.query_one("#clean-kinds", Lines)


def test_problems_are_listed_by_kind_and_one_is_mended_by_enter(project: Path) -> None:
    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        kinds = await check(pilot, room)
        assert list(kinds.keys) == ["unreadable", "missing-caption", "duplicate"]
        assert "1 file that stops a trainer" in text(room, "#clean-problems-said")
        assert "stops the trainer" in text(room, "#clean-why")
        await until(pilot, lambda: command(pilot).endswith("reject --found unreadable"))
        await pilot.press("enter")
        await until(pilot, lambda: verdicts(pilot) == {"broken.png": "reject"})
        assert list(kinds.keys) == ["missing-caption", "duplicate"]
        assert room.query_one(Parts)._counts["problems"] == "2"
        await pilot.press("u")
        await until(pilot, lambda: len(kinds.keys) == 3)

    tell(project, story)


def test_the_files_of_a_kind_are_looked_at_and_rejected_one_by_one(project: Path) -> None:
    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        kinds = await check(pilot, room)
        kinds.move_to("missing-caption")
        files = room.query_one("#clean-files", Lines)
        await until(pilot, lambda: len(files.keys) == 6)
        await pilot.press("right")
        assert files.has_focus
        await until(pilot, lambda: drawn(room, "#clean-face") == 1)
        await pilot.press("space", "space", "e")
        await until(pilot, lambda: len(verdicts(pilot)) == 2)
        assert set(verdicts(pilot)) == {BEST, SMALL}
        assert len(files.keys) == 4
        await pilot.press("left")
        assert kinds.has_focus
        assert kinds.current == "missing-caption"

    tell(project, story)
    with Dataset.open(project) as dataset:
        assert dataset.decisions()[BEST].why == "missing-caption"


def test_every_remedy_goes_where_it_can_be_carried_out(project: Path) -> None:
    painted((1500, 300), 4).save(project / "long.png")

    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        kinds = await check(pilot, room)
        kinds.move_to("extreme-aspect")
        await until(pilot, lambda: "dataprep split" in text(room, "#clean-why"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await pilot.press("escape")
        kinds.move_to("duplicate")
        await pilot.press("enter")
        await until(pilot, lambda: room.query_one(Parts).shown == "duplicates")
        await until(pilot, lambda: room.query_one(Duplicates).count == "2")
        await at_rest(pilot)
        await pilot.press("p")
        kinds.move_to("missing-caption")
        await pilot.press("enter")
        await until(pilot, lambda: main_screen(pilot).room == "tag")

    tell(project, story)


def test_what_a_person_has_to_mend_says_so(project: Path) -> None:
    (project / "nobodys.txt").write_text("zumi")

    async def story(pilot: Pilot[None], room: CleanRoom) -> None:
        kinds = await check(pilot, room)
        kinds.move_to("orphan-caption")
        await until(pilot, lambda: "by hand:" in text(room, "#clean-why"))
        problems = room.query_one(Problems)
        # a caption without a picture is nothing that Review could show
        assert problems.check_action("view", ()) is False
        assert problems.check_action("reject", ()) is False
        await pilot.press("enter")
        assert not desk_of(pilot).jobs.running
        kinds.move_to("unreadable")
        await until(pilot, lambda: problems.check_action("view", ()))
        await pilot.press("v")
        await until(pilot, lambda: main_screen(pilot).room == "review")

    tell(project, story)


def test_a_check_is_kept_and_grows_stale_with_a_caption(project: Path) -> None:
    async def see(pilot: Pilot[None], room: CleanRoom) -> None:
        assert room.query_one(Parts).shown == "problems"
        assert len(room.query_one("#clean-kinds", Lines).keys) == 3
        said = text(room, "#clean-problems-said")
        assert "changed since" not in said
        (project / "c.txt").write_text("zumi, solo")
        await pilot.press("r")
        await until(pilot, lambda: "changed since" in text(room, "#clean-problems-said"))

    async def leave(pilot: Pilot[None], room: CleanRoom) -> None:
        await check(pilot, room)
        await pilot.press("1")

    tell(project, leave)
    tell(project, see)


def test_what_is_left_out_is_drawn_faint() -> None:
    image = painted((32, 32), 1)
    before, after = image.getextrema(), faint(image).getextrema()
    for (low, high), (low_now, high_now) in zip(before, after, strict=True):
        assert high_now - low_now < (high - low) / 2
    assert faint(image.convert("RGBA")).mode == "RGB"
