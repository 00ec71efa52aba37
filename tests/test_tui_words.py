"""Lines in which one types: filters, tags, captions, settings."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anyio
import pytest
from textual.app import App, ComposeResult
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Select, Static, Switch, TextArea

from dataprep.tagquery.completion import Known, complete
from dataprep.tagwords import elsewhere, note, tagwords
from dataprep.vocabulary import Entry
from tests.test_tui_folder import paint_project, until, workshop
from tui.app import STYLES
from tui.dialogs.caption import CaptionDialog, TagLines
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.form import FormScreen
from tui.dialogs.tags import TagsAnswer, TagsDialog
from tui.editor import command_for, edit_file
from tui.widgets.completing import Choices
from tui.widgets.field_row import FieldRow
from tui.widgets.fields import Fields, Find
from tui.widgets.filter_bar import KEPT, FilterBar, noted
from tui.widgets.lines import Column, Lines
from tui.widgets.tag_input import TagInput

T = TypeVar("T")
WORDS = tagwords(
    [["zumi", "red scarf", "red eyes"], ["zumi", "red scarf"], ["[x] tag"]],
    elsewhere([Entry("red_scarf", "general", 1_200_000), Entry("reds", "general", 7)]),
)
KNOWN = Known(lambda typed: [(word.tag, note(word)) for word in WORDS.in_captions(typed)])


class Page(App[None]):
    """Widgets with the styles of the workshop, and the messages they sent."""

    CSS_PATH: ClassVar[list[Any]] = [*sorted(STYLES.glob("*.tcss"))]

    def __init__(self, *widgets: Any) -> None:
        super().__init__()
        self._widgets = widgets
        self.said: list[str] = []

    def compose(self) -> ComposeResult:
        yield from self._widgets

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        self.said.append(f"changed {event.text}")

    def on_filter_bar_kept(self, event: FilterBar.Kept) -> None:
        self.said.append(f"kept {event.text}")

    def on_filter_bar_left(self, event: Message) -> None:
        self.said.append("left")
        self.query_one(Lines).focus()


def run(app: App[Any], steps: Callable[[Any], Awaitable[None]], size: Any = (80, 24)) -> None:
    """Carry out steps in an app."""

    async def session() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(pilot)

    anyio.run(session)


def asked(dialog: ModalScreen[T], steps: Callable[[Any], Awaitable[None]]) -> list[T | None]:
    """The answer of a dialog after some steps; empty while it is still open."""
    answers: list[T | None] = []
    app = Page()

    async def session(pilot: Any) -> None:
        app.push_screen(dialog, answers.append)
        await until(pilot, lambda: app.screen is dialog and dialog.focused)
        await steps(pilot)
        await pilot.pause()

    run(app, session)
    return answers


async def type_(pilot: Any, text: str) -> None:
    """Press a key for each letter."""
    for letter in text:
        await pilot.press(letter if letter.isalnum() else KEYS[letter])


KEYS = {" ": "space", ",": "comma", ":": "colon", "<": "less_than_sign", "[": "left_square_bracket"}


def page() -> tuple[Page, FilterBar]:
    """A filter bar above a list."""
    history = ["tag:hat", "size<512"]
    bar = FilterBar(lambda text, at: complete(text, at, KNOWN), "bar", lambda: history)
    return Page(bar, Lines([Column()], "list")), bar


def test_a_filter_is_told_once_when_typing_pauses() -> None:
    app, bar = page()

    async def steps(pilot: Any) -> None:
        assert not bar.display
        bar.open()
        await type_(pilot, "zu")
        await until(pilot, lambda: app.said)
        assert app.said[-1] == "changed zu"
        await pilot.press("enter")
        await until(pilot, lambda: app.said[-1] == "left")
        assert app.said[-2:] == ["kept zu", "left"]
        assert bar.display
        assert isinstance(app.focused, Lines)

    run(app, steps)


def test_a_proposal_is_taken_and_may_lead_to_more() -> None:
    app, bar = page()

    async def steps(pilot: Any) -> None:
        bar.open()
        await type_(pilot, "ta")
        choices = app.query_one(Choices)
        assert choices.display
        assert [one.shown for one in choices.offered][:2] == ["tag:", "tagged"]
        await pilot.press("tab")
        assert bar.value == "tag:"
        # behind the colon the project's tags follow at once
        assert [one.shown for one in choices.offered] == [
            "red scarf",
            "zumi",
            "[x] tag",
            "red eyes",
        ]
        assert [one.note for one in choices.offered][:2] == ["×2", "×2"]
        await pilot.press("down", "enter")
        assert bar.value == 'tag:"red scarf"'
        assert not choices.display
        await until(pilot, lambda: app.said[-1:] == ['changed tag:"red scarf"'])

    run(app, steps)


def test_escape_closes_the_list_and_then_drops_the_filter() -> None:
    app, bar = page()

    async def steps(pilot: Any) -> None:
        bar.open()
        await type_(pilot, "re")
        await pilot.press("escape")
        assert not app.query_one(Choices).display
        assert bar.value == "re"
        await pilot.press("escape")
        await until(pilot, lambda: "left" in app.said)
        assert (bar.value, bar.display) == ("", False)

    run(app, steps)


def test_filters_of_before_come_with_up_and_words_with_tab() -> None:
    app, bar = page()

    async def steps(pilot: Any) -> None:
        bar.open()
        await pilot.press("tab")
        assert "untagged" in [one.shown for one in app.query_one(Choices).offered]
        await pilot.press("escape", "up", "down", "enter")
        assert bar.value == "size<512"
        await pilot.press("down")
        await until(pilot, lambda: "left" in app.said)
        assert app.said == ["changed size<512", "left"]

    run(app, steps)


def test_a_complaint_and_a_preset() -> None:
    app, bar = page()

    async def steps(pilot: Any) -> None:
        bar.preset("size>")
        bar.complain("filter, column 6: a number is expected\n  size>\n       ^")
        await until(pilot, lambda: app.said)
        complaint = app.query_one(".complaint", Static)
        assert bar.display
        assert complaint.display
        assert complaint.size.height == 1
        assert not app.query_one(Choices).display
        bar.complain("")
        assert not complaint.display
        bar.drop()
        await until(pilot, lambda: app.said == ["changed size>", "changed "])

    run(app, steps)


def test_a_click_takes_a_proposal() -> None:
    app, bar = page()

    async def steps(pilot: Any) -> None:
        bar.open()
        await type_(pilot, "red")
        await until(pilot, lambda: app.query_one(Choices).size.height > 1)
        shown = [one.text for one in app.query_one(Choices).offered]
        await pilot.click(Choices, offset=(2, 1))
        await until(pilot, lambda: bar.value == shown[1])
        assert app.focused is bar.entry

    run(app, steps)


def test_a_history_has_each_filter_once() -> None:
    assert noted(["a", "b"], "b") == ["b", "a"]
    assert len(noted([str(n) for n in range(50)], "x")) == KEPT


def test_the_tag_at_the_cursor_is_completed() -> None:
    app = Page()

    async def steps(pilot: Any) -> None:
        line = TagInput(WORDS.complete, "tags", "hat, smile")
        await app.mount(line)
        line.focus()
        await pilot.press("end")
        await type_(pilot, ", red s")
        await pilot.press("tab")
        assert line.value == "hat, smile, red scarf, "
        assert line.tags == ["hat", "smile", "red scarf"]
        await pilot.press("home")
        await type_(pilot, "[")
        await pilot.press("tab")
        assert line.value == "[x] tag, smile, red scarf, "

    run(app, steps)


def test_tags_for_several_pictures() -> None:
    async def steps(pilot: Any) -> None:
        await type_(pilot, "smile, re")
        await pilot.press("tab", "tab")
        await type_(pilot, "zumi")
        await pilot.press("enter")

    answer = asked(TagsDialog(3, WORDS.complete), steps)
    assert answer == [TagsAnswer(("smile", "red scarf"), ("zumi",))]


def test_tags_that_nobody_typed_are_no_answer() -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("enter")

    assert asked(TagsDialog(3, WORDS.complete), steps) == [None]


CAPTION = "zumi, {red, blue|green} hat, saber \\(fate\\) ||| [x] tag,  smile"


def caption(text: str = CAPTION) -> CaptionDialog:
    """A dialog that counts letters for tokens."""
    return CaptionDialog(
        "[x] [b] 1.png", text, WORDS.complete, "zumi", lambda said: f"{len(said)} letters"
    )


def test_tags_are_moved_removed_changed_and_added() -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("j", "K", "j", "j", "d")
        assert pilot.app.screen.query_one(TagLines).tags == [
            "{red, blue|green} hat",
            "zumi",
            "|||",
            "[x] tag",
            "smile",
        ]
        await pilot.press("G", "enter", "end")
        await type_(pilot, "s")
        await pilot.press("enter", "a")
        await type_(pilot, "red s")
        await pilot.press("tab", "enter", "enter")

    assert asked(caption(), steps) == ["{red, blue|green} hat, zumi ||| [x] tag, smiles, red scarf"]


def test_a_tag_that_is_half_changed_is_saved_too() -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("j", "enter", "end")
        await type_(pilot, "s")
        await pilot.press("f2")

    assert asked(caption("zumi, hat, smile"), steps) == ["zumi, hats, smile"]


def test_what_was_not_changed_is_not_written() -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("J", "K")
        assert pilot.app.screen.caption == CAPTION
        await pilot.press("f2")

    assert asked(caption(), steps) == [None]


def test_changes_are_taken_back_one_by_one() -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("d", "d", "z")
        lines = pilot.app.screen.query_one(TagLines)
        assert lines.tags[0] == "{red, blue|green} hat"
        await pilot.press("z", "f2")

    assert asked(caption(), steps) == [None]


def test_leaving_with_changes_asks_first() -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("d", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, CaptionDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("y")
        await pilot.pause()

    assert asked(caption(), steps) == [None]


def test_prose_is_edited_as_text_and_keeps_its_commas() -> None:
    prose = "A girl, with horns, stands in the rain. She  smiles."

    async def steps(pilot: Any) -> None:
        area = pilot.app.screen.query_one(TextArea)
        assert area.display
        area.move_cursor(area.document.end)
        await type_(pilot, " x")
        await pilot.press("f2")

    assert asked(caption(prose), steps) == [prose + " x"]


def test_tags_as_text_and_back() -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("d", "f3")
        area = pilot.app.screen.query_one(TextArea)
        assert area.text == "hat"
        await type_(pilot, "red ")
        await pilot.press("f3", "f2")

    assert asked(caption("zumi, hat"), steps) == ["red hat"]


def test_how_long_a_caption_is_and_what_stands_twice() -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("a")
        await type_(pilot, "hat")
        await pilot.press("enter")
        said = str(pilot.app.screen.query_one("#caption-said", Static).content)
        assert said == "3 tags · 14 letters · twice: hat · changed"
        await pilot.press("escape", "z", "escape")
        await pilot.pause()

    assert asked(caption("zumi, hat"), steps) == [None]


def test_which_editor_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("a b.txt")
    assert command_for(path, {"EDITOR": "code -w", "VISUAL": ""}) == ["code", "-w", "a b.txt"]
    assert command_for(path, {"EDITOR": "vi", "VISUAL": "gvim -f"}) == ["gvim", "-f", "a b.txt"]
    monkeypatch.setenv("PATH", "")
    assert command_for(path, {}) == []


def test_a_screen_that_cannot_step_aside_says_so(tmp_path: Path) -> None:
    app = Page()

    async def steps(pilot: Any) -> None:
        said = edit_file(app, tmp_path / "x.txt")
        assert "no other program can take this screen" in said
        assert str(tmp_path / "x.txt") in said

    run(app, steps)


async def open_form(pilot: Any, verb: str, values: Any) -> FormScreen:
    """A stage's form over the workshop."""
    await until(pilot, lambda: pilot.app.desk.project.loaded and not pilot.app.desk.jobs.running)
    pilot.app.desk.form(verb, values)
    await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
    screen = pilot.app.screen
    await until(pilot, lambda: screen.focused)
    return screen


