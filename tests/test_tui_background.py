"""The room Background: masks found, what stands behind tried live, exceptions by hand."""

import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from dataprep import masks
from dataprep.dataset import Dataset
from dataprep.decisions import Background, Decisions
from dataprep.jobs import finish
from dataprep.stages import STAGES, background
from tests.test_tui_folder import main_screen, until, workshop
from tui.dialogs.choice import ChoiceDialog
from tui.dialogs.entry import EntryDialog
from tui.rooms import backdrops
from tui.rooms.background import BackgroundRoom
from tui.widgets.command_line import CommandLine
from tui.widgets.compare import Compare
from tui.widgets.dials import Dials
from tui.widgets.lines import Lines

SAMPLE = Path(__file__).parents[1] / "sample_data" / "zumi"
NAMES = ["[a] [b].jpg", "second.jpg", "third.jpg"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three pictures of the sample, and a recipe with a model that works offline."""
    folder = tmp_path / "zumi"
    folder.mkdir()
    for name, source in zip(NAMES, ("zumi_00.jpg", "zumi_01.jpg", "zumi_03.jpg"), strict=True):
        shutil.copy(SAMPLE / source, folder / name)
    (folder / "dataprep.toml").write_text('[background]\nmodel = "demo"\n')
    return folder


def backgrounds(root: Path) -> dict[str, Background | None]:
    with Dataset.open(root) as dataset:
        decided = dataset.decisions()
    return {name: decided.get(name, Decisions()).background for name in NAMES}


def find_subjects(root: Path, **settings: object) -> None:
    scan, run_scan = STAGES["scan"].load()
    with Dataset.open(root) as dataset:
        finish(run_scan(dataset, scan()))
        asked = background.Settings(**{"model": "demo", **settings})  # type: ignore[arg-type]
        finish(background.run(dataset, asked))


def room(pilot: Pilot[None]) -> BackgroundRoom:
    return main_screen(pilot).query_one(BackgroundRoom)


def compare(pilot: Pilot[None]) -> Compare:
    return room(pilot).query_one(Compare)


def pictures(pilot: Pilot[None]) -> Lines:
    return room(pilot).query_one(Lines)


def dial(pilot: Pilot[None], name: str) -> str:
    return next(d.value for d in room(pilot).query_one(Dials).dials if d.name == name)


def said(pilot: Pilot[None]) -> str:
    return str(room(pilot).query_one("#background-said", Static).render())


def share(pilot: Pilot[None], name: str) -> str:
    return str(pictures(pilot)._cells(name)[2])


def corner(pilot: Pilot[None], place: int = 0) -> tuple[int, ...]:
    """The colour of the upper left corner of a picture on the screen."""
    pixel = compare(pilot).images[place].getpixel((1, 1))
    assert isinstance(pixel, tuple)
    return pixel


def at_rest(pilot: Pilot[None]) -> bool:
    desk = main_screen(pilot).desk
    return not desk.jobs.running and desk.reader.idle


async def enter(pilot: Pilot[None]) -> None:
    """Go to the room and wait for its list and its picture."""
    await until(pilot, lambda: main_screen(pilot).desk.project.rows and at_rest(pilot))
    await main_screen(pilot).enter("background")
    await until(pilot, lambda: pictures(pilot).keys and compare(pilot).images)


async def test_the_first_run_is_announced_and_then_seen(root: Path) -> None:
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await until(pilot, lambda: said(pilot) == "x finds the subject of 3 pictures")
        assert dial(pilot, "model") == "demo"
        before = corner(pilot)
        await pilot.press("c", "x")
        await until(pilot, lambda: all(backgrounds(root).values()) and at_rest(pilot))
        await until(pilot, lambda: said(pilot) == "decided")
        assert {b.composite for b in backgrounds(root).values() if b} == {"#000000"}
        await until(pilot, lambda: max(corner(pilot)) < 10)
        assert before != corner(pilot)
        await until(pilot, lambda: share(pilot, NAMES[0]).endswith("%"))
        recipe = tomllib.loads((root / "dataprep.toml").read_text())["background"]
        assert recipe["model"] == "demo"
        assert background.Settings(**recipe).composite == "#000000"


async def test_what_stands_behind_is_tried_without_deciding(root: Path) -> None:
    find_subjects(root)
    before = backgrounds(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await until(pilot, lambda: min(corner(pilot)) > 245)
        await pilot.press("c")
        await until(pilot, lambda: max(corner(pilot)) < 10)
        assert dial(pilot, "behind") == "black"
        assert "--composite black" in main_screen(pilot).query_one(CommandLine).command
        assert said(pilot) == "masks are here; x decides 3 pictures"
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryDialog))
        await pilot.press("ctrl+u", *"nocolour", "enter")
        help_line = pilot.app.screen.query_one("#entry-help", Static)
        await until(pilot, lambda: "no colour" in str(help_line.render()))
        await pilot.press("ctrl+u", *"#00ff00", "enter")
        await until(pilot, lambda: corner(pilot)[1] > 245 and corner(pilot)[0] < 10)
        assert backgrounds(root) == before
        await pilot.press("x")
        await until(pilot, lambda: backgrounds(root)[NAMES[0]].composite == "#00ff00")  # type: ignore[union-attr]


async def test_a_palette_is_dealt_as_the_run_will_deal_it(root: Path) -> None:
    find_subjects(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, EntryDialog))
        await pilot.press("ctrl+u", *"red, blue, lime", "enter")
        await until(pilot, lambda: dial(pilot, "behind") == "3 colours")
        await until(pilot, lambda: sorted(corner(pilot))[1] < 10)
        shown = [int(level > 128) * 255 for level in corner(pilot)]
        await pilot.press("x")
        await until(pilot, lambda: "#ffffff" not in str(backgrounds(root)) and at_rest(pilot))
        composite = backgrounds(root)[NAMES[0]].composite  # type: ignore[union-attr]
        assert composite == "#{:02x}{:02x}{:02x}".format(*shown)


async def test_four_ways_to_look(root: Path) -> None:
    find_subjects(root)
    async with workshop(root).run_test(size=(120, 40)) as pilot:
        await enter(pilot)
        await until(pilot, lambda: min(corner(pilot)) > 245)
        await pilot.press("m")
        await until(pilot, lambda: corner(pilot)[2] > corner(pilot)[0])
        await pilot.press("m")
        await until(pilot, lambda: compare(pilot).view == "mask" and corner(pilot) == (0, 0, 0))
        levels = np.unique(np.asarray(compare(pilot).images[0].convert("L")))
        assert levels.max() > 250
        await pilot.press("m")
        await until(pilot, lambda: len(compare(pilot).images) == 2)
        assert corner(pilot, 0) != corner(pilot, 1)
        await main_screen(pilot).enter("review")
        assert main_screen(pilot).desk.memory.get("background.view", "") == "beside"


async def test_the_mask_is_worked_on_live(root: Path) -> None:
    find_subjects(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await until(pilot, lambda: compare(pilot).share is not None)
        bare = compare(pilot).share or 0
        await pilot.press(*["plus"] * 6)
        await until(pilot, lambda: dial(pilot, "grow") == "+8")
        await until(pilot, lambda: (compare(pilot).share or 0) > bare + 0.01)
        await pilot.press("i")
        await until(pilot, lambda: (compare(pilot).share or 1) < 1 - bare + 0.1)
        await pilot.press("i", *["minus"] * 6, "greater_than_sign", "o", "x")
        await until(
            pilot,
            lambda: all(
                b and b.grow == 0 and b.feather == 1 and b.largest and not b.invert
                for b in backgrounds(root).values()
            ),
        )


async def test_a_picture_keeps_its_own_also_at_the_next_run(root: Path) -> None:
    find_subjects(root)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await pilot.press("d")
        await until(pilot, lambda: backgrounds(root)[NAMES[0]] is None and at_rest(pilot))
        await until(pilot, lambda: share(pilot, NAMES[0]) == "own")
        assert min(corner(pilot)) < 245
        await pilot.press("c", "x")
        await until(pilot, lambda: backgrounds(root)[NAMES[1]].composite == "#000000")  # type: ignore[union-attr]
        await until(pilot, lambda: at_rest(pilot))
        assert backgrounds(root)[NAMES[0]] is None
        assert said(pilot) == "decided · 1 keeps its own"
        await pilot.press("d")
        await until(pilot, lambda: backgrounds(root)[NAMES[0]] is not None and at_rest(pilot))
        assert backgrounds(root)[NAMES[0]].composite == "#000000"  # type: ignore[union-attr]
        await pilot.press("u")
        await until(pilot, lambda: backgrounds(root)[NAMES[0]] is None)


async def test_a_mask_of_nothing_is_pointed_out(root: Path) -> None:
    find_subjects(root)
    with Dataset.open(root) as dataset:
        picture = dataset.store.pictures()[NAMES[1]]
        chosen = dataset.decisions()[NAMES[1]].background
        assert chosen is not None
        empty = np.zeros((picture.height, picture.width), np.uint8)
        masks.save(empty, dataset.mask_path(picture, chosen.model))
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        await until(pilot, lambda: "1 doubtful" in said(pilot))
        assert str(pictures(pilot)._cells(NAMES[1])[1]) == "!"
        assert str(pictures(pilot)._cells(NAMES[0])[1]) == ""
        await pilot.press("p")
        await until(pilot, lambda: pictures(pilot).current == NAMES[1])


async def test_the_models_say_which_are_here(root: Path) -> None:
    (root / "dataprep.toml").unlink()
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await enter(pilot)
        assert dial(pilot, "model") == "isnet-anime"
        await pilot.press("M")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        lines = pilot.app.screen.query_one(Lines)
        await until(pilot, lambda: lines.current == "isnet-anime")
        assert str(lines._cells("demo")[1]) == "here"
        assert "u2net" in lines.keys
        lines.move_to("demo")
        await pilot.press("enter")
        await until(pilot, lambda: dial(pilot, "model") == "demo")
        assert "--model demo" in main_screen(pilot).query_one(CommandLine).command
        await pilot.press("x")
        await until(pilot, lambda: all(backgrounds(root).values()))


async def test_a_model_nobody_knows_is_said(root: Path) -> None:
    (root / "dataprep.toml").write_text('[background]\nmodel = "/none.onnx"\n')
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: main_screen(pilot).desk.project.rows and at_rest(pilot))
        await main_screen(pilot).enter("background")
        await until(pilot, lambda: "no such file" in said(pilot))


def test_the_exception_by_hand_holds_for_the_stage_unless_it_is_named(root: Path) -> None:
    find_subjects(root)
    with Dataset.open(root) as dataset:
        dataset.edit("own", background.kept(dataset, NAMES[0]))
        asked = background.Settings(model="demo", composite="black")
        report = finish(background.run(dataset, asked))
        assert "1 keep their own" in report.lines[0]
        assert report.done == 2
    assert backgrounds(root)[NAMES[0]] is None
    find_subjects(root, only=(NAMES[0],))
    assert backgrounds(root)[NAMES[0]] is not None
    find_subjects(root, composite="black")
    assert backgrounds(root)[NAMES[0]].composite == "#000000"  # type: ignore[union-attr]


def test_the_key_leads_through_all_and_back() -> None:
    held: dict[str, object] = {"composite": "#ffffff", "palette": ()}
    seen = []
    for _press in range(len(backdrops.BEHIND) + 1):
        palette = held["palette"]
        assert isinstance(palette, tuple)
        held |= backdrops.following(str(held["composite"]), palette, 1)
        seen.append(held["palette"] or held["composite"])
    assert seen == ["black", "#808080", "alpha", "blur", backdrops.PALETTE, "white"]
    assert backdrops.following("white", (), -1) == {"palette": backdrops.PALETTE}
    assert backdrops.called("#FFFFFF", ()) == "white"
    assert backdrops.called("pink", ()) == "pink"


def test_steps_grow_and_end() -> None:
    assert backdrops.stepped("grow", 0, -1) == {"grow": -1}
    assert backdrops.stepped("grow", 7, 1) == {"grow": 8}
    assert backdrops.stepped("feather", 0, -1) == {}
    assert backdrops.stepped("feather", 64, 1) == {}
