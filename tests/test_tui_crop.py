"""The room Crop: buckets that follow the dials, and boxes moved by keys and mouse."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Static

from dataprep.dataset import Dataset
from dataprep.decisions import Crop, Decisions
from dataprep.focus.hand import BY_HAND, REGION
from dataprep.jobs import finish
from dataprep.journal import Edit
from dataprep.stages import STAGES, crop
from tests.test_tui_folder import main_screen, until, workshop
from tui.app import Workshop
from tui.dialogs.choice import ChoiceDialog
from tui.pictures import drawing
from tui.rooms.crop import REST, CropRoom
from tui.rooms.cuts import ALL
from tui.widgets.box_view import BoxView
from tui.widgets.command_line import CommandLine
from tui.widgets.dials import Dials
from tui.widgets.lines import Lines

TALL = [f"[tall] [b] {i}.png" for i in range(3)]
PICTURES = {**dict.fromkeys(TALL, (600, 900)), "square.png": (700, 700), "wide.jpg": (1200, 600)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three tall pictures of one size, a square and a wide one."""
    folder = tmp_path / "zumi"
    folder.mkdir()
    for i, (name, size) in enumerate(PICTURES.items()):
        Image.linear_gradient("L").resize(size).point(lambda v, i=i: (v + 9 * i) % 256).convert(
            "RGB"
        ).save(folder / name)
    return folder


def decided(root: Path) -> dict[str, Decisions]:
    with Dataset.open(root) as dataset:
        return dataset.decisions()


def edits(root: Path) -> list[Edit]:
    with Dataset.open(root) as dataset:
        return [edit for edit in dataset.history() if edit.state == "done"]


def crop_of(root: Path, name: str) -> Crop | None:
    return decided(root).get(name, Decisions()).crop


def run_crop(root: Path, **settings: object) -> None:
    scan, run_scan = STAGES["scan"].load()
    with Dataset.open(root) as dataset:
        finish(run_scan(dataset, scan()))
        finish(crop.run(dataset, crop.Settings(**settings)))  # type: ignore[arg-type]


def room(pilot: Pilot[None]) -> CropRoom:
    return main_screen(pilot).query_one(CropRoom)


def box(pilot: Pilot[None]) -> BoxView:
    return room(pilot).query_one(BoxView)


def buckets(pilot: Pilot[None]) -> Lines:
    return main_screen(pilot).query_one("#crop-buckets", Lines)


def pictures(pilot: Pilot[None]) -> Lines:
    return main_screen(pilot).query_one("#crop-pictures", Lines)


def said(pilot: Pilot[None]) -> str:
    return str(room(pilot).query_one("#crop-said", Static).render())


def dial(pilot: Pilot[None], name: str) -> str:
    return next(d.value for d in room(pilot).query_one(Dials).dials if d.name == name)


def at_rest(pilot: Pilot[None]) -> bool:
    desk = main_screen(pilot).desk
    return not desk.jobs.running and desk.reader.idle


async def enter(pilot: Pilot[None]) -> None:
    """Go to the room and wait for its lists."""
    await until(pilot, lambda: main_screen(pilot).desk.project.rows and at_rest(pilot))
    await main_screen(pilot).enter("crop")
    await until(pilot, lambda: pictures(pilot).keys)
    await until(pilot, lambda: box(pilot).crop is not None)


async def go_to(pilot: Pilot[None], name: str) -> None:
    pictures(pilot).move_to(name)
    await until(pilot, lambda: box(pilot)._row is not None and box(pilot)._row.name == name)


async def written(pilot: Pilot[None], root: Path, count: int) -> None:
    """Wait until so many edits are done, and the room knows of the last."""
    await until(pilot, lambda: len(edits(root)) == count)
    await until(pilot, lambda: at_rest(pilot))


async def test_the_table_follows_the_dials_and_decides_nothing(root: Path) -> None:
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        assert list(buckets(pilot).keys) == [ALL, "512×512"]
        assert buckets(pilot)._cells(ALL)[1] == "5"
        await pilot.press("B")
        await until(pilot, lambda: "384×640" in buckets(pilot).keys)
        assert dial(pilot, "buckets") == "on"
        assert "--buckets" in main_screen(pilot).query_one(CommandLine).command
        rows = [buckets(pilot)._cells(key) for key in buckets(pilot).keys[1:]]
        assert sum(int(str(row[1])) for row in rows) == len(PICTURES)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "640×640" in buckets(pilot).keys)
        assert dial(pilot, "size") == "640"
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: "384×384" in buckets(pilot).keys)
        assert not edits(root)
        assert not (root / "dataprep.toml").exists()


async def test_the_dials_that_hang_on_each_other_follow(root: Path) -> None:
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press("e")
        assert (dial(pilot, "buckets"), dial(pilot, "upscale")) == ("on", "off")
        await pilot.press("B")
        assert (dial(pilot, "buckets"), dial(pilot, "upscale")) == ("off", "on")


