"""Configuration files that people already have, read and put into our keys. No torch here.

A reader recognises a text and gives kohya's option names with their values; one table of rules
turns these into settings of ours, and a report says what became of each.
"""
