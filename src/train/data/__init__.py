"""The pictures of a run: what lies in its folders, and in which order it is used."""

from train.data.epochs import epoch, uses_of_reg, weight_of
from train.data.item import Augment, Dataset, Item, Use
from train.data.merging import Placed, merged
from train.data.scanning import scan, target_of

__all__ = [
    "Augment",
    "Dataset",
    "Item",
    "Placed",
    "Use",
    "epoch",
    "merged",
    "scan",
    "target_of",
    "uses_of_reg",
    "weight_of",
]
