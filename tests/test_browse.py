"""Leafing through a project: filters as they are typed, orders, problems, what is known of one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.browse import Browser
from dataprep.captions import tag_key
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.stages import STAGES
from dataprep.tagquery import parse
from dataprep.tagquery.errors import FilterError
from dataprep.tagquery.loose import Letters, loosely
from tests.test_tui_folder import BROKEN, NAMES, paint_project
from tui.state import Project, Row, load


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Dataset]:
    root = paint_project(tmp_path / "zumi")
    with Dataset.open(root) as dataset:
        scan(dataset)
        yield dataset


def scan(dataset: Dataset) -> None:
    model, run = STAGES["scan"].load()
    finish(run(dataset, model()))


def browser_of(dataset: Dataset) -> tuple[Browser, Project]:
    browser, project = Browser(dataset), load(dataset)
    browser.update(project.rows)
    return browser, project


def test_all_pictures_in_every_order(dataset: Dataset) -> None:
    browser, project = browser_of(dataset)
    names = sorted([*NAMES, BROKEN])
    assert list(browser.listing("", "name").names) == names
    assert list(browser.listing(" ", "size").names) == [
        BROKEN, NAMES[0], "portrait.jpg", "square.png", "lake.png"
    ]  # fmt: skip
    assert browser.listing("", "tags").names[-1] == "lake.png"
    kept = replace(project.rows["lake.png"], decisions=Decisions(verdict="keep"))
    gone = replace(project.rows[NAMES[0]], decisions=Decisions(verdict="reject"))
    browser.update({**project.rows, kept.name: kept, gone.name: gone})
    assert browser.listing("", "verdict").names[-2:] == ("lake.png", NAMES[0])
    assert set(browser.listing("", "date").names) == set(names)


@pytest.mark.parametrize(
    ("text", "names", "letters"),
    [
        ("lake", ["lake.png"], ()),
        ("LAK", ["lake.png"], ("LAK",)),
        ("hor", [NAMES[0]], ("hor",)),
        ("scarf", ["portrait.jpg"], ("scarf",)),
        ("zumi AND NOT ake", [NAMES[0], "portrait.jpg"], ("ake",)),
        ("tag:scarf", [], ()),
        ("scar*", [], ()),
        ("untagged", [BROKEN, "square.png"], ()),
        # no filter at all, but letters of a name or caption
        ("zumi, lake", ["lake.png"], ("zumi, lake",)),
        ("[b] 1", [NAMES[0]], ("[b]", "1")),
        ("size<70", [NAMES[0], "portrait.jpg"], ()),
    ],
)
def test_filters_as_they_are_typed(
    dataset: Dataset, text: str, names: list[str], letters: tuple[str, ...]
) -> None:
    browser, _project = browser_of(dataset)
    listing = browser.listing(text, "name")
    assert sorted(listing.names) == sorted(names)
    assert listing.letters == letters


@pytest.mark.parametrize("text", ["size<", "(lake", "issue:nonsense", "score:hat>0.5", "tag:"])
def test_what_says_nothing_is_complained_of(dataset: Dataset, text: str) -> None:
    browser, _project = browser_of(dataset)
    with pytest.raises(UsageError):
        browser.listing(text, "name")


def test_what_has_changed_is_seen_and_the_rest_kept(dataset: Dataset) -> None:
    browser, project = browser_of(dataset)
    assert browser.listing("boat", "name").names == ("lake.png",)
    square = replace(project.rows["square.png"], caption="boat, sail")
    browser.update({**project.rows, "square.png": square})
    assert browser.listing("boat", "name").names == ("lake.png", "square.png")
    assert browser.listing("sail", "name").letters == ()
    assert browser.problems() == {BROKEN: "unreadable"}
    browser.update({"square.png": square})
    assert browser.listing("boat", "name").names == ("square.png",)


def test_problems_are_named_but_not_of_what_is_rejected(dataset: Dataset) -> None:
    browser, project = browser_of(dataset)
    assert browser.problems() == {BROKEN: "unreadable", "square.png": "untagged"}
    long = replace(project.rows["lake.png"], caption=", ".join(f"tag {n}" for n in range(150)))
    gone = replace(project.rows["square.png"], decisions=Decisions(verdict="reject"))
    browser.update({**project.rows, "lake.png": long, "square.png": gone})
    assert browser.problems() == {BROKEN: "unreadable", "lake.png": "long"}


def test_a_finding_is_looked_for_first(dataset: Dataset) -> None:
    browser, project = browser_of(dataset)
    listing = browser.listing("issue:too-small", "name")
    assert (listing.names, listing.unseen) == ((), "too-small")
    model, run = STAGES["check"].load()
    finish(run(dataset.root, model(only="too-small")))
    listing = browser.listing("issue:too-small", "name")
    assert set(listing.names) == set(NAMES)
    assert not listing.unseen
    # of captions nothing has to be looked at
    assert not Browser(dataset).listing("issue:empty-caption", "name").unseen
    # who goes through what was found and rejects it does not lose it under the cursor
    gone = replace(project.rows["lake.png"], decisions=Decisions(verdict="reject"))
    browser.update({**project.rows, gone.name: gone})
    assert gone.name in browser.listing("issue:too-small", "name").names


def test_scores_and_tokens_of_one(dataset: Dataset) -> None:
    browser, _project = browser_of(dataset)
    details = browser.details("lake.png")
    assert details.scores == {}
    least, most = details.count("zumi, lake, boat")
    assert 5 <= least <= most
    model, run = STAGES["tag"].load()
    finish(run(dataset, model(model="demo")))
    dataset.caption_path("square.png").write_text("zumi, 1girl, green_hair, no such tag")
    browser, _project = browser_of(dataset)
    details = browser.details("square.png")
    # a tag that the tagger does not know has no score
    assert details.scores.keys() == {"1girl", "green hair"}
    assert all(0 <= score <= 1 for score in details.scores.values())
    assert details.doubtful <= details.scores.keys()
    assert browser.details("no such.png").scores == {}


@dataclass
class Told:
    """A picture with a name and a caption; nothing else is asked of it here."""

    name: str
    text: str

    @property
    def tags(self) -> list[str]:
        return [tag.strip() for tag in self.text.split(",") if tag.strip()]

    @property
    def keys(self) -> set[str]:
        return set(map(tag_key, self.tags))


words = st.text("abcxyz_[].", min_size=1, max_size=6)


@given(words, st.lists(words, max_size=4), words)
def test_a_bare_word_is_a_tag_or_letters(word: str, tags: list[str], name: str) -> None:
    subject = Told(f"{name}.png", ", ".join(tags))
    try:
        query, letters = loosely(word, lambda key: key in subject.keys)
    except FilterError:
        return
    if tag_key(word) in subject.keys:
        assert not letters
        assert query.holds(subject)  # type: ignore[arg-type]
    elif letters:
        assert letters == (word,)
        inside = word in subject.name or word in subject.text
        assert query.holds(subject) == inside  # type: ignore[arg-type]


def test_a_loose_filter_keeps_its_shape() -> None:
    query, letters = loosely('(aa OR NOT bb) tag:cc "dd" tag:re:e', lambda key: key == "bb")
    assert letters == ("aa", "dd")
    assert str(query) == f'({Letters("aa")} OR NOT tag:"bb") AND tag:"cc" AND "dd" AND tag:re:"e"'
    assert str(parse("bb")) == str(loosely("bb", lambda key: True)[0])


def test_rows_are_items() -> None:
    # what the screens hold is what a browser takes
    assert {"picture", "caption", "decisions", "problem"} <= set(Row.__slots__)
