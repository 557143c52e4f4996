"""The output folder: a manifest that is written last, and files that are replaced whole."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

MANIFEST = "sources.json"
FORMAT = 1


def script_hash(folder: Path) -> str:
    """Hex sha256 of the names and contents of all Python files under `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder)}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def read_manifest(out: Path) -> dict[str, dict]:
    """Entries of the manifest by source; empty if there is no valid one."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            return {}
        return {entry["name"]: entry for entry in manifest["sources"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def is_current(entry: dict | None, out: Path, script: str, versions: dict[str, str]) -> bool:
    """True if the source's files are there and come from this script and these package versions."""
    if not entry or entry.get("script_sha256") != script or entry.get("packages") != versions:
        return False
    sizes = [(out / split["file"], split["file_bytes"]) for split in entry["splits"].values()]
    return all(path.is_file() and path.stat().st_size == size for path, size in sizes)


def lists_seen(out: Path) -> dict[str, str]:
    """By source, the fingerprint of apt's lists at the last run that found or made it current."""
    try:
        seen = json.loads((out / ".lists").read_text(encoding="utf-8"))
        return seen if isinstance(seen, dict) else {}
    except (OSError, ValueError):
        return {}


def note_lists(out: Path, names: Iterable[str], fingerprint: str) -> None:
    """Remembers the fingerprint for the sources, so that the next run need not ask apt for versions."""
    seen = lists_seen(out) | dict.fromkeys(names, fingerprint)
    temporary = out / ".lists.new"
    temporary.write_text(json.dumps(seen), encoding="utf-8")
    os.replace(temporary, out / ".lists")


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Holds the folder's lock: a second run waits for the first."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A temporary folder on the file system of `out`, removed at the end; clears leftovers of
    runs that were killed. Call with the lock held."""
    for leftover in out.glob(".staging-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".staging-", dir=out))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(staged: Path, out: Path, entries: list[dict]) -> None:
    """Moves the staged files to `out` and writes the manifest.

    The old manifest goes first and the new one comes last, so a manifest always describes the
    files beside it, whenever the process dies.
    """
    for entry in entries:
        for split in entry["splits"].values():
            path = staged / split["file"]
            if path.exists():
                split["file_bytes"] = path.stat().st_size
    manifest = {
        "format": FORMAT,
        "sources": entries,
        "totals": {
            key: sum(entry[key] for entry in entries) for key in ("documents", "bytes", "words")
        },
    }
    temporary = staged / MANIFEST
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(manifest, stream, indent=1, ensure_ascii=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    (out / MANIFEST).unlink(missing_ok=True)
    for path in sorted(staged.glob("*.jsonl")):
        os.replace(path, out / path.name)
    os.replace(temporary, out / MANIFEST)
