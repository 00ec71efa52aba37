"""The Tag room: a model is chosen, thresholds are moved, captions follow what was counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from dataprep.dataset import Dataset
from dataprep.decisions import Crop, encode_crop
from dataprep.jobs import finish
from dataprep.selection import where
from dataprep.settings import build, read_recipe
from dataprep.stages import tag
from tests.test_tui_folder import NAMES, main_screen, paint_project, until, workshop
from tests.tiny_onnx import write_tagger
from tui.rooms.tag import TagRoom
from tui.rooms.tag_choices import Choices
from tui.widgets.histogram import bars, regrouped
from tui.widgets.lines import Lines
from tui.widgets.slider import Slider

Act = Callable[[Pilot[None], TagRoom], Coroutine[None, None, None]]


@pytest.fixture(autouse=True)
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which only the demo is."""
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return paint_project(tmp_path / "zumi")


@pytest.fixture
def scored(project: Path) -> Path:
    """Tagged by the demo: one caption is by hand still, the others are not."""
    for name in NAMES[1:]:
        (project / name).with_suffix(".txt").unlink(missing_ok=True)
    tagged(project, model="demo", general=0.1)
    return project


def tagged(project: Path, **values: object) -> None:
    with Dataset.open(project) as dataset:
        finish(tag.run(dataset, build(tag.Settings, values, "test")))


def captions(project: Path) -> dict[str, str]:
    return {path.stem: path.read_text("utf-8").strip() for path in sorted(project.glob("*.txt"))}


def in_room(project: Path, act: Act, size: tuple[int, int] = (80, 24)) -> None:
    async def main() -> None:
        async with workshop(project).run_test(size=size) as pilot:
            main_here = main_screen(pilot)
            desk = main_here.desk
            await until(pilot, lambda: desk.project.loaded and not desk.jobs.running)
            await pilot.press("5")
            await until(pilot, lambda: main_here.query(TagRoom))
            room = main_here.query_one(TagRoom)
            await until(pilot, lambda: room.state.models and desk.reader.idle)
            await act(pilot, room)

    asyncio.run(main())


def said(room: TagRoom, place: str) -> str:
    return str(room.query_one(place).render())  # type: ignore[attr-defined]


def test_keys_lead_from_the_first_model_to_chosen_thresholds(project: Path) -> None:
    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        assert not room.query_one("#tag-shifts").display
        assert "not on this machine" in said(room, "#tag-guide-text")
        await pilot.press("home", "enter")
        assert room.state.choices.models == ["demo"]
        await until(pilot, lambda: "scores 1 picture," in said(room, "#tag-hint"))
        await pilot.press("w", "e")
        await until(pilot, lambda: "scores 4 pictures," in said(room, "#tag-hint"))
        await pilot.press("x")
        await until(pilot, lambda: room.state.look and room.state.answer)
        await until(pilot, lambda: not room.desk.jobs.running and room.desk.reader.idle)
        assert (room.state.verb, room.state.answer.changed) == ("retag", 0)
        assert captions(project)["square"]
        first = captions(project)
        await pilot.press("home")
        await until(pilot, lambda: room.state.answer and room.state.answer.changed)
        foretold = room.state.answer
        assert foretold is not None
        assert foretold.appear
        assert "--general 0.05" in main_screen(pilot).query_one("#command").command  # type: ignore[attr-defined]
        await pilot.press("x")
        await until(pilot, lambda: captions(project) != first)
        await until(pilot, lambda: room.state.answer and not room.state.answer.changed)
        now = captions(project)
        assert sum(now[name] != first[name] for name in now) == foretold.changed
        tags = {name: set(text.split(", ")) for name, text in first.items()}
        gained = sum(len(set(text.split(", ")) - tags[name]) for name, text in now.items())
        assert gained == sum(shift.added for shift in foretold.appear)
        assert read_recipe(project)["tag"] == {"model": "demo", "general": 0.05}

    in_room(project, act)


