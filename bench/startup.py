"""Start-up: how long a person waits for a page of help. ``python -m bench.startup``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.machine import heading, median_seconds

ARGPARSE = "import argparse; argparse.ArgumentParser('x').print_help()"


def main() -> None:
    """Print medians over 15 runs, and the ratio to the bare interpreter (the limit)."""
    dataprep = str(Path(sys.executable).with_name("dataprep"))
    rows = {
        "python -c pass (limit)": [sys.executable, "-c", "pass"],
        "argparse, bare (alternative)": [sys.executable, "-c", ARGPARSE],
        "dataprep --help": [dataprep, "--help"],
        "dataprep crop --help": [dataprep, "crop", "--help"],
    }
    print(heading("lora-dataprep", "pydantic"))
    limit = None
    for name, command in rows.items():
        seconds = median_seconds(
            lambda command=command: subprocess.run(command, capture_output=True, check=True), 15
        )
        limit = limit or seconds
        print(f"{name:<30} {seconds * 1000:6.0f} ms  {seconds / limit:5.1f}×")


if __name__ == "__main__":
    main()