async def test_x_runs_with_the_dials_and_keeps_them(root: Path) -> None:
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press("B", "x")
        await written(pilot, root, 1)
        shapes = {name: (c.width, c.height) for name in PICTURES if (c := crop_of(root, name))}
        assert shapes[TALL[0]][0] < shapes[TALL[0]][1]
        assert shapes["square.png"] == (512, 512)
        assert tomllib.loads((root / "dataprep.toml").read_text())["crop"] == {"buckets": True}
        command = main_screen(pilot).query_one(CommandLine)
        await until(pilot, lambda: "--buckets" not in command.command)
        assert dial(pilot, "buckets") == "on"


async def test_a_bucket_lists_its_pictures(root: Path) -> None:
    run_crop(root, buckets=True)
    (root / "dataprep.toml").write_text("[crop]\nbuckets = true\n")
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        tall = crop_of(root, TALL[0])
        assert tall is not None
        buckets(pilot).move_to(f"{tall.width}×{tall.height}")
        await until(pilot, lambda: list(pictures(pilot).keys) == TALL)
        buckets(pilot).focus()
        await pilot.press("enter")
        assert pictures(pilot).has_focus


async def test_one_edit_for_one_move_however_many_keys(root: Path) -> None:
    run_crop(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        before = crop_of(root, TALL[0])
        assert before is not None
        await pilot.press("enter")
        assert box(pilot).has_focus
        await pilot.press("down", "down", "j", "j")
        await written(pilot, root, 2)
        after = crop_of(root, TALL[0])
        assert after is not None
        assert after.mode == BY_HAND
        assert after.box[1] - before.box[1] == 4 * round(900 / 40)
        assert after.box[0] == before.box[0]
        assert box(pilot).crop == after
        await pilot.press("u")
        await until(pilot, lambda: crop_of(root, TALL[0]) == before)
        await until(pilot, lambda: box(pilot).crop == before)


async def test_undo_right_after_a_move_takes_that_back(root: Path) -> None:
    run_crop(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        before = box(pilot).crop
        await pilot.press("enter", "j", "j", "u")
        await until(pilot, lambda: box(pilot).crop == before and at_rest(pilot))
        # long after the keys would have been written
        await pilot.pause(2 * REST)
        assert len(edits(root)) == 1
        assert box(pilot).has_focus


async def test_a_box_is_sized_at_its_shape(root: Path) -> None:
    run_crop(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press("enter", "minus", "minus", "shift+down", "f", "h")
        await written(pilot, root, 2)
        made = crop_of(root, TALL[0])
        assert made is not None
        left, top, right, bottom = made.box
        assert (right - left, bottom - top) == (600 - 3 * 22, 600 - 3 * 22)
        await pilot.press("w", "escape")
        await until(pilot, lambda: pictures(pilot).has_focus)
        await written(pilot, root, 3)
        widest = crop_of(root, TALL[0])
        assert widest is not None
        assert widest.box[2] - widest.box[0] == 600


async def test_leaving_the_room_or_the_app_writes_at_once(root: Path) -> None:
    run_crop(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press("enter", "up", "7")
        await written(pilot, root, 2)
        await pilot.press("3")
        await until(pilot, lambda: room(pilot).display)
        await pilot.press("enter", "c", "q")
    assert pilot.app.desk is not None  # type: ignore[attr-defined]
    pilot.app.close_project()  # type: ignore[attr-defined]
    assert len(edits(root)) == 3


async def test_another_shape_is_kept_by_a_later_run(root: Path) -> None:
    run_crop(root, buckets=True)
    (root / "dataprep.toml").write_text("[crop]\nbuckets = true\n")
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        before = crop_of(root, TALL[0])
        assert before is not None
        await pilot.press("enter", "b")
        await written(pilot, root, 2)
        made = crop_of(root, TALL[0])
        assert made is not None
        assert made.width / made.height > before.width / before.height
        # through all shapes and back it has not worn away
        for _press in range(3):
            await pilot.press("b")
        for _press in range(4):
            await pilot.press("v")
        await until(pilot, lambda: (c := box(pilot).crop) and c.width == before.width)
        assert box(pilot).crop.box == before.box  # type: ignore[union-attr]
        await pilot.press("b", "enter")
        await until(pilot, lambda: crop_of(root, TALL[0]) == made and at_rest(pilot))
        await pilot.press("x")
        await until(pilot, lambda: at_rest(pilot))
        assert crop_of(root, TALL[0]) == made


async def test_to_all_of_the_same_size_as_one_edit(root: Path) -> None:
    run_crop(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press("enter", "down", "down", "A")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        lines = pilot.app.screen.query_one(Lines)
        assert lines._cells("same")[0] == "2 other pictures of 600×900"
        lines.move_to("same")
        await pilot.press("enter")
        await until(pilot, lambda: len({crop_of(root, name) for name in TALL}) == 1)
        await until(pilot, lambda: at_rest(pilot))
        assert decided(root)["square.png"].crop.mode != BY_HAND  # type: ignore[union-attr]
        assert edits(root)[-1].name == "crop 2 pictures by hand"
        await pilot.press("u")
        await until(pilot, lambda: len({crop_of(root, name) for name in TALL}) == 2)
        assert crop_of(root, TALL[0]).mode == BY_HAND  # type: ignore[union-attr]


async def test_to_marked_pictures_of_other_sizes(root: Path) -> None:
    run_crop(root, buckets=True)
    (root / "dataprep.toml").write_text("[crop]\nbuckets = true\n")
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press("enter", *["minus"] * 8, "enter")
        await until(pilot, lambda: crop_of(root, TALL[0]).mode == BY_HAND)  # type: ignore[union-attr]
        pictures(pilot).set_marks({"wide.jpg", "square.png"})
        await go_to(pilot, TALL[0])
        await pilot.press("A")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        assert pilot.app.screen.query_one(Lines).current == "marked"
        await pilot.press("enter")
        by_hand: Callable[[str], bool] = lambda n: crop_of(root, n).mode == BY_HAND  # type: ignore[union-attr] # noqa: E731
        await until(pilot, lambda: by_hand("wide.jpg") and by_hand("square.png"))
        assert not by_hand(TALL[1])
        wide = crop_of(root, "wide.jpg")
        assert wide is not None
        # the same part, at a shape of its own
        assert wide.box[2] - wide.box[0] < 1200
        assert abs((wide.box[0] + wide.box[2]) / 2 - 600) <= 12


async def test_place_a_box_anew(root: Path) -> None:
    run_crop(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        before = crop_of(root, TALL[0])
        await pilot.press("enter", "down", "enter")
        await written(pilot, root, 2)
        await pilot.press("backspace")
        await written(pilot, root, 3)
        assert crop_of(root, TALL[0]) == before
        with Dataset.open(root) as dataset:
            assert dataset.store.decision(TALL[0], REGION) is None
        assert not (root / "dataprep.toml").exists()


async def test_dragged_by_the_mouse(root: Path) -> None:
    run_crop(root)
    async with workshop(root).run_test(size=(120, 40)) as pilot:
        await enter(pilot)
        await go_to(pilot, "wide.jpg")
        shape = lambda: box(pilot)._picture.region.size  # noqa: E731
        await until(pilot, lambda: shape().width > 2 * shape().height)
        before = crop_of(root, "wide.jpg")
        assert before is not None
        region = box(pilot)._picture.region
        middle = (region.width // 2, region.height // 2)
        await pilot.mouse_down(box(pilot)._picture, offset=middle)
        await pilot.hover(box(pilot)._picture, offset=(middle[0] + 5, middle[1]))
        await pilot.mouse_up(box(pilot)._picture, offset=(middle[0] + 5, middle[1]))
        await written(pilot, root, 2)
        after = crop_of(root, "wide.jpg")
        assert after is not None
        assert abs(after.box[0] - before.box[0] - 5 * 1200 / region.width) <= 2
        assert after.box[1] == before.box[1]


async def test_jump_to_what_loses_most(root: Path) -> None:
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await go_to(pilot, TALL[2])
        await pilot.press("p")
        await until(pilot, lambda: pictures(pilot).current == "wide.jpg")


async def test_a_dial_is_clicked(root: Path) -> None:
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        dials = room(pilot).query_one(Dials)
        column = dials.dials[0].width + 3
        await pilot.click(dials, offset=(column, 0))
        await until(pilot, lambda: dial(pilot, "buckets") == "on")
        await pilot.click(dials, offset=(0, 0))
        await until(pilot, lambda: dial(pilot, "size") == "384")
        await pilot.click(dials, offset=(2, 0))
        await until(pilot, lambda: dial(pilot, "size") == "512")


async def test_without_pictures_the_box_is_told_in_words(root: Path) -> None:
    run_crop(root)
    app = Workshop(root, drawing("off"))
    async with app.run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        words = lambda: str(box(pilot).query_one(".reason", Static).render())  # noqa: E731
        await until(pilot, lambda: words() == "from 0,150 to 600,750")
        await pilot.press("enter", "j")
        await until(pilot, lambda: words() == "from 0,172 to 600,772")


async def test_whole_pictures(root: Path) -> None:
    run_crop(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press(*["m"] * 4)
        await until(pilot, lambda: not buckets(pilot).keys)
        assert box(pilot).crop is None
        await pilot.press("x")
        await until(pilot, lambda: crop_of(root, TALL[0]) is None)


async def test_a_slip_in_the_recipe_is_said(root: Path) -> None:
    (root / "dataprep.toml").write_text("[crop]\nsize = 500\n")
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: main_screen(pilot).desk.project.rows and at_rest(pilot))
        await main_screen(pilot).enter("crop")
        await until(pilot, lambda: "must be a multiple of 64" in said(pilot))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "512×512" in buckets(pilot).keys)
