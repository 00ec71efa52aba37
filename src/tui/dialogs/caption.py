"""A caption as one edits it by hand: its tags in lines, or all of it as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static, TextArea

from dataprep.captions import entries, join_tags, tag_key
from dataprep.columns import wide
from dataprep.tagwords import is_prose
from tui.dialogs.confirm import ConfirmDialog
from tui.widgets.lines import Column, Lines
from tui.widgets.tag_input import TagInput, Words
from tui.words import N_, _, n_

NUMBER = 3
"""Columns of a tag's place."""


class TagLines(Lines):
    """The tags of a caption; keys move and remove them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+up,K,shift+up", "shift(-1)", N_("Move up"), show=False, id="caption.up"),
        Binding(
            "alt+down,J,shift+down", "shift(1)", N_("Move down"), show=False, id="caption.down"
        ),
        Binding("delete,backspace,d", "remove", N_("Remove"), id="caption.remove"),
        Binding("a,i,slash", "add", N_("Add"), id="caption.add"),
        Binding("e", "choose", N_("Change"), id="caption.change"),
        Binding("z,u", "restore", N_("Take back"), id="caption.restore"),
    ]

    def __init__(self, tags: list[str], trigger: str) -> None:
        super().__init__([Column(width=NUMBER, align="right"), Column()], "caption-tags")
        self.tags = tags
        self._trigger = tag_key(trigger)
        self._before: list[list[str]] = []

    def on_mount(self) -> None:
        """List the tags."""
        self.list_tags()

    def list_tags(self, place: int | None = None) -> None:
        """Show the tags as they are now, with the cursor at a place."""
        self.show([str(place) for place in range(len(self.tags))], self._tag)
        if place is not None:
            self.move_to(str(max(0, min(place, len(self.tags) - 1))))

    def become(self, tags: list[str], place: int | None = None) -> None:
        """Hold these tags; ``restore`` brings those of before back."""
        if tags != self.tags:
            self._before.append(self.tags)
            self.tags = tags
        self.list_tags(place)

    def _tag(self, key: str) -> tuple[Text, Text]:
        tag = self.tags[int(key)]
        style = "bold" if self._trigger and tag_key(tag) == self._trigger else ""
        return Text(str(int(key) + 1), "dim"), Text(tag, style)

    def action_shift(self, by: int) -> None:
        """Move the tag with the cursor."""
        place = self.place + by
        if self.tags and 0 <= place < len(self.tags):
            tags = list(self.tags)
            tags.insert(place, tags.pop(self.place))
            self.become(tags, place)

    def action_remove(self) -> None:
        """Take the tag with the cursor out."""
        if self.tags:
            tags = [tag for place, tag in enumerate(self.tags) if place != self.place]
            self.become(tags, self.place)

    def action_restore(self) -> None:
        """Take the last change back."""
        if self._before:
            self.tags = self._before.pop()
            self.list_tags(self.place)

    def action_add(self) -> None:
        """Type a tag."""
        self.screen.query_one(TagInput).focus()


class CaptionDialog(ModalScreen[str | None]):
    """Edits a caption; None when it stays as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Back"), id="caption.leave"),
        Binding("f2,ctrl+enter", "save", N_("Save"), key_display="f2", id="caption.save"),
        Binding("f3", "turn", N_("Tags or text"), id="caption.turn"),
    ]

    def __init__(
        self,
        title: str,
        caption: str,
        complete: Words,
        trigger: str = "",
        count: Callable[[str], str] | None = None,
    ) -> None:
        """``count`` says how long a caption is, such as "23 tokens"."""
        super().__init__()
        self._heading, self._complete, self._count = title, complete, count
        self._first = caption
        self._as_text = is_prose(caption)
        self._lines = TagLines(entries(caption), trigger)
        self._changing: int | None = None
        """The place of the tag that is being changed; None: what is typed is added."""

    def compose(self) -> ComposeResult:
        """The tags with a line to type below, or the text; how long it is; the buttons."""
        with Vertical(id="caption", classes="dialog"):
            yield Static(Content.styled(self._heading, "bold"), id="caption-title")
            yield self._lines
            yield TagInput(self._complete, "caption-entry")
            yield TextArea(
                self._first, soft_wrap=True, compact=True, tab_behavior="focus", id="caption-text"
            )
            yield Static(id="caption-said", markup=False)
            yield Static(id="caption-keys")
            with Horizontal(classes="buttons"):
                yield Button(_("Save"), variant="primary", compact=True, id="caption-save")
                yield Button(_("Back"), compact=True, id="caption-leave")
                yield Button(compact=True, id="caption-turn")

    def on_mount(self) -> None:
        """Begin with the tags, or the text."""
        self._arrange()
        self._say()

    @property
    def caption(self) -> str:
        """The caption as it stands now."""
        if self._as_text:
            return self.query_one(TextArea).text
        if self._lines.tags == entries(self._first):
            # what was not touched keeps its commas and blanks
            return self._first
        return join_tags(self._lines.tags)

    @property
    def changed(self) -> bool:
        """Whether there is anything to save."""
        return self.caption != self._first

    def _arrange(self) -> None:
        self.query_one(TextArea).display = self._as_text
        self._lines.display = not self._as_text
        entry = self.query_one(TagInput)
        entry.display = not self._as_text
        turn = _("As tags") if self._as_text else _("As text")
        self.query_one("#caption-turn", Button).label = Content(turn)
        self.query_one("#caption-keys", Static).update(_keys(self._as_text))
        if self._as_text:
            self.query_one(TextArea).focus()
        elif self._lines.tags:
            self._lines.focus()
        else:
            entry.focus()
        self._prompt()

    def _prompt(self) -> None:
        """Say what the line is for."""
        changing = self._changing is not None
        self.query_one(TagInput).entry.placeholder = (
            _("another tag for this one; enter takes it")
            if changing
            else _("a tag to add; enter on the empty line saves")
        )

    def _say(self) -> None:
        """Tell how long the caption is."""
        caption = self.caption
        tags = [] if self._as_text else self._lines.tags
        parts = [n_("{n} tag", "{n} tags", len(tags))] if not self._as_text else []
        if self._count is not None:
            parts.append(self._count(caption))
        keys = [tag_key(tag) for tag in tags]
        twice = {tag: None for tag, key in zip(tags, keys, strict=True) if keys.count(key) > 1}
        if twice:
            parts.append(_("twice: {tags}").format(tags=", ".join(twice)))
        if self.changed:
            parts.append(_("changed"))
        self.query_one("#caption-said", Static).update(Content(" · ".join(parts)))

    @on(Lines.Moved)
    @on(TextArea.Changed)
    def _edited(self) -> None:
        self._say()

    @on(Lines.Chosen, "#caption-tags")
    def _change(self) -> None:
        self._changing = self._lines.place
        entry = self.query_one(TagInput)
        entry.value = self._lines.tags[self._lines.place]
        self._prompt()
        entry.focus()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if self._changing is not None:
            self._take(event.value)
            self._lines.focus()
        elif entries(event.value):
            self._take(event.value)
        else:
            self.action_save()
            return
        self._prompt()
        self._say()

    def _take(self, text: str) -> None:
        """Put what was typed in the place of the tag that is changed, else behind the last."""
        typed, tags = entries(text), list(self._lines.tags)
        place, self._changing = self._changing, None
        self.query_one(TagInput).value = ""
        if place is None:
            self._lines.become([*tags, *typed], len(tags) + len(typed) - 1)
        else:
            self._lines.become([*tags[:place], *typed, *tags[place + 1 :]], place)

    @on(Button.Pressed, "#caption-turn")
    def action_turn(self) -> None:
        """Edit as text what was in lines, and the other way round."""
        caption = self.caption
        self._as_text = not self._as_text
        if self._as_text:
            self.query_one(TextArea).text = caption
        else:
            self._lines.become(entries(caption))
        self._arrange()
        self._say()

    @on(Button.Pressed, "#caption-save")
    def action_save(self) -> None:
        """Close with the caption."""
        typed = self.query_one(TagInput).value
        if not self._as_text and entries(typed):
            self._take(typed)
        self.dismiss(self.caption if self.changed else None)

    @on(Button.Pressed, "#caption-leave")
    def action_leave(self) -> None:
        """Close without saving; what was changed is asked about first."""
        entry = self.query_one(TagInput)
        if not self._as_text and entry.entry.has_focus and (entry.value or self._lines.tags):
            self._changing = None
            entry.value = ""
            self._prompt()
            self._lines.focus()
        elif self.changed:
            asked = ConfirmDialog(_("Leave the caption as it was?"), _("Drop the changes"))
            self.app.push_screen(asked, self._answered)
        else:
            self.dismiss(None)

    def _answered(self, drop: bool | None) -> None:
        if drop:
            self.dismiss(None)


def _keys(as_text: bool) -> Content:
    """The keys of the place, in a line."""
    rows = (
        [("f2", _("save")), ("f3", _("as tags")), ("esc", _("back"))]
        if as_text
        else [
            ("a", _("add")),
            ("enter", _("change")),
            ("d", _("remove")),
            ("J K", _("move")),
            ("z", _("take back")),
            ("f2", _("save")),
        ]
    )
    parts: list[Content] = []
    for key, text in rows:
        blank = "   " if wide(key) else ""
        parts.append(Content.assemble((key, "$primary"), f" {text}{blank}"))
    return Content("").join(parts)
