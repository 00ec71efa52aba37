"""What captions look like at each step, without training: ``--show-captions``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from dataprep.errors import UsageError
from dataprep.tokens import MERGES, VOCABULARY, WHOLE, counter, how_to_place
from train import data, plan
from train.config import TrainConfig
from train.data import Item, Use
from train.plan import Plan
from train.text.rules import rules_of
from train.text.tokens import chunks, cut, cut_tags, token_count
from train.text.vary import caption_of


def show(config: TrainConfig, steps: int) -> dict[str, Any]:
    """The captions of the first ``steps`` steps of a run, as plain values.

    ``captions`` are the rows of ``shown``, ``remarks`` what a person should know about them. Raises
    ``UsageError`` when there are no pictures, or no tokenizer where the config names one.
    """
    dataset = data.scan(config)
    tokenizer = _tokenizer(config)
    remarks = [f"{issue.file}: {issue.reason}" for issue in dataset.issues]
    if tokenizer is None:
        remarks.append(f"tokens are not counted, no tokenizer is here: {how_to_place()}")
    the_plan = plan.of(config, dataset)
    rows = shown(config, dataset.items, the_plan, steps, tokenizer)
    return {"captions": rows, "remarks": remarks}


def shown(
    config: TrainConfig,
    items: Sequence[Item],
    the_plan: Plan,
    steps: int,
    tokenizer: Any = None,
) -> list[dict[str, Any]]:
    """The captions of the first ``steps`` steps in the order of use, as the loop will see them.

    Each row: ``step`` (from 1), ``epoch`` (from 1), ``picture``, ``repeat``, ``caption``, and with
    a ``tokenizer`` ``tokens``, ``chunks`` (how many parts of 75 the caption needs), ``cut`` (how
    many tokens do not fit) and ``cut_tags`` (which tags those are of); without, these are None.
    """
    rows = []
    for step, epoch, use in _uses(config, items, min(steps, the_plan.steps)):
        caption = caption_of(use, config.seed, epoch=epoch, step=step, total_steps=the_plan.steps)
        row = {
            "step": step + 1,
            "epoch": epoch,
            "picture": use.item.name,
            "repeat": use.repeat,
            "caption": caption,
        }
        rows.append({**row, **_measured(config, tokenizer, caption)})
    return rows


def _uses(config: TrainConfig, items: Sequence[Item], steps: int) -> Iterator[tuple[int, int, Use]]:
    """(steps made before, epoch, use) of every use of a picture in so many steps."""
    done = 0
    for epoch in itertools.count(1):
        batches = data.epoch(config, items, epoch)
        # the batches of one step are all of one epoch
        together = config.gradient_accumulation_steps
        for begin in range(0, len(batches), together):
            if done == steps:
                return
            for use in itertools.chain.from_iterable(batches[begin : begin + together]):
                yield done, epoch, use
            done += 1


def _measured(config: TrainConfig, tokenizer: Any, caption: str) -> dict[str, Any]:
    if tokenizer is None:
        return dict.fromkeys(("tokens", "chunks", "cut", "cut_tags"))
    # families differ in the layers they take, not in how captions are cut
    rules = rules_of(config, "sd1")
    return {
        "tokens": token_count(tokenizer, caption, rules),
        "chunks": len(chunks(tokenizer, caption, rules)),
        "cut": cut(tokenizer, caption, rules),
        "cut_tags": cut_tags(tokenizer, caption, rules),
    }


def _tokenizer(config: TrainConfig) -> Any:
    """The tokenizer that the config names or that lies here; None: there is none."""
    from transformers import CLIPTokenizer

    if config.tokenizer is not None:
        # transformers makes an empty tokenizer of a folder without these, and says nothing
        if not any((config.tokenizer / name).is_file() for name in (VOCABULARY, WHOLE)):
            raise UsageError(
                f"tokenizer = {config.tokenizer}: {VOCABULARY} is not there",
                f"it is a folder with CLIP's {VOCABULARY} and {MERGES}",
            )
        return CLIPTokenizer.from_pretrained(config.tokenizer)
    found = counter([config.pretrained_model_name_or_path]).source
    return None if found is None else CLIPTokenizer.from_pretrained(found)
