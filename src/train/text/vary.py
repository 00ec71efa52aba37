"""A caption as one use of a picture sees it. Pure.

The order is sd-scripts' (``process_caption``): prefix and suffix, drop the whole caption, choose a
line and among wildcards, part the tags into kept and free ones, token warm-up, shuffle, drop tags,
join, put the separator where the secondary one stood.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from train.seeds import Key, shuffled, uniform
from train.text.rules import CaptionRules
from train.text.wildcards import expanded

if TYPE_CHECKING:
    from train.data.item import Use


def caption_of(use: Use, seed: int, *, epoch: int, step: int, total_steps: int) -> str:
    """The caption of one use of a picture: what the loop trains on and what a person is shown."""
    return vary(
        use.item.caption,
        use.item.rules,
        seed,
        epoch,
        use.item.name,
        use.repeat,
        epoch=epoch,
        step=step,
        total_steps=total_steps,
    )


def vary(
    caption: str,
    rules: CaptionRules,
    seed: int,
    *keys: Key,
    epoch: int,
    step: int = 0,
    total_steps: int = 0,
) -> str:
    """The caption as its rules make it; ``keys`` name the use (epoch, image, repeat).

    ``epoch`` counts from 1, ``step`` are the optimizer steps made before, of ``total_steps``. Where
    nothing is asked for, the caption stays as it is written.
    """
    if _is_dropped(rules, seed, *keys, epoch=epoch):
        return ""
    text = _written(caption, rules, seed, *keys)
    divided = bool(rules.keep_tokens_separator) and rules.keep_tokens_separator in text
    if divided or _moves(rules):
        kept, free, last = _parts(text, rules, divided=divided)
        free = _warmed_up(free, rules, step, total_steps)
        text = ", ".join([*kept, *_drawn(free, rules, seed, *keys), *last])
    if rules.secondary_separator:
        text = text.replace(rules.secondary_separator, rules.caption_separator)
    return text


def _is_dropped(rules: CaptionRules, seed: int, *keys: Key, epoch: int) -> bool:
    rate, every = rules.caption_dropout_rate, rules.caption_dropout_every_n_epochs
    if rate and uniform(seed, "caption_dropout", *keys) < rate:
        return True
    return bool(every) and epoch % every == 0


def _written(caption: str, rules: CaptionRules, seed: int, *keys: Key) -> str:
    """One line of the caption between prefix and suffix, with its wildcards chosen.

    sd-scripts adds prefix and suffix before it chooses a line, so that only the first line has the
    one and only the last the other; here every line has both.
    """

    def pick(place: int, count: int) -> int:
        return int(uniform(seed, "wildcard", *keys, place) * count)

    text = caption
    if rules.enable_wildcard:
        lines = [line for line in caption.splitlines() if line.strip()] or [""]
        text = lines[int(uniform(seed, "caption_line", *keys) * len(lines))]
    if rules.caption_prefix:
        text = f"{rules.caption_prefix} {text}"
    if rules.caption_suffix:
        text = f"{text} {rules.caption_suffix}"
    return expanded(text, pick) if rules.enable_wildcard else text


def _moves(rules: CaptionRules) -> bool:
    """Whether tags are moved or left out."""
    return bool(rules.shuffle_caption or rules.caption_tag_dropout_rate or rules.token_warmup_step)


def _parts(text: str, rules: CaptionRules, *, divided: bool) -> tuple[list[str], ...]:
    """The tags that stay in front, those that may move, and those that stay at the end."""
    comma = rules.caption_separator
    if not divided:
        tags = _tags(text, comma)
        return tags[: rules.keep_tokens], tags[rules.keep_tokens :], []
    kept, _, behind = text.partition(rules.keep_tokens_separator)
    free, _, last = behind.partition(rules.keep_tokens_separator)
    return _tags(kept, comma), _tags(free, comma), _tags(last, comma)


def _tags(text: str, separator: str) -> list[str]:
    return [tag for part in text.split(separator) if (tag := part.strip())]


def _warmed_up(tags: list[str], rules: CaptionRules, step: int, total_steps: int) -> list[str]:
    """The first tags, evenly more of them from ``token_warmup_min`` until captions are whole."""
    until = rules.token_warmup_step
    if until < 1:
        until = math.floor(until * total_steps)
    if step >= until:
        return tags
    least = rules.token_warmup_min
    return tags[: least + math.floor(step * (len(tags) - least) / until)]


def _drawn(tags: list[str], rules: CaptionRules, seed: int, *keys: Key) -> list[str]:
    """The free tags in the order of this use, without those that it drops."""
    if rules.shuffle_caption:
        tags = shuffled(tags, seed, "caption_shuffle", *keys)
    rate = rules.caption_tag_dropout_rate
    if not rate:
        return tags
    drawn = (uniform(seed, "tag_dropout", *keys, place) for place in range(len(tags)))
    return [tag for tag, chance in zip(tags, drawn, strict=True) if chance >= rate]