def row(screen: FormScreen, name: str) -> FieldRow:
    """The line of a setting."""
    return next(found for found in screen.query(FieldRow) if found.field.name == name)


def test_a_form_marks_what_is_not_usual_and_finds_settings(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    (root / "dataprep.toml").write_text("[crop]\nsize = 64\n")

    async def steps(pilot: Any) -> None:
        screen = await open_form(pilot, "crop", {"upscale": False})
        label = [str(row(screen, name).query_one(".name", Static).content) for name in NAMES]
        assert [text.startswith("•") for text in label] == [True, True, False]
        await pilot.press("ctrl+f")
        await type_(pilot, "face")
        shown = [found.field.name for found in screen.query(FieldRow) if found.display]
        assert shown == ["face_model"]
        await pilot.press("enter")
        await until(pilot, lambda: row(screen, "face_model").editor.has_focus)
        assert screen.query_one(Find).value == ""
        assert all(found.display for found in screen.query(FieldRow))
        help_ = str(screen.query_one(".help", Static).content)
        assert "YuNet" in help_
        await pilot.press("escape")
        await until(pilot, lambda: screen not in pilot.app.screen_stack)

    NAMES = ["size", "upscale", "mode"]
    run(workshop(root), steps)


def test_a_form_says_what_is_wrong_where_it_is(tmp_path: Path) -> None:
    async def steps(pilot: Any) -> None:
        screen = await open_form(pilot, "crop", {})
        size = row(screen, "size")
        await pilot.press("9", "enter")
        await until(pilot, lambda: size.has_class("-wrong"))
        assert screen.query_one(Fields).errors == ["size"]
        assert screen in pilot.app.screen_stack
        await pilot.press("end", "6", "0")
        await until(pilot, lambda: not size.has_class("-wrong"))
        command = str(screen.query_one("#form-command", Static).content)
        assert command.endswith("--size 960")
        mode = row(screen, "mode").editor
        upscale = row(screen, "upscale").editor
        assert isinstance(mode, Select)
        assert isinstance(upscale, Switch)
        upscale.toggle()
        mode.focus()
        await pilot.press("right", "down")
        assert not mode.expanded
        assert row(screen, "margin").editor.has_focus
        await until(pilot, lambda: "--mode face" in text(screen))
        assert "--no-upscale" in text(screen)
        assert screen.query_one(Fields).values() == {
            "size": "960",
            "upscale": False,
            "mode": "face",
        }
        size.editor.focus()
        await pilot.press("ctrl+z")
        await until(pilot, lambda: "--size" not in text(screen))

    def text(screen: FormScreen) -> str:
        return str(screen.query_one("#form-command", Static).content)

    run(workshop(paint_project(tmp_path / "zumi")), steps)


def test_a_required_setting_is_asked_for(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    (root / "dataprep.toml").write_text('[export]\nconcept = "zumi"\n')

    async def steps(pilot: Any) -> None:
        screen = await open_form(pilot, "export", {})
        # it is empty, so one begins there
        assert row(screen, "out").editor.has_focus
        await pilot.press("enter")
        await until(pilot, lambda: row(screen, "out").has_class("-wrong"))
        await type_(pilot, "lora")
        entry = row(screen, "out").editor
        assert isinstance(entry, Input)
        await until(pilot, lambda: not row(screen, "out").has_class("-wrong"))

    run(workshop(root), steps)


@pytest.mark.parametrize("verb", ["tag", "export", "caption", "replace"])
def test_forms_fit_a_small_terminal(tmp_path: Path, verb: str) -> None:
    async def steps(pilot: Any) -> None:
        screen = await open_form(pilot, verb, {})
        dialog = screen.query_one("#form")
        await until(pilot, lambda: dialog.region.bottom <= 24)
        buttons = screen.query_one("#run").region
        assert buttons.bottom < 24
        assert buttons.height == 1
        first, second, *_, last = screen.query(FieldRow)
        first.editor.focus()
        await pilot.press("down")
        assert second.editor.has_focus
        first.editor.focus()
        for _ in range(8):
            if not last.editor.has_focus:
                await pilot.press("shift+tab")
        assert last.editor.has_focus
        await until(pilot, lambda: 0 < last.region.y < buttons.y)

    run(workshop(paint_project(tmp_path / "zumi")), steps)


def test_proposals_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("DATAPREP_MODELS", str(models))
    (models / "danbooru.csv").write_text("boat,0,9000,ship\nhorns,0,250000,\n")

    async def steps(pilot: Any) -> None:
        desk = pilot.app.desk
        await until(pilot, lambda: len(desk.project.rows) == 5 and not desk.jobs.running)
        desk.proposals.prepare()
        await until(pilot, lambda: desk.proposals.ready)
        (boat,) = desk.proposals.tags("ship")
        assert (boat.tag, boat.alias, boat.count, boat.posts) == ("boat", "ship", 1, 9000)
        offered = desk.proposals.filter("format:", 7)
        assert [(one.text, one.note) for one in offered] == [("png", "×3"), ("jpeg", "×1")]
        assert [one.text for one in desk.proposals.filter("hor", 3)] == ["horns"]
        assert [one.text for one in desk.proposals.filter("issue:blu", 9)] == ["blurred"]
        name = next(iter(desk.project.rows))
        desk.edit("caption", lambda data: [data.caption_change(name, ["zumi", "boat"])])
        await until(pilot, lambda: "boat" in desk.project.rows[name].caption)
        desk.proposals.prepare()
        await until(pilot, lambda: desk.proposals.ready)
        assert desk.proposals.tags("boa")[0].count == 2

    run(workshop(paint_project(tmp_path / "zumi")), steps)


def test_a_wrong_list_of_tags_is_told_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("DATAPREP_MODELS", str(models))
    (models / "danbooru.csv").write_bytes(b"\xff\xfe")

    async def steps(pilot: Any) -> None:
        desk = pilot.app.desk
        await until(pilot, lambda: desk.project.loaded and not desk.jobs.running)
        desk.proposals.prepare()
        await until(pilot, lambda: desk.proposals.ready)
        await until(pilot, lambda: len(pilot.app._notifications))
        assert "not UTF-8" in str(next(iter(pilot.app._notifications)).message)
        assert [word.tag for word in desk.proposals.tags("boa")] == ["boat"]

    run(workshop(paint_project(tmp_path / "zumi")), steps)
