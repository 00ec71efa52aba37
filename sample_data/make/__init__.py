"""The makers of the embedded sample: a small drawn world whose true tags are known."""
