"""Whole screens: they hear what widgets say and decide what happens."""
