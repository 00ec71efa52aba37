"""Training runs that outlive the screen: started, found again, watched, and asked for things."""

from dataprep.runs.folder import Record, Wish
from dataprep.runs.reading import History, Reading, Sample, Saved, State
from dataprep.runs.report import report_of
from dataprep.runs.run import Run, find, follow, train_file
from dataprep.runs.start import require_trainer, start

__all__ = [
    "History",
    "Reading",
    "Record",
    "Run",
    "Sample",
    "Saved",
    "State",
    "Wish",
    "find",
    "follow",
    "report_of",
    "require_trainer",
    "start",
    "train_file",
]
