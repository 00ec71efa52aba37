"""The same work on many machines: Ray Data, with workers that hold the model."""

from dataprep.cluster.engine import LOCAL, Engine
from dataprep.cluster.spreading import spread
from dataprep.cluster.worker import Landed, Recipe, Worker

__all__ = ["LOCAL", "Engine", "Landed", "Recipe", "Worker", "spread"]