def test_what_is_by_hand_stays_unless_asked(scored: Path) -> None:
    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        await until(pilot, lambda: room.state.answer)
        assert room.state.answer is not None
        assert (room.state.answer.captions, room.state.answer.kept) == (3, 1)
        assert "1 by hand stay" in said(room, "#tag-hint")
        await pilot.press("e")
        await until(pilot, lambda: room.state.answer and not room.state.answer.kept)
        # what stays was not looked at either
        assert (room.state.lacking, room.state.verb) == (1, "tag")
        await pilot.press("x")
        await until(pilot, lambda: "zumi" not in captions(scored)["[brackets] [b] 1"])
        await until(pilot, lambda: not room.desk.jobs.running and room.desk.reader.idle)
        assert not room.state.choices.get("touch_edited", False)
        assert "touch_edited" not in read_recipe(scored)["tag"]

    in_room(scored, act)


def test_a_threshold_is_pulled_with_the_mouse(scored: Path) -> None:
    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        await until(pilot, lambda: room.state.answer)
        slider = room.query_one("#tag-general", Slider)
        await pilot.click(slider, offset=(11, 0))
        await until(pilot, lambda: slider.threshold.value == 0.05)
        await pilot.mouse_down(slider, offset=(14, 0))
        await pilot.hover(slider, offset=(30, 0))
        await pilot.mouse_up(slider, offset=(30, 0))
        await until(pilot, lambda: (slider.threshold.value or 0) > 0.3)
        pulled = slider.threshold.value
        await pilot.hover(slider, offset=(20, 0))
        assert slider.threshold.value == pulled
        await pilot.press("d")
        await until(pilot, lambda: slider.threshold.value is None)
        await pilot.press("minus")
        await until(pilot, lambda: room.state.answer and room.state.answer.after == 0)
        assert slider.threshold.off

    in_room(scored, act, (120, 40))


def test_a_tag_shows_its_scores_and_its_pictures(scored: Path) -> None:
    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        await until(pilot, lambda: room.state.answer)
        await pilot.press("end")
        await until(pilot, lambda: room.state.answer and room.state.answer.vanish)
        vanishing = room.query_one("#tag-vanish", Lines)
        await pilot.press("tab", "tab")
        assert vanishing.has_focus
        await pilot.press("enter")
        spread = room.query_one("#tag-spread")
        await until(
            pilot, lambda: spread.display and vanishing.current in said(room, "#tag-spread")
        )
        assert room.state.answer is not None
        shift = next(s for s in room.state.answer.vanish if s.tag == vanishing.current)
        with Dataset.open(scored) as dataset:
            found = where(dataset, room.state.filter_for(shift, appears=False))
        assert len(found - {NAMES[0]}) == shift.removed
        await pilot.press("enter")
        assert not spread.display
        await pilot.press("v")
        await until(pilot, lambda: main_screen(pilot).room == "review")

    in_room(scored, act)


def test_fetching_is_asked_first(project: Path) -> None:
    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        assert room.state.missing
        for key in ("x", "f"):
            await pilot.press(key)
            await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
            assert "MB" in str(pilot.app.screen.query_one("#confirm-question").render())  # type: ignore[attr-defined]
            await pilot.press("escape")
            await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        assert not room.desk.jobs.running
        assert "tag" not in read_recipe(project)

    in_room(project, act)


def test_a_new_cut_asks_for_the_model_again(scored: Path) -> None:
    with Dataset.open(scored) as dataset:
        crop = encode_crop(Crop((0, 0, 64, 64), 64, 64))
        dataset.edit("cut", [dataset.decision_change(NAMES[1], "crop", crop)])

    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        await until(pilot, lambda: room.state.answer)
        assert room.state.chosen[0].stale == 1
        assert (room.state.verb, room.state.lacking) == ("tag", 1)
        await pilot.press("x")
        await until(pilot, lambda: room.state.verb == "retag" and room.state.answer)
        assert room.state.chosen[0].stale == 0

    in_room(scored, act)


def test_the_form_runs_what_x_would(scored: Path) -> None:
    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        await until(pilot, lambda: room.state.answer)
        first = captions(scored)
        await pilot.press("end", "s")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        assert "--general 1" in str(pilot.app.screen.query_one("#form-command").render())  # type: ignore[attr-defined]
        await pilot.press("escape", "s")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        await pilot.click("#run")
        await until(pilot, lambda: captions(scored) != first)
        await until(pilot, lambda: room.state.answer and not room.state.answer.changed)
        assert read_recipe(scored)["tag"]["general"] == 1.0

    in_room(scored, act)


