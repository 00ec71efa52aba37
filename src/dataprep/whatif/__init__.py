"""What captions other thresholds would give, counted over the whole set; no model runs."""

from dataprep.whatif.answer import Answer, Caption, Shift, Wish
from dataprep.whatif.index import BINS, WhatIf, look

__all__ = ["BINS", "Answer", "Caption", "Shift", "WhatIf", "Wish", "look"]
