"""Where a stage does its work: settings that several stages share."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dataprep.settings import Settings


class Engine(Settings):
    """On this machine, or spread over a cluster."""

    engine: Literal["local", "ray"] = "local"
    """Where the work is done: here, or spread by Ray over the machines of a cluster, which all
    see the project in the same place; docs/cluster.md has the rest."""
    workers: int = Field(default=0, ge=0, le=10_000)
    """With ray: how many load the model and work side by side; 0 chooses."""
    address: str = Field(default="", json_schema_extra={"metavar": "HOST:PORT"})
    """With ray: a cluster that is running, or "auto" on one of its machines; without it one is
    started here, and ended afterwards."""

    @model_validator(mode="after")
    def _belongs_to_ray(self) -> Self:
        if self.engine == "local" and (self.workers or self.address):
            given = "workers" if self.workers else "address"
            raise ValueError(f"{given} goes with a cluster; give --engine ray")
        if "://" in self.address:
            raise ValueError(
                "address must be HOST:PORT or auto; run dataprep on a machine of the cluster"
            )
        return self

    @property
    def is_spread(self) -> bool:
        """Whether the work goes to a cluster."""
        return self.engine == "ray"


LOCAL = Engine()
