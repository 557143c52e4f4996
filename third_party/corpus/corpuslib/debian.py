"""Debian packages: candidate versions, a cache of .deb files, and reading files out of them."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from .errors import CorpusError


@dataclasses.dataclass(frozen=True)
class Package:
    """The version of a package that apt would install; `sha256` of its .deb file in hex."""

    name: str
    version: str
    file_name: str
    sha256: str
    size: int


def _run(command: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive")
    try:
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise CorpusError(
            f"the program {command[0]} is missing",
            "this script needs a Debian system with apt and dpkg",
        ) from None


def _apt_get(arguments: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    return _run(["apt-get", "-q", *sandbox, *arguments], cwd)


def candidates(names: Iterable[str]) -> dict[str, Package]:
    """The candidate of each package that the package lists know; unknown names are absent."""
    names = sorted(set(names))
    if not names:
        return {}
    output = _run(["apt-cache", "show", "--no-all-versions", *names]).stdout
    found: dict[str, Package] = {}
    for stanza in output.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", stanza, flags=re.M))
        if fields.get("Package") in names and "SHA256" in fields:
            version = fields["Version"]
            architecture = fields["Architecture"]
            found[fields["Package"]] = Package(
                name=fields["Package"],
                version=version,
                file_name=f"{fields['Package']}_{version.replace(':', '%3a')}_{architecture}.deb",
                sha256=fields["SHA256"],
                size=int(fields["Size"]),
            )
    return found


def lists_fingerprint() -> str:
    """A string that changes when apt's package lists do; empty if there are none."""
    try:
        with os.scandir("/var/lib/apt/lists") as entries:
            times = [(entry.name, entry.stat().st_mtime_ns) for entry in entries if entry.is_file()]
    except OSError:
        return ""
    lists = sorted(
        pair for pair in times if pair[0].endswith(("Release", "Packages", ".lz4", ".gz", ".xz"))
    )
    return hashlib.sha256(repr(lists).encode()).hexdigest() if lists else ""


def update_lists() -> None:
    """Runs `apt-get update`; raises CorpusError if that fails."""
    result = _apt_get(["update"])
    if result.returncode != 0:
        raise CorpusError(
            "apt-get update failed:\n" + _last_lines(result.stderr),
            "check the network and /etc/apt/sources.list",
        )


def resolve(names: Iterable[str]) -> dict[str, Package]:
    """All the packages by name. Refreshes the lists if some are unknown and we are root.

    Raises CorpusError that names the packages that stay unknown.
    """
    names = sorted(set(names))
    found = candidates(names)
    if len(found) < len(names) and os.geteuid() == 0:
        print("some packages are not in apt's lists: running apt-get update")
        update_lists()
        found = candidates(names)
    unknown = [name for name in names if name not in found]
    if unknown:
        raise CorpusError(
            "apt does not know the package(s): " + ", ".join(unknown),
            "run `apt-get update` as root; the names are those of Debian 12 (main)",
        )
    return found


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch(packages: Iterable[Package], cache: Path) -> dict[str, Path]:
    """Paths of the .deb files by package name, downloaded into `cache` where absent or damaged.

    A failed download is tried once more after `apt-get update` if we are root. Raises
    CorpusError that names the packages that could not be had.
    """
    cache.mkdir(parents=True, exist_ok=True)
    packages = list(packages)
    missing = [package for package in packages if not _is_cached(package, cache)]
    if missing:
        megabytes = sum(package.size for package in missing) / 1e6
        print(f"downloading {len(missing)} packages, {megabytes:.1f} MB", flush=True)
        details = _download(missing, cache)
        missing = [package for package in missing if not _is_cached(package, cache)]
        if missing and os.geteuid() == 0:
            print("some downloads failed: running apt-get update and trying again", flush=True)
            update_lists()
            details = _download(missing, cache)
            missing = [package for package in missing if not _is_cached(package, cache)]
        if missing:
            names = ", ".join(f"{package.name} {package.version}" for package in missing)
            raise CorpusError(
                f"could not download: {names}\n{details}",
                "apt's lists and the mirror may disagree, or there is no network: run "
                "`apt-get update` as root and start again; what was downloaded is kept in "
                f"{cache}",
            )
    return {package.name: cache / package.file_name for package in packages}


def _is_cached(package: Package, cache: Path) -> bool:
    path = cache / package.file_name
    return (
        path.is_file()
        and path.stat().st_size == package.size
        and _file_sha256(path) == package.sha256
    )


def _download(packages: list[Package], cache: Path) -> str:
    """Downloads what it can; returns what apt said about the rest."""
    with tempfile.TemporaryDirectory(prefix=".download-", dir=cache) as folder:
        result = _apt_get(
            ["download", *(f"{package.name}={package.version}" for package in packages)],
            Path(folder),
        )
        for deb in Path(folder).glob("*.deb"):
            os.replace(deb, cache / deb.name)
    return _last_lines(result.stderr)


def _last_lines(text: str, count: int = 8) -> str:
    return "\n".join(text.strip().splitlines()[-count:])


def read_files(deb: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """(path, content) of the regular files in a package whose path matches, sorted by path.

    Paths have no leading `./`; .gz content is unpacked and keeps its name. Links are left out, so a
    file is read once whatever aliases it has. Nothing is unpacked to disk.
    """
    if shutil.which("dpkg-deb") is None:
        raise CorpusError("the program dpkg-deb is missing", "this script needs Debian's dpkg")
    wanted = re.compile(pattern)
    files: dict[str, bytes] = {}
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    path = member.name.removeprefix("./")
                    if member.isfile() and wanted.search(path):
                        stream = archive.extractfile(member)
                        assert stream is not None
                        files[path] = stream.read()
            process.stdout.read()
        except tarfile.TarError as error:
            raise CorpusError(f"cannot read {deb}: {error}", "delete it and start again") from error
    if process.returncode != 0:
        raise CorpusError(f"cannot read {deb}", "delete it and start again")
    for path in sorted(files):
        data = files[path]
        yield path, gzip.decompress(data) if path.endswith((".gz", ".dz")) else data