def test_two_models_speak_together(scored: Path, tmp_path: Path) -> None:
    tagged(scored, model=str(write_tagger(tmp_path / "models" / "tiny")), scores_only=True)

    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        assert [one.scored for one in room.state.models.values()][:3] == [4, 3, 0]
        assert room.state.choices.models == ["tiny"]
        await until(pilot, lambda: room.state.answer)
        alone = room.state.answer
        await pilot.press("m")
        await until(pilot, lambda: room.query_one("#tag-models").has_focus)
        await pilot.press("j", "space")
        await until(pilot, lambda: set(room.state.choices.models) == {"tiny", "demo"})
        await until(pilot, lambda: room.state.answer and room.state.answer != alone)
        assert room.state.answer is not None
        assert alone is not None
        assert room.state.answer.after > alone.after
        foretold = room.state.answer.changed
        before = captions(scored)
        await pilot.press("x")
        await until(pilot, lambda: captions(scored) != before)
        await until(pilot, lambda: room.state.answer and not room.state.answer.changed)
        after = captions(scored)
        assert sum(after[name] != before[name] for name in before) == foretold

    in_room(scored, act)


def test_a_broken_recipe_is_said_and_choices_outlive_the_app(scored: Path) -> None:
    async def act(pilot: Pilot[None], room: TagRoom) -> None:
        await until(pilot, lambda: room.state.answer)
        await pilot.press("end", "c", "o")
        await until(pilot, lambda: room.state.choices.get("mcut", False))
        room.desk.memory.save()

    async def again(pilot: Pilot[None], room: TagRoom) -> None:
        await until(pilot, lambda: room.state.answer)
        kept = room.state.choices
        assert (kept.get("general", 0), kept.get("order", "")) == (1.0, "score")
        (scored / "dataprep.toml").write_text("[tag]\nno_such = 1\n")
        room.show(room.desk.project)
        await until(pilot, lambda: "no_such" in said(room, "#tag-summary"))

    in_room(scored, act)
    in_room(scored, again)


def test_choices_say_what_the_stages_are_given() -> None:
    choices = Choices(
        {"model": "a, b", "general": 0.4, "max_tags": 5}, {"max_tags": 7, "order": "score"}
    )
    choices.put("general", None)
    choices.put("max_tags", 5)
    choices.switch_category("meta")
    choices.switch("touch_edited")
    assert choices.models == ["a", "b"]
    defaults = {
        "model": (),
        "general": None,
        "max_tags": 0,
        "order": "model",
        "off": (),
        "mcut": False,
    }
    again = choices.values(defaults, again=True, whole=True)
    assert again == {
        "model": "a, b",
        "general": None,
        "max_tags": 5,
        "order": "model",
        "off": ["meta"],
    }
    assert choices.values(defaults, again=False, whole=True)["overwrite"]
    assert choices.kept() == {"general": None, "off": ["meta"], "model": "a, b"}
    choices.switch_category("meta")
    assert "off" not in choices.changed or choices.changed["off"] is None


def test_missing_captions_alone_are_written_until_something_is_moved() -> None:
    choices = Choices({"model": "demo"})
    assert choices.writes_all(0)
    assert not choices.writes_all(3)
    choices.put("general", 0.3)
    assert choices.writes_all(3)
    choices.whole = False
    assert not choices.writes_all(0)


@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=200),
    st.integers(1, 200),
    st.integers(1, 4),
)
def test_bars_leave_nothing_out(counts: list[int], columns: int, lines: int) -> None:
    if columns <= len(counts):
        assert sum(regrouped(counts, columns)) == sum(counts)
    drawn = bars(counts, columns, lines)
    assert [len(line) for line in drawn] == [columns] * lines
    heights = regrouped(counts, columns)
    assert [bar != " " for bar in drawn[-1]] == [height > 0 for height in heights]
