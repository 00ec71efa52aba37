"""The workshop around its rooms: rail, jobs, forms, keys, commands, preferences."""

import threading
import time
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input, Static

from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.settings import read_recipe
from tests.test_tui_folder import main_screen, paint_project, until, workshop
from tui import prefs
from tui.app import Workshop
from tui.desk import Desk
from tui.dialogs.form import FormScreen
from tui.dialogs.help import HelpScreen
from tui.dialogs.keymap import KeymapDialog
from tui.dialogs.preferences import PreferencesDialog
from tui.pictures import drawing
from tui.rooms import ROOMS
from tui.screens.bindings import all_bindings
from tui.widgets.command_line import CommandLine
from tui.widgets.keys import Keys
from tui.widgets.lines import Lines
from tui.widgets.rail import Rail
from tui.widgets.report_log import ReportLog

SIZE = (120, 40)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return paint_project(tmp_path / "zumi")


@pytest.fixture(autouse=True)
def _own_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def desk_of(pilot: Pilot[None]) -> Desk:
    assert isinstance(pilot.app, Workshop)
    assert pilot.app.desk is not None
    return pilot.app.desk


def text_of(pilot: Pilot[None], selector: str) -> str:
    return str(main_screen(pilot).query_one(selector, Static).content)


def logged(pilot: Pilot[None]) -> str:
    # the log draws nothing while it is hidden
    main_screen(pilot).query_one("#log").display = True
    return "\n".join(strip.text for strip in main_screen(pilot).query_one(ReportLog).lines)


def rail(pilot: Pilot[None]) -> list[str]:
    options = main_screen(pilot).query_one(Rail).options
    return [str(option.prompt) for option in options]


async def opened(pilot: Pilot[None]) -> None:
    """Wait for the first room, the first scan, and what it found."""
    await until(pilot, lambda: main_screen(pilot).room)
    # the folder is looked at once the project was read
    await until(pilot, lambda: "scan: " in text_of(pilot, "#job"))
    await idle(pilot)


async def idle(pilot: Pilot[None]) -> None:
    desk = desk_of(pilot)
    await until(pilot, lambda: not desk.jobs.running and desk.reader.idle)
    await pilot.pause()


async def open_form(pilot: Pilot[None], verb: str) -> FormScreen:
    main_screen(pilot).open_form(verb, {})
    await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
    assert isinstance(pilot.app.screen, FormScreen)
    return pilot.app.screen


def said(pilot: Pilot[None]) -> str:
    notes = [note.message for note in pilot.app._notifications]
    return "\n".join([*notes, text_of(pilot, "#job")])


