"""The uses of pictures in an epoch, and their order. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dataprep import buckets
from dataprep.buckets import Bucket
from train.config import TrainConfig
from train.data.item import Item, Use
from train.seeds import shuffled, uniform


def epoch(config: TrainConfig, items: Sequence[Item], number: int) -> list[list[Use]]:
    """The batches of an epoch (from 1), each of one bucket, in the order of use.

    The repeats of a picture are spread over the epoch, so it rarely meets itself in a batch.
    Regularization pictures are used as often as the others altogether; every epoch has as many
    batches as the first.
    """
    uses = [use for item in items if not item.is_reg for use in _repeats(item, item.repeats)]
    regs = [item for item in items if item.is_reg]
    uses += uses_of_reg(config, regs, len(uses), number) if regs else []
    times = Counter(use.item.name for use in uses)

    def place(use: Use) -> float:
        jitter = uniform(config.seed, "order", number, use.item.name, use.repeat)
        return (use.repeat + jitter) / times[use.item.name]

    ordered = sorted(uses, key=lambda use: (place(use), use.item.name))
    batches = buckets.plan_batches(
        ((use.item.bucket, use) for use in ordered), config.train_batch_size
    )
    return shuffled(batches, config.seed, "batches", number)


def uses_of_reg(config: TrainConfig, regs: Sequence[Item], total: int, number: int) -> list[Use]:
    """The uses of regularization pictures in an epoch, for ``total`` uses of the others.

    Each bucket has its share of them in every epoch, so that epochs are of one length. Within it
    the pictures take turns, by their repeats, and go on in the next epoch where this one ends: of
    more pictures than are needed all are used in time. sd-scripts takes them in the order of their
    names and leaves out the same ones always; ``compat = "kohya"`` does so too.
    """
    if config.is_kohya:
        return _in_order(regs, total)
    groups: dict[Bucket, list[Item]] = {}
    for item in regs:
        groups.setdefault(item.bucket, []).extend([item] * item.repeats)
    wanted = buckets.shares({bucket: len(group) for bucket, group in groups.items()}, total)
    turns = [
        item
        for bucket, group in groups.items()
        for item in _turns(group, wanted[bucket], number, config.seed)
    ]
    return [use for item, count in _counted(turns) for use in _repeats(item, count)]


def weight_of(config: TrainConfig, use: Use) -> float:
    """How much the loss of a use counts: ``prior_loss_weight`` for regularization pictures."""
    return config.prior_loss_weight if use.item.is_reg else 1.0


def _repeats(item: Item, count: int) -> list[Use]:
    return [Use(item, repeat) for repeat in range(count)]


def _turns(group: Sequence[Item], count: int, number: int, seed: int) -> list[Item]:
    """The items whose turn it is in an epoch: they stand in a circle, in an order once drawn."""
    width, height = group[0].bucket
    circle = shuffled(group, seed, "reg", f"{width}x{height}")
    begin = (number - 1) * count
    return [circle[place % len(circle)] for place in range(begin, begin + count)]


def _counted(items: Sequence[Item]) -> list[tuple[Item, int]]:
    by_name = {item.name: item for item in items}
    counts = Counter(item.name for item in items)
    return [(item, counts[name]) for name, item in by_name.items()]


def _in_order(regs: Sequence[Item], total: int) -> list[Use]:
    """As ``DreamBoothDataset`` counts: all with their repeats, then one more for each in turn."""
    counts: Counter[str] = Counter()
    used, is_first = 0, True
    while used < total:
        for item in regs:
            more = item.repeats if is_first else 1
            counts[item.name] += more
            used += more
            if used >= total:
                break
        is_first = False
    return [use for item in regs for use in _repeats(item, counts[item.name])]
