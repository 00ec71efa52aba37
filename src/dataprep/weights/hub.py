"""What the Hugging Face Hub says of a repository: its files, and what its refusals mean."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dataprep.errors import DataprepError
from dataprep.taggers.manifest import all_known
from dataprep.weights.sources import Source, captioners
from dataprep.weights.web import ENDPOINT, MIRROR, Web, endpoint

REDIRECTED = 300
REFUSED = 400
SAFE = re.compile(r"\w[\w.-]*")
"""What becomes part of a path on this machine."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file as the hub has it."""

    path: str
    """Inside the repository."""
    commit: str
    etag: str
    """SHA-256 of a large file (git LFS), git's own hash of a small one."""
    size: int | None


def file_url(source: Source, path: str, revision: str = "") -> str:
    """The address of a file, at the hub or the mirror in force."""
    named = quote(revision or source.revision, safe="")
    return f"{endpoint()}/{source.repository}/resolve/{named}/{quote(path)}"


def page(source: Source) -> str:
    """Where a person sees a repository. Terms are accepted at the hub itself, not at a mirror."""
    return f"{ENDPOINT}/{source.repository}"


def hint(source: Source) -> str:
    """What to do when the network fails."""
    other = "" if endpoint() != ENDPOINT else f"; HF_ENDPOINT={MIRROR} takes a mirror"
    by_hand = f"`dataprep models {source.called}` says how to place it by hand"
    return f"try again: what has arrived is kept{other}; {by_hand}"


def look_at(web: Web, source: Source, path: str) -> Remote:
    """One file by its name. Raises ``DataprepError``."""
    what = f"{path} of {source.repository}"
    answer = web.ask("HEAD", file_url(source, path), what, hint(source))
    refuse(answer, web, source, path)
    commit = answer.headers.get("x-repo-commit")
    etag = answer.headers.get("x-linked-etag") or answer.headers.get("etag")
    if not commit or not etag or not all(SAFE.fullmatch(part) for part in (commit, _plain(etag))):
        raise _no_hub(source)
    size = answer.headers.get("x-linked-size")
    if size is None and answer.status_code < REDIRECTED:
        size = answer.headers.get("content-length")
    return Remote(path, commit, _plain(etag), int(size) if size else None)


def listing(web: Web, source: Source) -> list[Remote]:
    """All files of a repository at a revision. Raises ``DataprepError``."""
    what = f"the list of files of {source.repository}"
    address = f"{endpoint()}/api/models/{source.repository}"
    revision = quote(source.revision, safe="")
    about = _json(web, source, f"{address}/revision/{revision}", what)
    commit = about.get("sha") if isinstance(about, dict) else None
    if not isinstance(commit, str) or not SAFE.fullmatch(commit):
        raise _no_hub(source)
    found: list[Remote] = []
    url: str | None = f"{address}/tree/{commit}?recursive=true"
    while url is not None:
        answer = web.ask("GET", url, what, hint(source))
        refuse(answer, web, source)
        rows = [row for row in _parsed(answer, source) if row["type"] == "file"]
        found += [entry for row in rows if SAFE.fullmatch((entry := _entry(row, commit)).etag)]
        url = answer.links.get("next", {}).get("url")
    return found


def refuse(answer: Any, web: Web, source: Source, path: str = "") -> None:
    """Raise ``DataprepError`` with the meaning of an answer of 400 and above."""
    if answer.status_code < REFUSED:
        return
    code = answer.headers.get("x-error-code", "")
    message = answer.headers.get("x-error-message", "")
    raise _meaning(answer.status_code, code, message, web, source, path)


def _meaning(
    status: int, code: str, message: str, web: Web, source: Source, path: str
) -> DataprepError:
    name = source.repository
    if code == "GatedRepo" or (status == 403 and not code):
        return DataprepError(
            f"{name} is given only to those who accepted its terms ({status})",
            f"accept them at {page(source)}, make a token at {ENDPOINT}/settings/tokens and set "
            "it as HF_TOKEN",
        )
    if status == 401 and web.has_token and "credential" in message.lower():
        return DataprepError(
            f"the hub refused your token while it was asked for {name}",
            f"make a new one at {ENDPOINT}/settings/tokens and set it as HF_TOKEN",
        )
    if code == "RevisionNotFound":
        return DataprepError(
            f"{name} has no revision '{source.revision}'", f"{page(source)} lists them"
        )
    if code == "EntryNotFound" or (status == 404 and path and code != "RepoNotFound"):
        return DataprepError(f"{name} has no file {path}", f"{page(source)}/tree/main lists them")
    if status in (401, 404):
        private = "your token may not see it" if web.has_token else "set HF_TOKEN"
        return DataprepError(
            f"the hub shows no repository {name} ({status}), and there is no such folder here",
            f"{_nearest(name)}look at its name; if it is private, {private}",
        )
    return DataprepError(
        f"the hub refused {path or name}: {status}{f' ({message})' if message else ''}",
        hint(source),
    )


def _json(web: Web, source: Source, url: str, what: str) -> Any:
    answer = web.ask("GET", url, what, hint(source))
    refuse(answer, web, source)
    return _parsed(answer, source)


def _parsed(answer: Any, source: Source) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise _no_hub(source) from None


def _entry(row: Any, commit: str) -> Remote:
    """A row of the hub's tree listing: of a large file the LFS object counts."""
    lfs = row.get("lfs")
    if lfs:
        return Remote(row["path"], commit, lfs["oid"], int(lfs["size"]))
    return Remote(row["path"], commit, row["oid"], int(row["size"]))


def _plain(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _no_hub(source: Source) -> DataprepError:
    return DataprepError(
        f"{endpoint()} does not answer as the Hugging Face Hub does ({source.repository})",
        "look at HF_ENDPOINT; or a firewall or a login page answers in its place",
    )


def _nearest(repository: str) -> str:
    known = [row.repository for row in all_known().values() if row.repository]
    known += [row.repository for row in captioners().values()]
    close = difflib.get_close_matches(repository, known, n=1)
    return f"did you mean '{close[0]}'? " if close and close[0] != repository else ""
