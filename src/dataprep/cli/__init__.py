"""The command line: the table of stages as verbs. Importing it loads nothing heavy."""

from __future__ import annotations

import sys
from pathlib import Path

from dataprep import __version__
from dataprep.errors import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, DataprepError, UsageError
from dataprep.stages import INTERRUPTED, STAGES

TUI = "tui"


def entry() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        return _dispatch(arguments)
    except DataprepError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        stage = STAGES.get(arguments[0]) if arguments else None
        print(stage.interrupted if stage else INTERRUPTED, file=sys.stderr)
        return EXIT_STOPPED
    except BrokenPipeError:
        # the reader of our output left; nothing more to say to it
        sys.stderr.close()
        return EXIT_OK
    except OSError as error:
        # a full disk, a folder that may not be written: the system's words name the file
        print(f"error: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return EXIT_FAILED


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(overview())
        return EXIT_OK
    if arguments[0] in {"-V", "--version"}:
        print(f"dataprep {__version__}")
        return EXIT_OK
    verb, rest = arguments[0], arguments[1:]
    if verb == TUI:
        return _open_screens(rest)
    if verb not in STAGES:
        raise UsageError(f"unknown command '{verb}'", _nearest(verb))
    from dataprep.cli.command import run_stage

    return run_stage(STAGES[verb], rest)


def overview() -> str:
    """The page behind ``dataprep --help``."""
    rows = [(stage.verb, stage.summary) for stage in STAGES.values()]
    rows.append((TUI, "open the folder in the terminal UI"))
    width = max(len(verb) for verb, _ in rows)
    return "\n".join(
        [
            "dataprep: from a folder of pictures to a LoRA that learned",
            "",
            "usage: dataprep COMMAND DIR [options]      dataprep COMMAND --help",
            "",
            *(f"  {verb:<{width}}  {summary}" for verb, summary in rows),
            "",
            "Begin with: dataprep demo",
        ]
    )


def _nearest(verb: str) -> str:
    import difflib

    close = difflib.get_close_matches(verb, [*STAGES, TUI], n=1)
    return f"did you mean '{close[0]}'?" if close else "see `dataprep --help`"


def _open_screens(arguments: list[str]) -> int:
    """Hand the terminal to the TUI, a process of its own."""
    import subprocess

    from dataprep.jobs import module_command

    if {"-h", "--help"} & set(arguments):
        print("usage: dataprep tui [DIR]\n\nopen the folder on a screen; without DIR, choose one")
        return EXIT_OK
    if len(arguments) > 1:
        raise UsageError("dataprep tui takes one folder", f"got {' '.join(arguments)}")
    if arguments and not Path(arguments[0]).is_dir():
        hint = "give the folder that holds your pictures"
        raise UsageError(f"{arguments[0]}: no such folder", hint)
    return subprocess.call(module_command("tui", *arguments))
