"""Faults at the edges of threads: written down, so that neither thread nor screen goes down."""

from __future__ import annotations

import os
import traceback


def note_fault() -> None:
    """Write the trace of the error that is being handled into ``tui.log``."""
    # not sys.stderr: the screen has taken that for itself
    os.write(2, traceback.format_exc().encode())
