"""Networks: what is learned beside the frozen base, made from a config or from a file."""

from __future__ import annotations

from train.networks.kinds import NETWORKS, create, files_module
from train.networks.loading import continue_from, from_weights, merge
from train.networks.network import Weights
from train.networks.norms import shorten
from train.networks.ranks import needs_convs

__all__ = [
    "NETWORKS",
    "Weights",
    "continue_from",
    "create",
    "files_module",
    "from_weights",
    "merge",
    "needs_convs",
    "shorten",
]
