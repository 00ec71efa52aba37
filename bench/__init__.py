"""Benchmarks: each prints machine, versions, medians, an alternative and the limit."""
