"""Bringing pictures into a project: where they lie, what they are called there, how they get in."""
