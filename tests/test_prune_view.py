"""What the room of pruning knows: checks as settings, and a preview that is what prune does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dataprep import concept
from dataprep.captions import split_tags, tag_key
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.journal import diff, inline
from dataprep.pruneview import Overview, forgetting, overview, preview, removed_without
from dataprep.pruning.choice import choice
from dataprep.pruning.patterns import all_meant, entries
from dataprep.report import Issue, Report, alike
from dataprep.settings import for_stage
from dataprep.stages import STAGES, prune, scan

CAPTIONS = {
    "a.png": "1girl, green hair, hat, smile",
    "b.png": "1girl, green hair, red eyes, sky",
    "c.png": "green hair, 1girl",
    "d.png": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return painted(tmp_path)


def painted(folder: Path) -> Path:
    for name, caption in CAPTIONS.items():
        Image.new("RGB", (16, 16)).save(folder / name)
        if caption:
            (folder / name).with_suffix(".txt").write_text(caption + "\n")
    with Dataset.open(folder) as dataset:
        finish(scan.refresh(dataset))
    return folder


def run(folder: Path, values: dict[str, Any], dry_run: bool = False) -> Report:
    model, function = STAGES["prune"].load()
    with Dataset.open(folder, dry_run=dry_run) as dataset:
        return finish(function(dataset, for_stage(model, "prune", folder, values)))


def seen(folder: Path, preset: Any = "character", named: str = "") -> Overview:
    with Dataset.open(folder) as dataset:
        return overview(dataset, preset, named)


def test_every_tag_is_listed_with_its_reason_and_nothing_is_written(folder: Path) -> None:
    shown = seen(folder)
    rows = {row.tag: row for row in shown.rows}
    assert rows.keys() == {"1girl", "green hair", "hat", "smile", "red eyes", "sky"}
    assert (rows["green hair"].captions, rows["green hair"].share) == (3, 1.0)
    assert rows["green hair"].suggested
    assert not rows["smile"].suggested
    assert rows["green hair"].reason.startswith("hair")
    assert rows["smile"].reason.startswith("stays")
    assert (folder / "a.txt").read_text() == CAPTIONS["a.png"] + "\n"


def test_of_a_concept_without_a_name_nothing_is_suggested(folder: Path) -> None:
    assert not any(row.suggested for row in seen(folder, "object").rows)
    assert [row.tag for row in seen(folder, "object", "hat").rows if row.suggested] == ["hat"]


def test_what_the_recipe_takes_and_keeps_is_said(folder: Path) -> None:
    (folder / "dataprep.toml").write_text(
        '[prune]\nremove = ["s*"]\nmore_than = "2"\nkeep = ["1girl"]\n[suggest]\nat_least = 1.0\n'
    )
    rows = {row.tag: row for row in seen(folder).rows}
    assert {tag for tag, row in rows.items() if row.suggested} == {"green hair", "smile", "sky"}
    assert rows["green hair"].reason == "recipe: in 3 of 3 captions, more than 2"
    assert rows["sky"].reason == "recipe: named: s*"


def test_a_wrong_recipe_is_a_sentence(folder: Path) -> None:
    (folder / "dataprep.toml").write_text("[prune]\nremoves = 3\n")
    with pytest.raises(UsageError, match="unknown setting 'removes'"):
        seen(folder)
    (folder / "dataprep.toml").unlink()
    shown = seen(folder)
    with Dataset.open(folder) as dataset, pytest.raises(UsageError, match="trigger: "):
        preview(dataset, shown, [], "a, b")


TAGS = sorted({tag for text in CAPTIONS.values() for tag in split_tags(text)})
patterns = st.lists(st.sampled_from([*TAGS, "s*", "*hair", "re:.*e", "gone", "* eyes"]), max_size=3)


@given(patterns, patterns, st.sets(st.sampled_from(TAGS)), st.sets(st.sampled_from(TAGS)))
def test_a_choice_takes_exactly_what_is_checked(
    remove: list[str], keep: list[str], ruled: set[str], checked: set[str]
) -> None:
    spelling = {tag_key(tag): tag for tag in TAGS}
    found = choice(remove, keep, spelling, ruled, checked)
    gone = {*all_meant(entries(found.remove), spelling), *ruled}
    assert gone - set(all_meant(entries(found.keep), spelling)) == checked
    # what is said already and agrees stays said, as it was
    again = choice(*found, spelling, ruled, checked)
    assert again == found
    assert "gone" not in remove or "gone" in found.remove


recipes = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.just("character"),
        "more_than": st.just("2"),
        "redundant": st.just(True),
        "keep": st.sampled_from([["smile"], ["* hair"]]),
        "remove": st.sampled_from([["hat"], ["s*"]]),
        "trigger": st.just("zumi"),
    },
)


@given(recipes, st.sets(st.sampled_from(TAGS)), st.sampled_from(["", "zumi", "hat"]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_preview_is_what_prune_does(
    folder: Path, recipe: dict[str, Any], checked: set[str], trigger: str
) -> None:
    import tomlkit

    (folder / "dataprep.toml").write_text(tomlkit.dumps({"prune": recipe}))
    shown = seen(folder)
    with Dataset.open(folder) as dataset:
        before = preview(dataset, shown, checked, trigger)
    values = shown.values(checked, trigger)
    if not any({**recipe, **values}.get(name) for name in (*prune.SAYING, "preset")):
        assert before.after == {}
        return
    report = run(folder, values, dry_run=True)
    made = {c.name: split_tags(c.after or "") for c in report.changes if c.kind == "caption"}
    assert made == before.after
    assert len({row["tag"] for row in report.facts["taken"]}) == before.tags
    taken = {tag_key(row["tag"]) for row in report.facts["taken"] if "others" not in row["reason"]}
    word = trigger or recipe.get("trigger", "")
    assert taken == {tag_key(tag) for tag in checked} - {tag_key(word)}


def test_captions_that_say_nothing_but_the_trigger_are_counted(folder: Path) -> None:
    shown = seen(folder)
    with Dataset.open(folder) as dataset:
        found = preview(dataset, shown, ["1girl", "green hair"], "zumi")
    assert (found.tags, len(found.after), found.emptied) == (2, 3, 1)
    assert found.after["c.png"] == ["zumi"]


def test_forgetting_does_nothing_else(folder: Path) -> None:
    run(folder, {"remove": ("hat", "smile"), "trigger": "zumi"})
    (folder / "dataprep.toml").write_text(
        '[prune]\nremove = ["hat", "sky", "1*"]\npreset = "style"\n'
    )
    report = run(folder, forgetting(["hat"]))
    assert [change.kind for change in report.changes] == ["decision"]
    with Dataset.open(folder) as dataset:
        assert concept.read(dataset.store) == concept.Concept("zumi", ("smile",))
    table = {"remove": "Hat, sky, 1*"}
    assert removed_without(table, ["hat"]) == ["sky", "1*"]
    assert removed_without(table, ["x"]) is None


words = st.lists(st.sampled_from("abcdef"), max_size=8)


@given(words, words)
def test_a_diff_in_one_row_holds_both_captions(old: list[str], new: list[str]) -> None:
    rows = inline(", ".join(old), ", ".join(new))
    assert [tag for sign, tag in rows if sign != "-"] == new
    found = diff(", ".join(old), ", ".join(new))
    for sign, tags in (("-", found.gone), ("+", found.new), ("~", found.moved)):
        assert sorted(tag for one, tag in rows if one == sign) == sorted(tags)
    stayed = [tag for sign, tag in rows if sign in " -"]
    moved = sorted(found.moved)
    assert sorted([*stayed, *moved]) == sorted(old)


def test_what_goes_stands_where_it_stood() -> None:
    assert inline("a, b, c", "z, a, c") == [("+", "z"), (" ", "a"), ("-", "b"), (" ", "c")]
    assert inline(None, "a") == [("+", "a")]
    assert inline("a", None) == [("-", "a")]


def test_issues_alike_are_one() -> None:
    issues = [Issue(f"{n}.png", "k", "same") for n in range(3)]
    found = alike([*issues, Issue("", "k", "other", fatal=False), Issue("3.png", "k", "same")])
    assert [(one.fatal, one.reason, len(one.files)) for one in found] == [
        (True, "same", 4),
        (False, "other", 1),
    ]
