"""From a caption to the token ids that CLIP reads: parts of 75 between a begin and an end.

CLIP reads 77 tokens, so a longer caption is read in parts. sd-scripts cuts them every 75 tokens,
in the middle of a tag if need be; here a tag that would be cut begins the next part. The word BREAK
begins one as well, as in A1111. Where that would lose tokens that fit otherwise, parts are cut as
sd-scripts does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

from dataprep.tokens import CHUNK
from train.text.rules import TextRules
from train.text.weighting import weighted

# a comma within a run of marks belongs to it: CLIP has tokens for "),"; cut where no token can lie
BORDER = re.compile(r"(?<=,)(?=[ \t\r\n]|[^\W_]|$)")
BREAK = re.compile(r"\s*\bBREAK\b\s*")

PLAIN = TextRules()
MOST_KNOWN = 100_000
"""Texts of a tokenizer whose tokens are remembered, some 20 MB."""
Token = tuple[int, float]
"""An id and its weight."""


_known: WeakKeyDictionary[Any, dict[str, tuple[int, ...]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Tag:
    """What stands up to a comma, comma included, and its tokens."""

    text: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What CLIP reads at once: begin, at most 75 tokens, end, padding."""

    ids: tuple[int, ...]
    """77 of them."""
    weights: tuple[float, ...]
    """77 of them; 1 where nothing is said."""


def token_count(tokenizer: Any, caption: str, rules: TextRules = PLAIN) -> int:
    """How many tokens a caption has, without ends and without marks that ``rules`` take out."""
    groups = _groups(tokenizer, caption, rules)
    return sum(len(tag.tokens) for group in groups for tag in group)


def chunks(tokenizer: Any, caption: str, rules: TextRules) -> list[Chunk]:
    """The parts of a caption, at least one and as many as ``max_token_length`` allows."""
    packed, _ = _packed(_groups(tokenizer, caption, rules), rules)
    return [_framed(tokenizer, tokens) for tokens in packed]


def cut(tokenizer: Any, caption: str, rules: TextRules) -> int:
    """How many tokens of a caption are lost because it is longer than ``max_token_length``."""
    return _packed(_groups(tokenizer, caption, rules), rules)[1]


def cut_tags(tokenizer: Any, caption: str, rules: TextRules) -> list[str]:
    """The tags that are lost because a caption is too long, or end in what is lost."""
    groups = _groups(tokenizer, caption, rules)
    tags = list(chain.from_iterable(groups))
    lost = _packed(groups, rules)[1]
    found: list[str] = []
    while lost > 0:
        tag = tags.pop()
        lost -= len(tag.tokens)
        found.insert(0, tag.text.strip(" ,\n\t"))
    return [text for text in found if text]


def blank(tokenizer: Any) -> Chunk:
    """The part that an empty caption has; it fills up captions shorter than others."""
    return _framed(tokenizer, ())


def _groups(tokenizer: Any, caption: str, rules: TextRules) -> list[list[Tag]]:
    """The tags of a caption, in groups that BREAK parts."""
    pieces = weighted(caption) if rules.weighted_captions else [(caption, 1.0)]
    parts: list[tuple[str, float]] = []
    # where a group begins, in parts
    begins = [0]
    for piece, weight in pieces:
        between = [piece] if rules.split_tags else BREAK.split(piece)
        for number, text in enumerate(between):
            if number:
                begins.append(len(parts))
            parts += [(part, weight) for part in BORDER.split(text) if part]
    ids = _ids(tokenizer, [text for text, _ in parts])
    tokens = [
        (text, [(one, weight) for one in row])
        for (text, weight), row in zip(parts, ids, strict=True)
    ]
    ends = [*begins[1:], len(parts)]
    return [_tags(tokens[begin:end]) for begin, end in zip(begins, ends, strict=True)]


def _tags(parts: Iterable[tuple[str, list[Token]]]) -> list[Tag]:
    """Parts put together up to a comma: a tag may have pieces of several weights."""
    tags: list[Tag] = []
    text, tokens = "", list[Token]()
    for part, own in parts:
        text, tokens = text + part, tokens + own
        if part.endswith(","):
            tags.append(Tag(text, tuple(tokens)))
            text, tokens = "", []
    return [*tags, Tag(text, tuple(tokens))] if text else tags


def _ids(tokenizer: Any, texts: Sequence[str]) -> list[Sequence[int]]:
    """Token ids of each text, without ends.

    A shuffled caption is new at each step, its tags are not, and the tokenizer wakes threads at
    each call.
    """
    known = _known.setdefault(tokenizer, {})
    if len(known) > MOST_KNOWN:
        known.clear()
    new = [text for text in dict.fromkeys(texts) if text not in known]
    if new:
        # one call for all, as each call has its price
        found = tokenizer(new, add_special_tokens=False, verbose=False).input_ids
        known.update(zip(new, map(tuple, found), strict=True))
    return [known[text] for text in texts]


def _packed(groups: Sequence[Sequence[Tag]], rules: TextRules) -> tuple[list[list[Token]], int]:
    """The tokens of each part, 75 at most, and how many tokens find no place."""
    most = rules.max_token_length // CHUNK
    if not rules.split_tags:
        parts = [part for group in groups for part in _by_tags(group)]
        if len(parts) <= most:
            return parts or [[]], 0
    tokens = [token for group in groups for tag in group for token in tag.tokens]
    straight = [tokens[begin : begin + CHUNK] for begin in range(0, len(tokens), CHUNK)]
    return straight[:most] or [[]], max(0, len(tokens) - most * CHUNK)


def _by_tags(tags: Iterable[Tag]) -> list[list[Token]]:
    """Parts that cut no tag but those longer than a part."""
    parts: list[list[Token]] = [[]]
    for tag in tags:
        room = CHUNK - len(parts[-1])
        if room < len(tag.tokens) <= CHUNK:
            parts.append([])
            room = CHUNK
        parts[-1] += tag.tokens[:room]
        rest = tag.tokens[room:]
        parts += [list(rest[begin : begin + CHUNK]) for begin in range(0, len(rest), CHUNK)]
    return parts


def _framed(tokenizer: Any, tokens: Sequence[Token]) -> Chunk:
    """Tokens between begin and end, and padding behind.

    SD1 is padded with the end mark, SD2 and SDXL's second encoder with id 0, as their tokenizers
    say. What sd-scripts mends after cutting (an end behind a full part, an end at the begin of an
    empty one) is so from the start.
    """
    short = CHUNK - len(tokens)
    ids = [token for token, _ in tokens]
    begin, end, padding = (
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
    )
    weights = [weight for _, weight in tokens]
    return Chunk(
        (begin, *ids, end, *[padding] * short),
        (1.0, *weights, 1.0, *[1.0] * short),
    )
