"""The room in which one looks at pictures and captions."""

import json
import os
import stat
from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Static

from dataprep.dataset import Dataset
from tests.test_tui_folder import BROKEN, NAMES, main_screen, paint_project, until, workshop
from tui.app import Workshop
from tui.pictures import drawing
from tui.rooms.mending import retagged
from tui.rooms.review import ReviewRoom
from tui.state import Project, Row
from tui.widgets.chips import Chips
from tui.widgets.filter_bar import FilterBar
from tui.widgets.preview import Preview
from tui.widgets.strip import Thumbs

SMALL, LARGE = (80, 24), (120, 40)
ALL = sorted([*NAMES, BROKEN])


async def review(pilot: Pilot[None]) -> ReviewRoom:
    """Enter the room and wait until the pictures are listed."""
    screen = main_screen(pilot)
    await until(pilot, lambda: screen.room and screen.desk.project.loaded and idle(pilot))
    await pilot.press("7")
    await until(pilot, lambda: list(screen.query(ReviewRoom)))
    room = screen.query_one(ReviewRoom)
    await until(pilot, lambda: room._listing is not None and idle(pilot))
    return room


def idle(pilot: Pilot[None]) -> bool:
    desk = main_screen(pilot).desk
    return not desk.jobs.running and desk.reader.idle


async def listed(pilot: Pilot[None], room: ReviewRoom, names: list[str]) -> None:
    await until(pilot, lambda: list(room.lines.keys) == names)


def said(room: ReviewRoom, selector: str) -> str:
    return str(room.query_one(selector, Static).content)


async def test_one_leafs_through_the_pictures(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        preview = room.query_one(Preview)
        assert list(room.lines.keys) == ALL
        await until(pilot, lambda: preview.drawn == NAMES[0])
        # what looks like markup is part of the name
        assert NAMES[0] in said(room, "#review-preview .facts")
        await pilot.press("j")
        await until(pilot, lambda: preview.drawn == BROKEN)
        assert "not an image" in said(room, "#review-preview .reason")
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: preview.drawn == "lake.png")
        await until(pilot, lambda: "tokens" in said(room, "#review-preview .facts"))
        assert [chip.text for chip in room.query_one(Chips)._chips] == ["zumi", "lake", "boat"]
        assert "3/5" in said(room, "#review-status")
        await pilot.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert room.lines.current == NAMES[0]


