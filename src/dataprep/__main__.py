"""``python -m dataprep`` is the command ``dataprep``."""

from dataprep.cli import entry

entry()
