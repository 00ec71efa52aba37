"""The language of filters: ``tag:"long hair" AND NOT solo``. Pure text and comparisons.

``parse`` makes a ``Query`` out of text; it is asked about one ``Subject`` after the other. What a
subject is asked is only what the filter's words need. docs/filters.md is the page for people.
"""

from dataprep.tagquery.errors import FilterError, Unsure
from dataprep.tagquery.nodes import Query, Subject
from dataprep.tagquery.parser import parse

__all__ = ["FilterError", "Query", "Subject", "Unsure", "parse"]
