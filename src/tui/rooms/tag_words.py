"""What the Tag room says: sentences out of what is known. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from tui.rooms.tag_choices import Choices
from tui.widgets.histogram import bars
from tui.widgets.lines import Cell, Column
from tui.widgets.model_list import ModelLine
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.candidates import Candidate
    from dataprep.whatif import Answer, Shift

ARROW = " → "
DOT = " · "


def columns(title: str) -> list[Column]:
    """Of a list of tags."""
    return [Column(title), Column(N_("captions"), 8, "right"), Column(N_("score"), 5, "right")]


def cells(shift: Shift, *, appears: bool) -> Sequence[Cell]:
    """A tag that appears or vanishes: in how many captions, and how sure the model is of it.

    Bold is what no caption had, or none would have any more.
    """
    number, score = (shift.added, shift.gained) if appears else (shift.removed, shift.lost)
    wholly = not shift.before if appears else not shift.after
    counted = f"+{number}" if appears else f"−{number}"
    said = Text(f"{score:.2f}" if score else "–", "" if score else "dim")
    return Text(shift.tag, "bold" if wholly else ""), counted, said


def model_line(one: Candidate) -> ModelLine:
    """A tagger as the list shows it."""
    return ModelLine(one.name, one.place, one.megabytes, one.scored, one.pictures, one.stale)


def summary(answer: Answer, *, compared: bool) -> Content:
    """How many captions change, and what they come to."""
    if not answer.captions:
        text = _("no caption would be written") + (DOT + _kept(answer) if answer.kept else "")
        return Content.styled(text, "$text-muted")
    changed = _("{n} of {total} captions change").format(n=answer.changed, total=answer.captions)
    if not answer.changed:
        changed = n_("the caption stays", "none of {n} captions changes", answer.captions)
    tags = f"{answer.before:.1f}{ARROW}{answer.after:.1f}"
    more = []
    if compared:
        more.append(_("against the model's own"))
    if answer.empty:
        more.append(n_("{n} without a tag", "{n} without a tag", answer.empty))
    if answer.kept and not compared:
        more.append(_kept(answer))
    return Content.assemble(
        (_("{tags} tags a caption").format(tags=tags), "bold"),
        ", ",
        (changed, "$text-accent" if answer.changed else "$text-muted"),
        *((DOT + text, "$text-muted") for text in more),
    )


def _kept(answer: Answer) -> str:
    return n_("{n} stays as it is", "{n} stay as they are", answer.kept)


def options(choices: Choices, *, whole: bool, by_hand: int) -> Content:
    """The switches with their keys, those that are on in bold."""
    touched = bool(choices.get("touch_edited", False))
    order = {"score": _("score"), "category": _("category")}
    parts = [
        ("w", _("all captions") if whole else _("only missing ones"), not whole),
        ("c", _("MCut"), bool(choices.get("mcut", False))),
        ("o", _("order: {how}").format(how=order.get(choices.get("order", ""), _("model"))),
         choices.get("order", "model") != "model"),
        ("_", "a_b" if choices.get("underscores", False) else "a b",
         bool(choices.get("underscores", False))),
        ("R", _("rating"), bool(choices.get("rating", False))),
    ]  # fmt: skip
    if by_hand:
        text = _("{n} by hand too") if touched else _("{n} by hand stay")
        parts.insert(1, ("e", text.format(n=by_hand), touched))
    found: list[Content | str] = []
    for key, text, on in parts:
        style = "bold $text-accent" if on else "$text-muted"
        found.append(Content.assemble((f"{key} ", "$primary"), (text, style), "  "))
    if most := choices.get("max_tags", 0):
        found.append(Content.styled(_("at most {n}").format(n=most), "bold $text-accent"))
    return Content.assemble(*found)


def what_x_does(verb: str, chosen: Sequence[Candidate], lacking: int, *, whole: bool) -> Content:
    """What pressing x would do, and why."""
    if not chosen:
        return Content.styled(_("choose a model: m"), "$text-muted")
    names = ", ".join(one.name for one in chosen)
    if verb == "retag":
        text = _("writes captions from the remembered scores; no model runs")
    else:
        parts = []
        if any(not one.is_here for one in chosen):
            parts.append(_("fetches {model}").format(model=names))
        if lacking:
            parts.append(n_("scores {n} picture", "scores {n} pictures", lacking))
        missing = _("writes the captions that are missing")
        parts.append(_("writes captions") if whole else missing)
        text = ", ".join(parts)
    return Content.assemble(("x ", "bold $primary"), text)


def settled(answer: Answer, columns: int) -> Content:
    """What stands where tags would be listed while none comes or goes: how many captions have."""
    lines: list[Content | str | tuple[str, str]] = [
        (_("← → move a threshold; tags that appear or vanish are listed here."), "$text-muted"),
        "\n\n",
    ]
    if answer.captions:
        most = len(answer.sizes) - 1
        width = min(columns, 3 * (most + 1))
        lines.append(_("Captions by their number of tags:") + "\n")
        for line in bars(answer.sizes, width, 4, logarithmic=False):
            lines += [(line, "$primary"), "\n"]
        lines.append(("0" + str(most).rjust(width - 1), "$text-muted"))
    return Content.assemble(*lines)


def guide(chosen: Sequence[Candidate]) -> Content:
    """What stands where tags would be listed while the model has said nothing yet."""
    lines: list[Content | str | tuple[str, str]] = []
    for one in chosen:
        lines += _about(one)
    if not chosen:
        lines.append(_("There is no model of that name."))
    return Content.assemble(*lines)


def _about(one: Candidate) -> list[Content | str | tuple[str, str]]:
    """What is to be known of a tagger that has not scored."""
    lines: list[Content | str | tuple[str, str]] = []
    if one.stale:
        changed = n_(
            "{n} picture was scored as it is not cut any more.",
            "{n} pictures were scored as they are not cut any more.",
            one.stale,
        )
        lines += [(changed, "$text-warning"), "\n"]
    elif not one.scored:
        lines += [_("{model} has not seen these pictures yet.").format(model=one.name), "\n"]
    if one.is_here:
        said = _(
            "x lets it look at every picture once. Its scores are remembered: from then on "
            "thresholds are moved here and captions follow at once, without the model."
        )
        return [*lines, (said, "$text-muted"), "\n"]
    size = _(" ({n} MB)").format(n=one.megabytes) if one.megabytes else ""
    lines += [_("It is not on this machine; x or f fetches it{size}.").format(size=size), "\n"]
    if one.how_to_place:
        lines += ["\n", (_("By hand, without network:"), "bold"), "\n"]
        lines += [("\n".join(one.how_to_place), "$text-muted"), "\n"]
    lines += ["\n", (_('"demo" is always here; it knows the world of the sample.'), "$text-muted")]
    return lines


def to_fetch(missing: Sequence[Candidate]) -> str:
    """The question before models are fetched."""
    names = ", ".join(one.name for one in missing)
    text = _("{model} is not on this machine.").format(model=names)
    megabytes = sum(one.megabytes for one in missing)
    if megabytes:
        text += " " + _("There are about {n} MB to fetch.").format(n=megabytes)
    return text
