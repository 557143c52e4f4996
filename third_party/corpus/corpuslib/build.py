"""Builds one source: reads its packages, extracts, cleans, splits and writes JSON Lines."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from .debian import read_files
from .document import Document, hold_out, tidy
from .errors import CorpusError
from .sources import Source


def _files(source: Source, debs: list[Path]) -> Iterator[tuple[str, bytes]]:
    for deb in debs:
        yield from read_files(deb, source.files)


def build(source: Source, debs: list[Path], folder: Path) -> dict[str, object]:
    """Writes `<name>.train.jsonl` and `<name>.val.jsonl` into `folder`.

    Returns the counts and sha256 of both files for the manifest. The same packages give the same bytes.
    """
    try:
        documents = tidy(source.extract(_files(source, debs)))
        train, validation = hold_out(documents, source.held_out)
    except (ValueError, LookupError) as error:
        names = ", ".join(deb.name for deb in debs)
        raise CorpusError(
            f"source {source.name}: the content of {names} is not as expected: {error}",
            f"leave it out with --sources, or adapt its reader in {source.extract.__module__}",
        ) from error
    splits: dict[str, object] = {}
    for split, part in (("train", train), ("val", validation)):
        data = "".join(_line(document, source) for document in part).encode()
        file_name = f"{source.name}.{split}.jsonl"
        (folder / file_name).write_bytes(data)
        splits[split] = _counts(part) | {
            "file": file_name,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    return {"splits": splits} | _counts(documents)


def _line(document: Document, source: Source) -> str:
    record = {
        "text": document.text,
        "id": f"{source.name}/{document.id}",
        "source": source.name,
        "license": document.license or source.license,
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def _counts(documents: list[Document]) -> dict[str, int]:
    return {
        "documents": len(documents),
        "bytes": sum(len(document.text.encode()) for document in documents),
        "words": sum(len(re.findall(r"[A-Za-z']+", document.text)) for document in documents),
    }
