"""What other thresholds would give is what retag then writes, in every number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.candidates import candidates
from dataprep.captions import join_tags, prune, split_tags
from dataprep.concept import Concept
from dataprep.dataset import Dataset
from dataprep.jobs import finish
from dataprep.remembered import find
from dataprep.settings import build
from dataprep.stages import retag
from dataprep.store import Scores
from dataprep.taggers.choice import SINGLE, WRITTEN, Choice, Rules, Voice
from dataprep.tagquery import parse
from dataprep.vocabulary import Category, Entry
from dataprep.whatif import Answer, Caption, WhatIf, Wish, look
from dataprep.whatif.answer import counted
from dataprep.whatif.filters import affected
from tests.test_stage_retag import captions, folder, model, retagged, tagged

__all__ = ["folder", "model"]
ENTRIES = [
    Entry("1girl", "general"),
    Entry("long_hair", "general"),
    Entry("^_^", "general"),
    Entry("zumi_(original)", "character"),
    Entry("red_eyes", "general"),
    Entry("hatsune_miku", "character"),
    Entry("vocaloid", "copyright"),
    Entry("someone", "artist"),
    Entry("safe", "rating"),
    Entry("explicit", "rating"),
    Entry("best_quality", "quality"),
]
OWN: dict[Category, float] = {"general": 0.35, "character": 0.6}
TEXTS = ["1girl", "long hair", "long_hair", "^_^", "zumi \\(original\\)", "zumi", "zumi (original)"]
TEXTS += ["by hand", "safe", "explicit", "|||", "vocaloid", "Red Eyes", "best quality"]

fractions = st.sampled_from([0.05, 0.1, 0.2, 0.35, 0.36, 0.5, 0.6, 0.61, 0.9, 1.0])
rules = st.builds(
    Rules,
    thresholds=st.dictionaries(
        st.sampled_from(["general", "character", "copyright", "artist"]), fractions
    ),
    categories=st.sets(st.sampled_from([*WRITTEN, *SINGLE])).map(sorted),
    mcut=st.booleans(),
    max_tags=st.sampled_from([0, 0, 1, 2, 4]),
    order=st.sampled_from(["model", "score", "category"]),
    undesired=st.sampled_from([(), ("long hair",), ("*hair", "zumi*")]),
    underscores=st.booleans(),
    escape=st.booleans(),
)


@st.composite
def scores(draw: st.DrawFn) -> Scores | None:
    found = draw(st.dictionaries(st.integers(0, len(ENTRIES) - 1), fractions))
    if draw(st.integers(0, 9)) == 0:
        return None
    ids = np.array(sorted(found), np.uint32)
    return Scores(ids, np.array([found[place] for place in sorted(found)], np.float16))


@st.composite
def captions_of(draw: st.DrawFn) -> Caption:
    tags = draw(st.lists(st.sampled_from(TEXTS), max_size=5))
    if not tags and draw(st.booleans()):
        return Caption()
    text = join_tags(tags) + "\n"
    return Caption("", split_tags(text), text, draw(st.booleans()))


wishes = st.builds(
    Wish,
    rules=rules,
    mode=st.sampled_from(["overwrite", "overwrite", "skip"]),
    touch_edited=st.booleans(),
    concept=st.builds(
        Concept,
        trigger=st.sampled_from(["", "zumi", "long_hair", "by hand"]),
        pruned=st.sampled_from([(), ("long hair", "red_eyes"), ("by hand", "safe")]),
    ),
)


def same(answer: Answer, other: Answer) -> None:
    """Equal in all but the last digit of a mean."""
    for one in ("before", "after"):
        assert getattr(answer, one) == pytest.approx(getattr(other, one))
    assert answer.each == pytest.approx(other.each)
    for left, right in ((answer.appear, other.appear), (answer.vanish, other.vanish)):
        assert [shift[:5] for shift in left] == [shift[:5] for shift in right]
        assert [s.gained for s in left] == pytest.approx([s.gained for s in right])
        assert [s.lost for s in left] == pytest.approx([s.lost for s in right])
    plain = {"before": 0, "after": 0, "each": {}, "appear": (), "vanish": ()}
    assert replace(answer, **plain) == replace(other, **plain)


def rewritten(row: Scores | None, caption: Caption, wish: Wish, how: str) -> Caption:
    """A caption that is what is wished for, or nearly."""
    if row is None or how == "as it is":
        return caption
    tags = Choice([Voice(ENTRIES, OWN)], wish.rules).tags([row])
    tags = prune(tags, wish.concept.pruned, wish.concept.trigger)
    if how == "turned":
        tags = tags[::-1]
    if how == "spelled otherwise":
        tags = [tag.upper() for tag in tags]
    text = join_tags(tags) + "\n"
    return Caption("", split_tags(text), text, caption.by_hand)


hows = st.sampled_from(["as it is", "wished for", "turned", "spelled otherwise"])


@settings(deadline=None, max_examples=400)
@given(
    st.lists(st.tuples(scores(), captions_of(), hows), max_size=6),
    wishes,
    st.one_of(st.none(), rules),
    st.booleans(),
)
def test_the_quick_way_counts_as_caption_by_caption(
    pictures: list[tuple[Scores | None, Caption, str]],
    wish: Wish,
    other: Rules | None,
    alike: bool,
) -> None:
    voices = [Voice(ENTRIES, OWN)]
    rows = [[row] for row, _, _ in pictures]
    known = [rewritten(row, caption, wish, how) for row, caption, how in pictures]
    against = None
    if other is not None:
        if alike:
            kept = wish.rules
            other = replace(
                other, order=kept.order, underscores=kept.underscores, escape=kept.escape
            )
        against = replace(wish, rules=other)
    index = WhatIf(voices, rows, known, wish.concept)
    if against is None or alike:
        assert index.is_instant(wish, against)
    for _ in range(2):  # what is remembered of the first must not spoil the second
        same(index.answer(wish, against), counted(voices, rows, known, wish, against))


def asked(folder: Path, **values: Any) -> tuple[Answer, bool]:
    """The answer for a real folder, and whether it came the quick way."""
    with Dataset.open(folder) as dataset:
        chosen = build(retag.Settings, values, "test")
        taggers = [
            row for row in dataset.store.taggers() if not chosen.model or row.name in chosen.model
        ]
        index = look(dataset, taggers, chosen)
        wish = Wish.of(dataset, chosen)
        return index.answer(wish), index.is_instant(wish)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"general": 0.05, "character": 0.05},
        {"general": 0.6, "rating": True, "order": "score", "max_tags": 3},
        {"mcut": True, "underscores": True, "touch_edited": True},
        {"off": ("general",), "where": "name:[0-2].png"},
        {"append": True, "general": 0.1},
    ],
)
def test_it_says_what_retag_then_writes(folder: Path, model: Path, values: dict[str, Any]) -> None:
    tagged(folder, model, general=0.3)
    (folder / "2.txt").write_text("by hand, 1girl\n")
    (folder / "3.txt").write_text("1girl,  long hair, kept by nobody\n")
    before = [split_tags(text) for text in captions(folder)]
    answer, instant = asked(folder, **values)
    assert instant == ("append" not in values)
    report = retagged(folder, **values)
    assert answer.changed == report.done
    assert answer.captions == report.done + report.unchanged
    after = [split_tags(text) for text in captions(folder)]
    gained = sum(len(set(new) - set(old)) for old, new in zip(before, after, strict=True))
    lost = sum(len(set(old) - set(new)) for old, new in zip(before, after, strict=True))
    if not values.get("underscores"):
        assert sum(shift.added for shift in answer.appear) == gained
        assert sum(shift.removed for shift in answer.vanish) == lost
    again, _ = asked(folder, **values)
    assert (again.changed, again.appear, again.vanish) == (0, (), ())


def test_taggers_are_found_by_what_they_are_called_for(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAPREP_MODELS", str(model.parent))
    monkeypatch.setenv("HF_HUB_CACHE", str(model.parent / "hub"))
    tagged(folder, model)
    tagged(folder, Path("demo"), scores_only=True)
    (folder / "0.png").unlink()
    with Dataset.open(folder) as dataset:
        rows = dataset.store.taggers()
        assert find(rows, "demo").name == "demo-tagger"
        assert find(rows, str(model)).name == "tiny"
        finish(retag.run(dataset, build(retag.Settings, {"model": "demo"}, "test")))
        known = {one.name: one for one in candidates(dataset, [str(model), "nobody/nothing"])}
    assert [(one.scored, one.pictures, one.is_here) for one in known.values()][:2] == [
        (4, 4, True)
    ] * 2
    assert "demo-tagger" not in known
    assert known[str(model)].categories == ("general", "character")
    assert not known["nobody/nothing"].is_here
    fetched = known["wd-vit-tagger-v3"]
    assert fetched.thresholds["general"] == 0.2614
    assert any("model.onnx" in line for line in fetched.how_to_place)


plain_tags = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@given(plain_tags, st.booleans())
def test_filters_for_a_tag_can_be_read(tag: str, appears: bool) -> None:
    for threshold in (None, 0.35):
        text = affected(tag, appears=appears, threshold=threshold, tagger="a b")
        terms = list(parse(text).terms())
        assert len(terms) == (1 if threshold is None else 2)
