"""The one error a user sees: what is wrong, where, and what to do about it."""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_STOPPED = 130


class DataprepError(Exception):
    """An error with a sentence for the person at the terminal.

    ``message`` says what is wrong and where (file, line, key); ``hint`` says what to do.
    Caught once, at the edge of the CLI or of a TUI job.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UsageError(DataprepError):
    """The command itself was wrong: an unknown flag, a value out of range, a missing folder."""

    exit_code = EXIT_USAGE
