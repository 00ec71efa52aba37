"""What a person sees of changes: few words, the right colours, and nothing read as markup."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.cli.show import SHOWN, coloured, issue_lines, show_changes, show_report
from dataprep.journal import Change, diff, diff_lines, tally
from dataprep.report import Issue, Report

Streams = pytest.CaptureFixture[str]


def caption(before: str | None, after: str | None, name: str = "a.png") -> Change:
    return Change("caption", name, "", before, after)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("1girl, hat", "zumi, 1girl\n", ["  - hat", "  + zumi"]),
        ("a, b, c, d", "d, a, b, c", ["  ~ d"]),
        ("a, b, c", "c, x, a", ["  - b", "  + x", "  ~ c"]),
        ("a,  b\r\n", "a, b\n", ["  ~ only spacing or line ends"]),
        ("a, a, b", "a, b", ["  - a"]),
        ("Long_Hair", "long hair", ["  - Long_Hair", "  + long hair"]),
        ("\ufeff花, 帽子", "帽子, 猫\n", ["  - 花", "  + 猫"]),
        (None, "[red]x[/red]\n", ["  + [red]x[/red]"]),
        ("a ||| b ||| c", "b ||| a ||| c", ["  ~ b, |||"]),
    ],
)
def test_a_diff_names_what_goes_comes_and_moves(
    before: str | None, after: str, lines: list[str]
) -> None:
    assert diff_lines(caption(before, after)) == ["a.png:", *lines]


def test_a_decision_of_the_project_says_only_what_is_new() -> None:
    before, after = '{"pruned":["hat"],"trigger":""}', '{"pruned":["hat","cap"],"trigger":"zumi"}'
    assert diff_lines(Change("decision", "", "concept", before, after)) == [
        "concept, pruned: hat → hat, cap",
        "concept, trigger: - → zumi",
    ]
    crop = Change("decision", "a.png", "crop", None, '{"box":1}')
    assert diff_lines(crop) == ['a.png crop: - → {"box":1}']


tag_lists = st.lists(st.sampled_from("abcdefgh"), max_size=10)


@given(tag_lists, tag_lists)
def test_a_diff_accounts_for_every_tag(before: list[str], after: list[str]) -> None:
    found = diff(", ".join(before), ", ".join(after))
    left, right = Counter(before), Counter(after)
    assert Counter(found.gone) == left - right
    assert Counter(found.new) == right - left
    assert (found == diff("", "")) == (before == after)


@given(tag_lists)
def test_what_did_not_move_kept_its_order(tags: list[str]) -> None:
    before = sorted(set(tags))
    after = list(dict.fromkeys(tags))
    moved = set(diff(", ".join(before), ", ".join(after)).moved)
    assert [tag for tag in after if tag not in moved] == [t for t in before if t not in moved]


def test_counts_in_words() -> None:
    rows = [caption("a, b", "a, x"), caption("b, c", "x"), caption("a, b", "b, a")]
    assert str(tally(rows)) == "3 captions change, 2 tags go (3 times), 1 comes (2 times)"
    assert str(tally(rows[2:])) == "1 caption changes, only order, spacing or repeats"
    assert str(tally([caption(None, "a, b")])) == "1 caption changes, 2 tags come (2 times)"
    decided = Change("decision", "", "concept", None, "{}")
    assert str(tally([decided])) == "1 decision changes"
    assert tally(rows).to_json() == {"captions": 3, "gone": {"b": 2, "c": 1}, "new": {"x": 2}}


def test_colours_say_what_the_signs_say() -> None:
    lines = coloured(caption("hat, a, b, \x1b[2Jx", "b, a, [red]", "[blue].png"))
    assert [line.plain for line in lines] == [
        "[blue].png:",
        "  - hat, \N{REPLACEMENT CHARACTER}[2Jx",
        "  + [red]",
        "  ~ b",
    ]
    assert [str(line.spans[-1].style) for line in lines[1:]] == ["red strike", "green", "yellow"]


def test_many_changes_are_cut_short_and_counted(capsys: Streams) -> None:
    rows = tuple(caption("a", "b", f"{number}.png") for number in range(SHOWN + 7))
    show_report(Report("prune", changes=rows, dry_run=True, lines=("pruned",)))
    out = capsys.readouterr().out
    assert out.count("  + b\n") == SHOWN
    assert out.endswith(
        "… and 7 more; --json has all\npruned\n"
        "207 captions change, 1 tag goes (207 times), 1 comes (207 times)\n"
        "dry run: nothing was written\n"
    )


def test_a_pipe_gets_plain_text(capsys: Streams) -> None:
    show_changes([caption("hat", "[bold]花", "夏[1].png")])
    assert capsys.readouterr().out == "夏[1].png:\n  - hat\n  + [bold]花\n"


def on_a_terminal(folder: Path, **variables: str) -> str:
    """What a dry run writes to a terminal."""
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "40", **variables}
    command = [sys.executable, "-m", "dataprep", "replace", str(folder), "hat", "[red]cap"]
    with subprocess.Popen(
        [*command, "--dry-run"], stdout=slave, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        os.close(slave)
        parts = []
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break  # how Linux says that the other end was closed
            if not part:
                break
            parts.append(part)
        assert process.wait() == 0
    os.close(master)
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path) -> None:
    name = "a very long name of a picture that goes beyond the edge [1].png"
    Image.new("RGB", (64, 64)).save(tmp_path / name)
    (tmp_path / name).with_suffix(".txt").write_text("hat, cat")
    plain = f"{name}:\n  - hat\n  + [red]cap\n"
    end = "1 caption changes, 1 tag goes (1 time), 1 comes (1 time)\ndry run: nothing was written\n"
    assert on_a_terminal(tmp_path, NO_COLOR="1") == plain + end
    shown = on_a_terminal(tmp_path, NO_COLOR="")
    assert "\x1b[9;31mhat\x1b[0m" in shown
    assert "\x1b[32m[red]cap\x1b[0m" in shown


def test_the_same_of_many_files_is_said_once() -> None:
    many = [Issue(f"{number:02}.png", "no tags", "no score", fatal=False) for number in range(13)]
    one = Issue("x.png", "unreadable", "truncated")
    report = Report("tag", issues=(many[0], one, *many[1:]))
    assert issue_lines(report) == [
        "note: 13 pictures (00.png, 01.png, 02.png, 03.png, …): no score; --json has all",
        "skipped: x.png: truncated",
    ]
    few = Report("tag", issues=(*many[:2], Issue("", "no scores", "3 without", fatal=False)))
    assert issue_lines(few) == [
        "note: 00.png: no score",
        "note: 01.png: no score",
        "note: 3 without",
    ]
