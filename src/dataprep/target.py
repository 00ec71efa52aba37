"""What the project knows of its training sizes: the export writes them where the trainer looks."""

from __future__ import annotations

import json
from dataclasses import asdict

from dataprep.buckets import Target
from dataprep.decisions import encode
from dataprep.journal import PROJECT
from dataprep.store import Store

KEY = "target"
"""The decision about the whole project (``journal.PROJECT``) that holds it."""


def read(store: Store) -> Target | None:
    """The sizes that the last ``dataprep crop`` decided; None: nothing was decided."""
    text = store.decision(PROJECT, KEY)
    if text is None:
        return None
    value = json.loads(text)
    return Target(**{**value, "resolution": tuple(value["resolution"])})


def encoded(target: Target) -> str:
    """A target as stored text."""
    return encode(asdict(target))
