"""`suggest`: the ranking by itself, and over a folder with and without scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.captions import tag_key
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.pruning.census import census
from dataprep.pruning.suggest import Evidence, Steadiness, rank
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import prune, suggest
from tests.test_prune import caption, folder, history, pruned, scored

__all__ = ["folder"]

NOTHING = Evidence({}, {}, {})
captions = st.lists(
    st.lists(st.sampled_from(["hat", "1girl", "green hair", "smile", "sketch", "x", "^_^"])),
    min_size=1, max_size=8,
)  # fmt: skip
presets = st.sampled_from(["character", "style", "concept", "object"])


def score(preset: Any, tags: list[list[str]], key: str, evidence: Evidence = NOTHING) -> float:
    return next(one.score for one in rank(preset, census(tags), evidence) if one.key == key)


@given(captions, presets, st.floats(1e-9, 0.999), st.floats(0, 0.5))
def test_every_tag_has_a_score_and_one_line(
    tags: list[list[str]], preset: Any, prior: float, spread: float
) -> None:
    keys = {tag_key(tag) for caption in tags for tag in caption}
    evidence = Evidence(
        {}, dict.fromkeys(keys, prior), dict.fromkeys(keys, Steadiness(0.5, spread))
    )
    found = rank(preset, census(tags), evidence, "Hat")
    assert {one.key for one in found} == keys
    assert all(0 <= one.score <= 1 and "\n" not in one.reason for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@given(st.integers(1, 9), st.integers(1, 9), presets)
def test_what_is_more_frequent_is_no_less_likely(few: int, more: int, preset: Any) -> None:
    few, more = sorted((few, more))
    both = [["green hair"] * (n < few) + ["red hair"] * (n < more) for n in range(10)]
    assert score(preset, both, "green hair") <= score(preset, both, "red hair")


def test_what_is_rare_elsewhere_and_steady_is_likelier() -> None:
    tags = [["green hair"], ["green hair"], ["x"]]
    plain = score("character", tags, "green hair")
    rare = score("character", tags, "green hair", Evidence({}, {"green hair": 0.001}, {}))
    common = score("character", tags, "green hair", Evidence({}, {"green hair": 0.9}, {}))
    assert common < plain < rare
    steady, shaky = (
        score("character", tags, "green hair", Evidence({}, {}, {"green hair": Steadiness(0.7, s)}))
        for s in (0.05, 0.45)
    )
    assert shaky < plain < steady


def test_what_should_stay_is_never_suggested_even_on_all_pictures() -> None:
    tags = [["1girl", "solo", "smile", "white background", "green hair"]] * 500
    found = {one.key: one for one in rank("character", census(tags), NOTHING)}
    assert [key for key, one in found.items() if one.score >= 0.5] == ["green hair"]
    assert found["smile"].reason == "in 500 of 500 captions; stays: expression"


def test_each_preset_suggests_its_own() -> None:
    tags = [["green hair", "sketch", "miku", "somebody", "hat", "long hat"]] * 20
    known = Evidence({"miku": "character", "somebody": "artist"}, {}, {})

    def best(preset: Any) -> set[str]:
        found = rank(preset, census(tags), known, "Hat" if preset == "concept" else "")
        return {one.key for one in found if one.score >= 0.9}

    assert best("character") == {"green hair", "miku", "hat", "long hat"}
    assert best("style") == {"sketch", "somebody"}
    assert best("concept") == {"hat", "long hat"}


def run(root: Path, dry_run: bool = False, **values: Any) -> Report:
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(suggest.run(dataset, build(suggest.Settings, values, "test")))


def test_without_scores_it_says_so_and_writes_nothing(folder: Path) -> None:
    report = run(folder, top=2)
    assert report.changes == ()
    assert [row["tag"] for row in report.facts["suggestions"]] == ["green hair", "blue eyes"]
    assert any("only frequency and word lists count" in line for line in report.lines)
    assert history(folder) == []


def test_scores_bring_priors_steadiness_and_categories(folder: Path) -> None:
    scored(folder)
    rows = {row["tag"]: row for row in run(folder, top=0).facts["suggestions"]}
    assert rows["zumi_(sample)"]["reason"].endswith("a name: character")
    # in 4 of 4 captions, of which the tagger saw 30 in 900 of its own
    assert "29.5× as often as where the tagger learned" in rows["green hair"]["reason"]
    assert "scores 0.83 ± 0.05" in rows["green hair"]["reason"]
    assert "scores" not in rows["Long_Hair"]["reason"]


def test_apply_is_what_prune_would_do(folder: Path) -> None:
    chosen = [row["tag"] for row in run(folder, top=0).facts["suggestions"] if row["suggested"]]
    run(folder, apply=True)
    by_suggest = {name: caption(folder, name) for name in "abcd"}, pruned(folder), history(folder)
    assert by_suggest[1] == tuple(chosen)
    assert "green hair" in chosen
    with Dataset.open(folder) as dataset:
        dataset.undo()
        finish(prune.run(dataset, prune.Settings(remove=tuple(chosen))))
    by_prune = {name: caption(folder, name) for name in "abcd"}, pruned(folder), history(folder)
    assert by_suggest == by_prune


def test_apply_in_a_dry_run_and_keep(folder: Path) -> None:
    report = run(folder, dry_run=True, apply=True, at_least=0, keep=("green hair",))
    assert all("green hair" in str(change.after) for change in report.changes if change.name)
    assert caption(folder, "d") == "2girls, green hair, red hair, standing"


def test_without_captions_it_says_what_to_do(folder: Path) -> None:
    for path in folder.glob("*.txt"):
        path.unlink()
    assert "none of these pictures has a caption" in run(folder).lines[0]


def test_a_concept_needs_its_name() -> None:
    with pytest.raises(UsageError, match="go together"):
        build(suggest.Settings, {"preset": "concept"}, "test")
