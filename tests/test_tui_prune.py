"""The room of pruning, as a person uses it: checks, the caption live, one edit, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomlkit
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Static

from dataprep import concept
from dataprep.captions import split_tags
from dataprep.dataset import Dataset
from tests.test_tui_folder import main_screen, paint_project, until, workshop
from tui.app import Workshop
from tui.dialogs.changes import ChangesDialog
from tui.dialogs.form import FormScreen
from tui.dialogs.pruned import PrunedDialog
from tui.rooms.prune import PruneRoom
from tui.widgets.command_line import CommandLine
from tui.widgets.filter_bar import FilterBar
from tui.widgets.lines import Lines
from tui.widgets.tag_table import TagTable

CAPTIONS = {
    "[brackets] [b] 1": "1girl, green hair, hat, smile",
    "lake": "1girl, green hair, [red] lamp, lake",
    "portrait": "green hair, 1girl, red scarf",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = paint_project(tmp_path / "zumi")
    for stem, caption in CAPTIONS.items():
        (folder / f"{stem}.txt").write_text(caption + "\n", encoding="utf-8")
    return folder


def texts(root: Path) -> list[str]:
    return [(root / f"{stem}.txt").read_text().strip() for stem in CAPTIONS]


def room_of(pilot: Pilot[None]) -> PruneRoom:
    return main_screen(pilot).query_one(PruneRoom)


def table_of(pilot: Pilot[None]) -> TagTable:
    return room_of(pilot).query_one(TagTable)


def shown(pilot: Pilot[None], id: str) -> str:
    return str(room_of(pilot).query_one(f"#prune-{id}").render())


def sample(pilot: Pilot[None]) -> str:
    return str(room_of(pilot).query_one("SampleView > .name", Static).render())


def caption(pilot: Pilot[None]) -> Content:
    content = room_of(pilot).query_one("SampleView > .caption > Static", Static).render()
    assert isinstance(content, Content)
    return content


def tags_of(pilot: Pilot[None]) -> list[str]:
    return list(table_of(pilot).keys)


async def enter(pilot: Pilot[None], app: Workshop) -> None:
    """Go to the room and wait until the tags are judged."""
    await until(pilot, lambda: app.desk and app.desk.project.loaded and not app.desk.jobs.running)
    await until(pilot, lambda: main_screen(pilot).room)
    await pilot.press("6")
    await until(pilot, lambda: room_of(pilot).is_mounted and tags_of(pilot))
    await quiet(pilot, app)


async def quiet(pilot: Pilot[None], app: Workshop) -> None:
    """Wait until no job runs and no question waits."""
    assert app.desk is not None
    desk = app.desk
    await until(pilot, lambda: not desk.jobs.running and desk.reader.idle)
    await pilot.pause()
    await until(pilot, lambda: not desk.jobs.running and desk.reader.idle)


async def put_on(pilot: Pilot[None], tag: str) -> None:
    table_of(pilot).move_to(tag)
    await pilot.pause()


async def test_suggestions_are_checked_and_nothing_is_done(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await enter(pilot, app)
        assert table_of(pilot).has_focus
        assert table_of(pilot).checked == {"green hair"}
        assert tags_of(pilot)[0] == "green hair"
        assert shown(pilot, "sum") == "1 tag goes, 3 captions change"
        assert sample(pilot).startswith("[brackets] [b] 1.png   1/3")
        assert caption(pilot).plain == "1girl, green hair, hat, smile"
        assert texts(root) == list(CAPTIONS.values())
        command = main_screen(pilot).query_one(CommandLine).command
        assert command == f"dataprep prune {root} --remove 'green hair'"


async def test_checks_and_trigger_change_the_caption_live(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(120, 40)) as pilot:
        await enter(pilot, app)
        await put_on(pilot, "hat")
        await pilot.press("enter")
        await quiet(pilot, app)
        assert shown(pilot, "sum") == "2 tags go, 3 captions change"
        await pilot.press("e", *"zumi", "enter")
        await quiet(pilot, app)
        assert caption(pilot).plain == "zumi, 1girl, green hair, hat, smile"
        styles = {
            text: str(span.style)
            for span in caption(pilot).spans
            for text in [caption(pilot).plain[span.start : span.end]]
        }
        assert "strike" in styles["green hair"]
        assert "strike" in styles["hat"]
        assert "success" in styles["zumi"]
        assert table_of(pilot).has_focus
        await pilot.press("]")
        assert sample(pilot).startswith("lake.png   2/3")
        await pilot.press("[", "[")
        assert sample(pilot).startswith("portrait.jpg   3/3")


async def test_x_prunes_as_one_edit_and_u_takes_it_back(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(120, 40)) as pilot:
        await enter(pilot, app)
        await pilot.press("e", *"zumi", "enter")
        await quiet(pilot, app)
        await pilot.press("x")
        await until(pilot, lambda: app.desk and app.desk.project.trigger == "zumi")
        await quiet(pilot, app)
        after = ["zumi, 1girl, hat, smile", "zumi, 1girl, [red] lamp, lake"]
        assert texts(root)[:2] == after
        assert "green hair" not in tags_of(pilot)
        assert "1 pruned before (P)" in shown(pilot, "sum")
        recipe = tomlkit.parse((root / "dataprep.toml").read_text()).unwrap()["prune"]
        assert recipe == {"remove": ["green hair"], "trigger": "zumi"}
        # nothing is left to do: x says so and does nothing
        await pilot.press("x")
        await quiet(pilot, app)
        with Dataset.open(root) as dataset:
            assert [edit.name for edit in dataset.history()] == [
                "prune: 1 tag in 3 captions, 'zumi' first"
            ]
        await pilot.press("u")
        await until(pilot, lambda: "green hair" in tags_of(pilot))
        await quiet(pilot, app)
        assert texts(root) == list(CAPTIONS.values())
        await pilot.press("U")
        await until(pilot, lambda: "green hair" not in tags_of(pilot))
        assert texts(root)[:2] == after


async def test_a_check_by_hand_outlives_preset_needle_and_the_day(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await enter(pilot, app)
        await put_on(pilot, "smile")
        await pilot.press("space")
        await put_on(pilot, "green hair")
        await pilot.press("space")
        await quiet(pilot, app)
        assert table_of(pilot).checked == {"smile"}
        await pilot.press("slash", *"LAMP", "enter")
        await until(pilot, lambda: tags_of(pilot) == ["[red] lamp"])
        assert table_of(pilot).has_focus
        await pilot.press("asterisk")
        await quiet(pilot, app)
        assert table_of(pilot).checked == {"smile", "[red] lamp"}
        await pilot.press("slash", "escape")
        await until(pilot, lambda: len(tags_of(pilot)) > 3)
        assert not room_of(pilot).query_one(FilterBar).display
        await pilot.press("p")
        await quiet(pilot, app)
        assert "style" in shown(pilot, "preset")
        assert table_of(pilot).checked == {"smile", "[red] lamp"}
        await pilot.press("o")
    app.close_project()
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.desk and app.desk.project.loaded)
        await until(pilot, lambda: main_screen(pilot).room == "prune")
        await until(pilot, lambda: tags_of(pilot))
        await quiet(pilot, app)
        assert "style" in shown(pilot, "preset")
        assert table_of(pilot).checked == {"smile", "[red] lamp"}
        assert tags_of(pilot)[:2] == ["1girl", "green hair"]
        await pilot.press("w")
        await quiet(pilot, app)
        assert table_of(pilot).checked == set()


async def test_a_concept_is_found_by_its_name(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(120, 40)) as pilot:
        await enter(pilot, app)
        await pilot.click("#prune-preset")
        await pilot.press("p")
        await quiet(pilot, app)
        assert table_of(pilot).checked == set()
        assert shown(pilot, "sum").startswith("nothing to do")
        await pilot.press(*"hat", "enter")
        await quiet(pilot, app)
        assert table_of(pilot).checked == {"hat"}
        assert table_of(pilot).has_focus


async def test_a_dry_run_lists_every_change_and_x_carries_it_out(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await enter(pilot, app)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChangesDialog))
        await until(pilot, lambda: len(pilot.app.screen.query_one(Lines).keys) == 4)
        assert texts(root) == list(CAPTIONS.values())
        await pilot.press("j")
        await pilot.press("escape")
        assert texts(root) == list(CAPTIONS.values())
        await pilot.press("D")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChangesDialog))
        await pilot.press("x")
        await until(pilot, lambda: "green hair" not in tags_of(pilot))
        assert texts(root)[2] == "1girl, red scarf"


async def test_pruned_tags_are_forgotten_on_request(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await enter(pilot, app)
        await put_on(pilot, "hat")
        await pilot.press("space", "x")
        await until(pilot, lambda: app.desk and len(app.desk.project.pruned) == 2)
        await quiet(pilot, app)
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, PrunedDialog))
        lines = pilot.app.screen.query_one(Lines)
        assert set(lines.keys) == {"green hair", "hat"}
        lines.move_to("hat")
        await pilot.press("f")
        await until(pilot, lambda: app.desk and app.desk.project.pruned == ("green hair",))
        await quiet(pilot, app)
        with Dataset.open(root) as dataset:
            assert concept.read(dataset.store).pruned == ("green hair",)
        recipe = tomlkit.parse((root / "dataprep.toml").read_text()).unwrap()["prune"]
        assert recipe["remove"] == ["green hair"]
        # "hat" is in no caption any more, and was not brought back by forgetting
        assert all("hat" not in split_tags(text) for text in texts(root))


async def test_keys_lead_from_a_tag_to_its_pictures_and_to_bulk_edits(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await enter(pilot, app)
        await put_on(pilot, "[red] lamp")
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await pilot.press("escape")
        await pilot.press("v")
        await until(pilot, lambda: main_screen(pilot).room == "review")


async def test_a_wrong_trigger_is_said_and_nothing_runs(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await enter(pilot, app)
        await pilot.press("e", *"a,b", "enter")
        await quiet(pilot, app)
        assert "trigger: must be one word" in shown(pilot, "sum")
        await pilot.press("x")
        await quiet(pilot, app)
        assert texts(root) == list(CAPTIONS.values())


async def test_a_project_without_captions_says_what_to_do(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "bare")
    for path in root.glob("*.txt"):
        path.unlink()
    app = workshop(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(
            pilot, lambda: app.desk and app.desk.project.loaded and not app.desk.jobs.running
        )
        await pilot.press("6")
        await until(pilot, lambda: main_screen(pilot).room == "prune")
        await quiet(pilot, app)
        assert "tag the pictures first" in shown(pilot, "sum")