async def test_verdicts_go_on_to_the_next_and_can_be_undone(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        # faster than they are carried out
        await pilot.press("a", "d", "a")
        assert room.lines.current == ALL[3]

        def verdicts() -> list[str]:
            return [row.decisions.verdict for row in room.desk.project.rows.values()]

        await until(pilot, lambda: idle(pilot) and verdicts()[2] == "keep")
        assert verdicts() == ["keep", "reject", "keep", "undecided", "undecided"]
        await pilot.press("u")
        await until(pilot, lambda: verdicts()[2] == "undecided")
        await pilot.press("home", "w")
        await until(pilot, lambda: verdicts()[0] == "undecided")
        with Dataset.open(room.desk.root) as dataset:
            assert {n: d.verdict for n, d in dataset.decisions().items()} == {BROKEN: "reject"}


async def test_marked_pictures_are_meant_together(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        await pilot.press("space", "j", "space")
        assert "2 marked" in said(room, "#review-status")
        await pilot.press("d")
        await until(pilot, lambda: room.desk.project.undoes == "reject 2 pictures")
        gone = [n for n, r in room.desk.project.rows.items() if r.decisions.verdict == "reject"]
        assert gone == [ALL[0], ALL[2]]
        assert not room.lines.marks
        await pilot.press("space", "escape")
        assert not room.lines.marks


async def test_a_filter_narrows_says_what_it_took_and_is_dropped(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        bar = room.query_one(FilterBar)
        await pilot.press("slash", *"scar")
        await listed(pilot, room, ["portrait.jpg"])
        assert "no tag" in said(room, "#review-status")
        await pilot.press("enter")
        assert app.focused is room.lines
        await pilot.press("escape")
        await listed(pilot, room, ALL)
        assert not bar.display
        await pilot.press("slash", *"size<")
        await until(pilot, lambda: bar.query_one(".complaint").display)
        await pilot.press(*"70")
        await listed(pilot, room, [NAMES[0], "portrait.jpg"])
        assert not bar.query_one(".complaint").display
        await pilot.press("enter")
        await until(
            pilot, lambda: "size<70" in str(main_screen(pilot).query_one("#command").render())
        )


async def test_other_rooms_preset_the_filter_and_findings_are_looked_for(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        await pilot.press("1")
        room.desk.go("review", "issue:too-small")
        await until(pilot, lambda: room.display)
        await listed(pilot, room, sorted(NAMES))
        assert room.query_one(FilterBar).value == "issue:too-small"
        await until(pilot, lambda: idle(pilot))


async def test_problems_one_after_the_other(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        for name in (BROKEN, "square.png", BROKEN):
            await pilot.press("p")
            await until(pilot, lambda name=name: room.lines.current == name)  # type: ignore[misc]
        await pilot.press("P")
        await until(pilot, lambda: room.lines.current == "square.png")


async def test_orders_and_what_is_remembered(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    app = workshop(root)
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        await pilot.press("S")
        await listed(pilot, room, [BROKEN, NAMES[0], "portrait.jpg", "square.png", "lake.png"])
        assert "smallest first" in said(room, "#review-status")
        await pilot.press("G", "v", "o")
        assert room.lines.current == "lake.png"
    app.close_project()
    assert json.loads((root / ".dataprep" / "tui.json").read_text())["review"]["order"] == "size"
    app = workshop(root)
    async with app.run_test(size=SMALL) as pilot:
        room = main_screen(pilot)
        await until(pilot, lambda: list(room.query(ReviewRoom)))
        found = room.query_one(ReviewRoom)
        await until(pilot, lambda: found._listing is not None and found.lines.current == "lake.png")
        assert isinstance(found.lines, Thumbs)
        assert found.query_one(Preview).look == "original"
        await pilot.press("S")
        await until(pilot, lambda: found._order == "tags")
    app.close_project()
    assert json.loads((root / ".dataprep" / "tui.json").read_text())["review"]["order"] == "tags"


async def test_small_pictures_side_by_side(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        await pilot.press("space", "v")
        strip = room.query_one(Thumbs)
        assert room.lines is strip
        assert app.focused is strip
        assert strip.marks == {ALL[0]}
        await until(pilot, lambda: len(strip._drawn) == 5)
        kept = room.desk.root / ".dataprep" / "thumbs"
        await until(pilot, lambda: len(list(kept.glob("*.jpg"))) == 4)
        assert strip.across >= 3
        await pilot.press("home", "l")
        assert strip.current == ALL[1]
        await pilot.press("h", "j")
        assert strip.current == ALL[min(strip.across, 4)]
        await pilot.press("k")
        assert strip.current == ALL[0]
        await pilot.click(strip, offset=(strip._tile.width + 4, 2))
        assert strip.current == ALL[1]


async def test_the_picture_takes_the_room_and_gives_it_back(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        preview = room.query_one(Preview)
        before = preview.size.width
        await pilot.press("enter")
        await until(pilot, lambda: preview.size.width > before + 20)
        assert app.focused is preview
        await pilot.press("j", "j")
        await until(pilot, lambda: preview.drawn == "lake.png")
        await pilot.press("escape")
        await until(pilot, lambda: preview.size.width == before)
        assert app.focused is room.lines


async def test_looks_are_decoded_each(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=LARGE) as pilot:
        room = await review(pilot)
        for words in ("the original", "with crop and mask"):
            await pilot.press("o")
            await until(pilot, lambda words=words: words in said(room, ".facts"))  # type: ignore[misc]
        await pilot.press("o")
        await until(pilot, lambda: "original" not in said(room, ".facts"))


async def test_a_caption_is_edited_here(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=LARGE) as pilot:
        room = await review(pilot)
        room.lines.move_to("square.png")
        await pilot.press("e")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"zumi, hat", "enter", "enter")
        await until(pilot, lambda: room.desk.project.rows["square.png"].caption == "zumi, hat")
        assert (room.desk.root / "square.txt").read_text() == "zumi, hat\n"
        await pilot.press("u")
        await until(pilot, lambda: not room.desk.project.rows["square.png"].caption)


@pytest.mark.skipif(os.name == "nt", reason="the editor is a shell script")
async def test_a_caption_is_edited_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nprintf "zumi\\nblue sky" > "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(editor))
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=LARGE) as pilot:
        room = await review(pilot)
        # a screen that is no terminal cannot be given away: it says so, and nothing is written
        await pilot.press("E")
        await until(pilot, lambda: len(app._notifications))
        assert room.desk.project.rows[NAMES[0]].caption == "zumi, horns"
        row = room.desk.project.rows[NAMES[0]]
        room._write(row, "zumi\nblue sky\n")
        await until(pilot, lambda: room.desk.project.rows[row.name].caption == "zumi, blue sky")


async def test_what_another_program_wrote_meanwhile_stays(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        row = room.desk.project.rows["lake.png"]
        (room.desk.root / "lake.txt").write_text("theirs\n")
        room._write(row, "ours")
        await until(pilot, lambda: len(app._notifications))
        assert (room.desk.root / "lake.txt").read_text() == "theirs\n"


async def test_tags_go_into_all_marked_captions(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=LARGE) as pilot:
        room = await review(pilot)
        room.lines.set_marks({"lake.png", "portrait.jpg", "square.png"})
        await pilot.press("i")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"sky", "tab", *"zumi", "enter")
        await until(pilot, lambda: room.desk.project.undoes.startswith("tags +sky -zumi"))
        captions = {name: row.caption for name, row in room.desk.project.rows.items()}
        assert captions["lake.png"] == "lake, boat, sky"
        assert captions["portrait.jpg"] == "red scarf, sky"
        assert captions["square.png"] == "sky"
        assert captions[NAMES[0]] == "zumi, horns"


def test_a_caption_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    from tui.dialogs.tags import TagsAnswer

    root = paint_project(tmp_path / "zumi")
    (root / "lake.txt").write_bytes(b"\xff\xfe\x00")
    with Dataset.open(root) as dataset:
        changes = list(retagged(["lake.png", "portrait.jpg"], TagsAnswer(("sky",), ()))(dataset))
    assert [change.name for change in changes] == ["portrait.jpg"]


async def test_copying_says_what_was_copied(tmp_path: Path) -> None:
    app = workshop(paint_project(tmp_path / "zumi"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        await pilot.press("y")
        assert app.clipboard == str(room.desk.root / NAMES[0])
        await pilot.press("c")
        assert app.clipboard == "zumi, horns"
        job = main_screen(pilot).query_one("#job", Static)
        await until(pilot, lambda: "zumi, horns" in str(job.content))
        room.lines.move_to("square.png")
        await pilot.press("c")
        await until(pilot, lambda: "zumi, horns" not in str(job.content) or app._notifications)
        assert app.clipboard == "zumi, horns"


async def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    app = workshop(tmp_path / "new")
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        await until(pilot, lambda: "no pictures yet" in said(room, ".reason"))
        # none of these finds anything to do, and none fails
        await pilot.press("a", "e", "i", "y", "c", "p", "o", "v", "z", "S", "j")
        await until(pilot, lambda: idle(pilot))


async def test_strange_names_long_captions_and_vanished_files(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    names = ["夏の海 🌊.png", "[x] [bold]b[.png", "a" * 90 + ".png"]
    for name in names:
        Image.new("RGB", (64, 64), (200, 30, 30)).save(root / name)
    (root / "夏の海 🌊.txt").write_text("zumi, " + ", ".join(f"標籤 {n}" for n in range(250)))
    (root / "[x] [bold]b[.txt").write_text("A fox that walks. " * 120)
    app = workshop(root)
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        preview = room.query_one(Preview)
        for name in names:
            room.lines.move_to(name)
            await until(pilot, lambda name=name: preview.drawn == name)  # type: ignore[misc]
        assert preview.query_one(".canvas").size.height >= 6
        (root / "lake.png").unlink()
        # it may have been decoded in advance
        preview._known.clear()
        room.lines.move_to("lake.png")
        await until(pilot, lambda: "gone" in said(room, ".reason"))
        await pilot.press("v")
        await until(pilot, lambda: len(room.query_one(Thumbs)._drawn) >= 6)


async def test_without_pictures_on_the_screen_there_are_words(tmp_path: Path) -> None:
    app = Workshop(paint_project(tmp_path / "zumi"), drawing("off"))
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        preview = room.query_one(Preview)
        await until(pilot, lambda: preview.drawn == NAMES[0])
        assert not preview._known
        assert NAMES[0] in said(room, ".facts")
        await pilot.press("j")
        await until(pilot, lambda: "not an image" in said(room, ".facts"))


async def test_ten_thousand_pictures_are_drawn_line_by_line(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    app = workshop(root)
    async with app.run_test(size=SMALL) as pilot:
        room = await review(pilot)
        first = room.desk.project.rows["lake.png"]
        from dataclasses import replace

        rows: dict[str, Row] = {
            f"{n:05}.png": replace(first, picture=replace(first.picture, name=f"{n:05}.png"))
            for n in range(10_000)
        }
        room.desk.project = Project(root, rows, loaded=True)
        drawn: list[str] = []
        cells = room._cells
        room._cells = lambda name: drawn.append(name) or cells(name)  # type: ignore[method-assign, func-returns-value]
        room.show(room.desk.project)
        await until(pilot, lambda: len(room.lines.keys) == 10_000)
        await pilot.press("G")
        await until(pilot, lambda: room.lines.current == "09999.png")
        room.query_one(FilterBar).preset("0777")
        await until(pilot, lambda: len(room.lines.keys) == 11)
        # of ten thousand only those on the screen were ever made
        assert len(set(drawn)) < 200
