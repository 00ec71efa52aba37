"""Opening ONNX files: on which device, and what their errors are in a person's words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Literal

from dataprep.errors import DataprepError

Device = Literal["auto", "cpu", "cuda"]

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def open_session(path: Path, device: Device, threads: int = 0) -> tuple[Any, str]:
    """A session for a file, and why it does not run on a GPU that is there (or nothing).

    "auto" takes CUDA where onnxruntime has it, "cuda" insists; ``threads`` share one run on the
    CPU (0: as many as cores). Raises ``DataprepError``.
    """
    wanted = providers(device)
    session = _session(path, wanted, threads)
    return session, fallback(session, wanted, device)


def fallback(session: Any, wanted: Sequence[str], device: Device) -> str:
    """Why a session does not run on the GPU that was wanted; empty when it does.

    Raises ``DataprepError`` when the device was "cuda".
    """
    if CUDA not in wanted or CUDA in session.get_providers():
        return ""
    reason = "onnxruntime has CUDA but could not start it: its libraries or the driver are missing"
    if device == "cuda":
        raise DataprepError(reason, "pip install 'onnxruntime-gpu[cuda,cudnn]', or --device cpu")
    return f"on the CPU: {reason}"


def session_options(threads: int = 0) -> Any:
    """onnxruntime's options for a network that runs beside threads that decode."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # laid out for one run, memory is taken anew by each of several runs at once
    options.enable_mem_pattern = False
    # threads that wait by spinning take the cores from those that decode: +40 % CPU time
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def device_of(session: Any) -> str:
    """Where a session runs: "cuda" or "cpu"."""
    return "cuda" if CUDA in session.get_providers() else "cpu"


def ort_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises; its errors have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoModel,
        state.NoSuchFile,
        state.NotImplemented,
        state.RuntimeException,
    )


def first_line(error: Exception) -> str:
    """The part of an error's text that is of use to a person."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def providers(device: Device) -> list[str]:
    """What onnxruntime is asked for. Raises ``DataprepError`` where "cuda" cannot be had."""
    import onnxruntime as ort

    if device == "cpu":
        return [CPU]
    if CUDA in ort.get_available_providers():
        # finds the CUDA libraries that pip installs, which are on no search path; what it prints
        # about others must not get between the lines of --json
        with redirect_stdout(sys.stderr):
            ort.preload_dlls()
        return [CUDA, CPU]
    if device == "cuda":
        raise DataprepError(
            "this onnxruntime has no CUDA",
            "pip uninstall onnxruntime; pip install 'onnxruntime-gpu[cuda,cudnn]'",
        )
    return [CPU]


def _session(path: Path, providers: list[str], threads: int) -> Any:
    import onnxruntime as ort

    try:
        return ort.InferenceSession(path, session_options(threads), providers=providers)
    except ort_errors() as error:
        raise unloadable(path, error) from None


def unloadable(what: Path | str, error: Exception) -> DataprepError:
    """The error of a model file that onnxruntime refuses."""
    return DataprepError(
        f"{what}: cannot be loaded ({first_line(error)})",
        "the file is cut short, of another kind, or needs a newer onnxruntime",
    )