async def test_the_rail_shows_every_room_and_how_far_it_is(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        lines = rail(pilot)
        assert len(lines) == len(ROOMS)
        assert lines[0].split() == ["1", "●", "Import", "!1"]
        assert lines[1].split() == ["2", "▸", "Clean", "0/4", "!1"]
        assert lines[4].split() == ["5", "◐", "Tag", "3/4"]
        assert "zumi" in text_of(pilot, "#banner")
        assert "5 pictures" in text_of(pilot, "#banner")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert rail(pilot)[4].split() == ["5", "◐", "Tag"]


async def test_rooms_are_entered_by_number_by_name_and_by_mouse(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        for key, name in zip("1234567890", ROOMS, strict=True):
            await pilot.press(key)
            await until(pilot, lambda name=name: main_screen(pilot).room == name)
            focused = pilot.app.focused
            assert focused is not None
            await pilot.press("escape")
        await pilot.press("f2")
        assert isinstance(pilot.app.focused, Rail)
        # enter goes to what comes next
        await pilot.press("enter")
        await until(pilot, lambda: main_screen(pilot).room == "clean")
        await pilot.press("f2", "home", "down", "down", "enter")
        await until(pilot, lambda: main_screen(pilot).room == "crop")
        await pilot.click(Rail, offset=(5, 1))
        await until(pilot, lambda: main_screen(pilot).room == "clean")
        await pilot.press("n")
        assert main_screen(pilot).room == "clean"


async def test_the_room_is_remembered(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pilot.press("3")
        await until(pilot, lambda: main_screen(pilot).room == "crop")
        assert isinstance(pilot.app, Workshop)
        pilot.app.close_project()
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        assert main_screen(pilot).room == "crop"
    assert prefs.recent() == [root]


async def test_a_stage_runs_from_its_form_is_kept_undone_and_redone(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        form = await open_form(pilot, "crop")
        field = form.query("FieldRow Input").first(Input)
        field.value = "64"
        await pilot.pause()
        command = str(form.query_one("#form-command", Static).content)
        assert command == f"$ dataprep crop {root} --size 64"
        field.focus()
        await pilot.press("enter")
        await until(pilot, lambda: "crop: 4 done" in text_of(pilot, "#job"))
        await idle(pilot)
        assert "last edit: crop to 64" in text_of(pilot, "#banner")
        assert read_recipe(root)["crop"] == {"size": 64}
        assert desk_of(pilot).project.rows["lake.png"].size == "64×64"
        await pilot.press("u")
        await until(pilot, lambda: desk_of(pilot).project.rows["lake.png"].size == "128×80")
        await pilot.press("U")
        await until(pilot, lambda: desk_of(pilot).project.rows["lake.png"].size == "64×64")
        logged(pilot)
        await until(pilot, lambda: "taken back: crop to 64 px" in logged(pilot))


async def test_a_dry_run_decides_nothing_and_says_what_it_would(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await open_form(pilot, "crop")
        await pilot.click("#dry")
        await until(pilot, lambda: "crop: 4 would change" in logged(pilot))
        await idle(pilot)
        with Dataset.open(root) as dataset:
            assert dataset.decisions() == {}
        assert not (root / "dataprep.toml").exists()


async def test_a_broken_recipe_is_a_sentence(root: Path) -> None:
    (root / "dataprep.toml").write_text("[crop\n")
    async with workshop(root).run_test(size=SIZE) as pilot:
        await until(pilot, lambda: main_screen(pilot).room)
        main_screen(pilot).open_form("crop", {})
        await pilot.pause()
        assert pilot.app.screen is main_screen(pilot)
        await until(pilot, lambda: "dataprep.toml" in said(pilot))


@pytest.mark.parametrize("recipe", ["[crop\n", "[crop]\nsise = 64\n", "[export]\nout = 3\n"])
@pytest.mark.parametrize("when", ["before", "while it is open"])
async def test_a_broken_recipe_takes_no_room_down(root: Path, recipe: str, when: str) -> None:
    if when == "before":
        (root / "dataprep.toml").write_text(recipe)
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: main_screen(pilot).room)
        if when != "before":
            await opened(pilot)
            (root / "dataprep.toml").write_text(recipe)
        for number in "1234567890":
            await pilot.press(number, "x", "s", "escape", "escape", "t", "escape", "u")
            await idle(pilot)
        assert main_screen(pilot).room in ROOMS


async def test_escape_closes_a_running_job_at_once(root: Path) -> None:
    cleaned = threading.Event()

    def endless(dataset: Dataset) -> Job[Report]:
        try:
            for done in range(1_000_000):
                yield Progress(done, 1_000_000, "[b]picture.png")
                time.sleep(0.01)
        finally:
            cleaned.set()
        return Report("slow")

    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        desk = desk_of(pilot)
        desk.start("slow", endless)
        await until(pilot, lambda: "/1000000" in text_of(pilot, "#job"))
        assert "[b]picture.png" in text_of(pilot, "#job")
        assert not desk.start("second", endless)
        await until(pilot, lambda: "slow is running; esc stops it" in said(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "slow: stopped" in text_of(pilot, "#job"))
        assert cleaned.is_set()
        assert desk.jobs.running == ""


async def test_what_a_failed_job_says(root: Path) -> None:
    def refuses(dataset: Dataset) -> Job[Report]:
        yield Progress(0)
        raise DataprepError("the model is missing", "fetch it first")

    def faulty(dataset: Dataset) -> Job[Report]:
        yield Progress(0)
        raise ZeroDivisionError("by zero")

    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        desk_of(pilot).start("tag", refuses)
        await until(pilot, lambda: "fetch it first" in logged(pilot))
        assert "tag: the model is missing" in text_of(pilot, "#job")
        desk_of(pilot).start("tag", faulty)
        await until(pilot, lambda: "ZeroDivisionError: by zero" in logged(pilot))


async def test_a_question_that_fails_is_a_sentence_and_the_next_is_answered(root: Path) -> None:
    answers: list[int] = []

    def refuses(dataset: Dataset) -> int:
        raise DataprepError("no such thing", "look again")

    def faulty(dataset: Dataset) -> int:
        raise ZeroDivisionError("by zero")

    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        desk_of(pilot).ask("one", refuses, answers.append)
        desk_of(pilot).ask("two", faulty, answers.append)
        desk_of(pilot).ask("three", lambda dataset: len(dataset.pictures()), answers.append)
        await until(pilot, lambda: answers == [5])
        assert "no such thing (look again)" in said(pilot)
        assert "ZeroDivisionError" in said(pilot)


async def test_of_waiting_questions_of_a_group_only_the_newest_is_answered(root: Path) -> None:
    let_go, answers = threading.Event(), list[int]()

    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        desk = desk_of(pilot)
        desk.ask("first", lambda dataset: let_go.wait(30), lambda _: None)
        for number in range(5):
            desk.ask("slider", lambda dataset, number=number: number, answers.append)
        let_go.set()
        await until(pilot, lambda: answers)
        await idle(pilot)
        assert answers == [4]


async def test_edits_by_hand_are_never_dropped_also_when_leaving(root: Path) -> None:
    app = workshop(root)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        desk = desk_of(pilot)
        for number in range(20):
            desk.edit(
                f"edit {number}",
                lambda dataset, number=number: [
                    dataset.caption_change("lake.png", ["zumi", str(number)])
                ],
            )
        app.close_project()
    with Dataset.open(root) as dataset:
        assert dataset.tags("lake.png") == ["zumi", "19"]
        assert [edit.name for edit in dataset.history()] == [f"edit {n}" for n in range(20)]
        assert dataset.edited(dataset.pictures()) >= {"lake.png"}


async def test_leaving_does_not_wait_for_a_job(root: Path) -> None:
    let_go = threading.Event()

    def stuck(dataset: Dataset) -> Job[Report]:
        yield Progress(0)
        let_go.wait(60)
        yield Progress(1)
        return Report("stuck")

    app = workshop(root)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        desk = desk_of(pilot)
        desk.start("stuck", stuck)
        await pilot.pause(0.1)
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert desk.jobs.running == "stuck"
    assert not desk.close(0.01)
    let_go.set()
    assert desk.jobs.join(10)


async def test_rescan_finds_new_files(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        (root / "a new one.png").write_bytes((root / "lake.png").read_bytes())
        await pilot.press("r")
        await until(pilot, lambda: "a new one.png" in desk_of(pilot).project.rows)
        assert "6 pictures" in text_of(pilot, "#banner")


async def test_help_lists_the_keys_of_this_place(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pilot.press("8")
        await until(pilot, lambda: main_screen(pilot).room == "export")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        page = "\n".join(str(part.content) for part in pilot.app.screen.query(Static))
        for word in ("Train now", "More repeats", "Undo", "Redo", "still to do"):
            assert word in page
        await pilot.press("question_mark")
        await until(pilot, lambda: pilot.app.screen is main_screen(pilot))


async def test_the_recipe_is_opened_in_an_editor(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_files: list[Path] = []

    def edit(app: object, path: Path) -> str:
        opened_files.append(path)
        path.write_text("[crop]\nsize = 64\n")
        return ""

    # a screen that is no terminal cannot be given away; tests of the editor use a real one
    monkeypatch.setattr("tui.editor.edit_file", edit)
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: "no train.toml yet" in said(pilot))
        await pilot.press("ctrl+e")
        await until(pilot, lambda: opened_files == [root / "dataprep.toml"])
        await enter_room(pilot, "crop")
        assert desk_of(pilot).recipe("crop") == {"size": 64}


async def enter_room(pilot: Pilot[None], name: str) -> None:
    await main_screen(pilot).enter(name)
    await idle(pilot)


async def test_the_command_is_shown_and_copied(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pilot.press("3")
        await until(pilot, lambda: main_screen(pilot).room == "crop")
        line = main_screen(pilot).query_one(CommandLine)
        await until(pilot, lambda: line.command.startswith(f"dataprep crop {root}"))
        await pilot.press("Y")
        assert pilot.app.clipboard == line.command
        assert "copied: dataprep crop" in said(pilot)


async def test_few_keys_in_the_footer_and_a_click_presses_one(root: Path) -> None:
    async with workshop(root).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        for number in "1234567890":
            await pilot.press(number)
            await idle(pilot)
            line = str(main_screen(pilot).query_one(Keys).content)
            assert line.rstrip().endswith("Help"), line
            bindings = [active.binding for active in pilot.app.screen.active_bindings.values()]
            assert all(binding.id for binding in bindings if binding.show)
        await pilot.click(Keys, offset=(77, 0))
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


async def test_the_palette_knows_rooms_stages_and_keys(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        commands = pilot.app.get_system_commands(pilot.app.screen)
        titles = {command.title for command in commands}
        assert {"go: Prune", "stage: dedupe", "key: Train now", "preferences"} <= titles
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        await pilot.press(*"go: Tag")
        await pilot.pause(0.3)
        await pilot.press("down", "enter")
        await until(pilot, lambda: main_screen(pilot).room == "tag")


async def test_a_preference_holds_at_once_and_at_the_next_opening(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        before = pilot.app.theme
        await pilot.press("f8")
        await until(pilot, lambda: isinstance(pilot.app.screen, PreferencesDialog))
        await pilot.press("right")
        await until(pilot, lambda: pilot.app.theme != before)
        theme = pilot.app.theme
        await pilot.press("escape")
    assert prefs.load().theme == theme
    app = Workshop(root, drawing("halfcell"), prefs.load())
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        assert app.theme == theme


async def test_a_key_is_given_to_an_action_and_taken_back(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pilot.app.action_keymap()
        await until(pilot, lambda: isinstance(pilot.app.screen, KeymapDialog))
        lines = pilot.app.screen.query_one(Lines)
        lines.move_to("main.help")
        await pilot.press("enter", "f9")
        await until(pilot, lambda: prefs.load().keys == {"main.help": "f9"})
        await pilot.press("escape", "f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await pilot.press("escape")
        await pilot.app.action_keymap()
        await until(pilot, lambda: isinstance(pilot.app.screen, KeymapDialog))
        pilot.app.screen.query_one(Lines).move_to("main.help")
        await pilot.press("delete")
        assert prefs.load().keys == {}


def test_every_key_has_a_name_and_no_two_of_a_place_the_same(root: Path) -> None:
    bindings = all_bindings(workshop(root))
    names = [binding.id for binding in bindings]
    assert len(names) == len(set(names)) > 60
    everywhere = {
        key: binding.id
        for binding in bindings
        if (binding.id or "").startswith(("main.", "app.", "go."))
        for key in binding.key.split(",")
    }
    for room in ROOMS:
        for binding in bindings:
            if (binding.id or "").startswith(f"{room}."):
                # a room's own key would take a key away that holds everywhere
                taken = set(binding.key.split(",")) & everywhere.keys()
                # esc leads out of a line that is typed in before it stops what runs; u takes back
                # what is not written yet before what is
                assert taken <= {"escape", "u"}, binding


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("thme = 1", "unknown key 'thme'"),
        ("theme = 1", "theme: must be a str"),
        ('preview = "sixl"', "preview: must be one of auto"),
        ("keys = {a = 1}", "keys: must be texts"),
        ("theme = ", "tui.toml: "),
    ],
)
def test_preferences_that_cannot_be_meant(text: str, sentence: str) -> None:
    prefs.path().parent.mkdir(parents=True)
    prefs.path().write_text(text)
    with pytest.raises(DataprepError, match=sentence):
        prefs.load()


def test_preferences_keep_their_comments() -> None:
    prefs.path().parent.mkdir(parents=True)
    prefs.path().write_text('# mine\ntheme = "nord" # blue\n')
    prefs.remember(theme="dracula", keys={"main.help": "f1"})
    assert prefs.path().read_text().startswith('# mine\ntheme = "dracula" # blue\n')
    assert prefs.load().keys == {"main.help": "f1"}


async def test_a_folder_without_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    async with workshop(folder).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        for number in "1234567890":
            await pilot.press(number, "j", "G", "k", "enter", "escape", "escape")
            await idle(pilot)
        await pilot.press("u")
        await until(pilot, lambda: "there is nothing to undo" in logged(pilot))
