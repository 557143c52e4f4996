#!/usr/bin/env python3
"""Makes a corpus of English text, easy to hard, from Debian packages.

Downloads with `apt-get download`, reads the files with dpkg-deb, strips the markup and writes
`<source>.train.jsonl`, `<source>.val.jsonl` and `sources.json`. Nothing is installed. The same packages
give the same bytes. Exit codes: 0 done, 2 usage, 3 a package or file cannot be had.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

try:
    from corpuslib import debian, publish
    from corpuslib.build import build
    from corpuslib.errors import CorpusError
    from corpuslib.sources import SOURCES, Source, by_name, by_tier
except ModuleNotFoundError as missing:
    print(f"error: no Python module {missing.name}\nhint: apt-get install python3", file=sys.stderr)
    sys.exit(3)

DEFAULT_TIERS = "1-5"


def parse_tiers(text: str) -> set[int]:
    """The tiers in "1-3,5" or "all". Raises CorpusError (usage) on anything else."""
    known = {source.tier for source in SOURCES}
    if text == "all":
        return known
    tiers: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not match:
            raise CorpusError(f"--tiers {text!r} is not a list of tiers", "write 1-3,5 or all", 2)
        tiers |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    if not tiers or not tiers <= known:
        raise CorpusError(f"--tiers {text!r}: there are tiers {min(known)} to {max(known)}", "", 2)
    return tiers


def _versions(
    source: Source, packages: dict[str, debian.Package], entry: dict | None
) -> dict[str, str]:
    """The wanted version of each package; what is built already where apt knows none (no lists)."""
    built = (entry or {}).get("packages", {})
    return {
        name: packages[name].version if name in packages else built.get(name, "")
        for name in source.packages
    }


def make(out: Path, cache: Path, wanted: list[Source]) -> tuple[list[dict], list[str]]:
    """Brings the wanted sources in `out` up to date.

    Returns the manifest entries of the wanted sources and the names of those that were built. Other
    sources in the folder stay as they are.
    """
    script = publish.script_hash(Path(__file__).resolve().parent)
    names = {package for source in wanted for package in source.packages}
    with publish.locked(out):
        entries = publish.read_manifest(out)
        lists, seen = debian.lists_fingerprint(), publish.lists_seen(out)
        same = bool(lists) and all(seen.get(source.name) == lists for source in wanted)
        known = {} if same else debian.candidates(names)
        stale = [
            source
            for source in wanted
            if not publish.is_current(
                entries.get(source.name),
                out,
                script,
                _versions(source, known, entries.get(source.name)),
            )
        ]
        if stale:
            packages = debian.resolve(package for source in stale for package in source.packages)
            debs = debian.fetch(packages.values(), cache)
            with publish.staging(out) as staged:
                for source, counts in zip(stale, _build_all(stale, debs, staged), strict=True):
                    entries[source.name] = {
                        "name": source.name,
                        "title": source.title,
                        "tier": source.tier,
                        "license": source.license,
                        "packages": {name: packages[name].version for name in source.packages},
                        "script_sha256": script,
                        **counts,
                    }
                order = [source.name for source in SOURCES if source.name in entries]
                publish.publish(staged, out, [entries[name] for name in order])
        publish.note_lists(out, (source.name for source in wanted), debian.lists_fingerprint())
    return [entries[source.name] for source in wanted], [source.name for source in stale]


def _build_all(wanted: list[Source], debs: dict[str, Path], folder: Path) -> list[dict]:
    import concurrent.futures  # slow to import, and not needed by a run that finds all up to date

    jobs = [(source, [debs[name] for name in source.packages], folder) for source in wanted]
    try:
        pool = concurrent.futures.ProcessPoolExecutor(min(os.cpu_count() or 1, 8))
    except OSError:  # a bare chroot may have no /dev/shm for the pool's semaphores
        return [build(*job) for job in jobs]
    with pool:
        futures = [pool.submit(build, *job) for job in jobs]
        return [future.result() for future in futures]


def print_table(entries: list[dict]) -> None:
    """Prints a line for each source and the total; sizes are of the text alone."""
    print(f"{'source':<12} {'tier':>4} {'docs':>7} {'val':>6} {'MB':>7} {'words':>10}  licence")
    for entry in entries:
        print(
            f"{entry['name']:<12} {entry['tier']:>4} {entry['documents']:>7,} "
            f"{entry['splits']['val']['documents']:>6,} {entry['bytes'] / 1e6:>7.2f} "
            f"{entry['words']:>10,}  {entry['license']}"
        )
    totals = {key: sum(entry[key] for entry in entries) for key in ("documents", "bytes", "words")}
    held = sum(entry["splits"]["val"]["documents"] for entry in entries)
    print(
        f"{'total':<12} {'':>4} {totals['documents']:>7,} {held:>6,} {totals['bytes'] / 1e6:>7.2f} "
        f"{totals['words']:>10,}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the corpus"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder for downloaded packages (default: DIR-cache)",
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--tiers",
        default=DEFAULT_TIERS,
        help=f"tiers to make, such as 1-3,5 or all (default {DEFAULT_TIERS})",
    )
    choice.add_argument("--sources", help="make these sources only: names with commas between them")
    options = parser.parse_args(arguments)
    out = options.out.resolve()
    cache = (options.cache or out.with_name(out.name + "-cache")).resolve()
    start = time.monotonic()
    try:
        if options.sources:
            wanted = by_name(options.sources.split(","))
        else:
            wanted = by_tier(parse_tiers(options.tiers))
        entries, built = make(out, cache, wanted)
    except KeyError as error:
        names = ", ".join(source.name for source in SOURCES)
        print(f"error: no source {error}; there are: {names}", file=sys.stderr)
        return 2
    except CorpusError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    if not built:
        print(f"{out} is up to date ({len(entries)} sources)")
        return 0
    print_table(entries)
    print(f"built {', '.join(built)} in {time.monotonic() - start:.1f} s, in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
