"""WordNet data files: definitions and example sentences as dictionary entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..document import Document

_PARTS = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
_LOW = re.compile(
    r"\b(?:ethnic slur|offensive|obscene|vulgar|derogatory|disparaging|slang for|sexual\w*|genital\w*)\b"
)
_EXAMPLE = re.compile(r'"([^"]+)"(?:\s*(?:-|--)\s*([A-Z][\w. ]+))?')


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each head word that has a sense with an example sentence.

    A set of synonyms is told once, under its first word.
    """
    contents = {path.rsplit("/", 1)[-1]: data.decode("utf-8", "replace") for path, data in files}
    entries: dict[str, list[str]] = {}
    with_example: set[str] = set()
    for part, label in _PARTS.items():
        synsets = {
            line[:8]: line.rstrip().partition(" | ")[::2]
            for line in contents[f"data.{part}"].splitlines()
            if line[:1] != " "
        }
        for line in contents[f"index.{part}"].splitlines():
            if line.startswith(" "):
                continue
            fields = line.split()
            count = int(fields[2])
            for offset in fields[-count:]:
                fixed, gloss = synsets[offset]
                words = _words(fixed.split())
                if words[0].lower().replace(" ", "_") != fields[0]:
                    continue
                head = words[0]
                if _LOW.search(gloss):
                    continue
                entry, has_example = _entry(label, words[1:], gloss)
                entries.setdefault(head, []).append(entry)
                if has_example:
                    with_example.add(head)
    for head in sorted(with_example):
        yield Document(head, "\n".join([head, *entries[head]]))


def _words(fields: list[str]) -> list[str]:
    words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    return [re.sub(r"\((?:a|p|ip)\)$", "", word).replace("_", " ") for word in words]


def _entry(label: str, synonyms: list[str], gloss: str) -> tuple[str, bool]:
    gloss = gloss.replace("`", "'").replace("''", '"')
    start = re.search(r';?\s*"', gloss)
    definition = gloss[: start.start()] if start else gloss
    examples = _EXAMPLE.findall(gloss[start.start() :]) if start else []
    text = f"{label}: {definition.strip(' ;:.')}."
    if synonyms:
        text += f" Also: {', '.join(synonyms).rstrip('.')}."
    for example, author in examples:
        text += " " + _sentence(example) + (f" ({author.strip()})" if author else "")
    return text, bool(examples)


def _sentence(example: str) -> str:
    example = example.strip(" ;,")
    example = example[:1].upper() + example[1:]
    if example[-1:] not in (".", "!", "?"):
        example += "."
    return f'"{example}"'
