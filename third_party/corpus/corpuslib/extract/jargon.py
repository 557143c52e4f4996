"""The Jargon File as plain text: essays, then a lexicon of `:head word:` entries, then stories."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..clean import join_lines, letter_share, split_paragraphs, without_addresses
from ..document import Document

_ENTRY = re.compile(r"^   :(.+?):[ \t]*.*$", re.M)
_NEXT_LETTER = re.compile(r"^   [A-Z]$", re.M)
_DROPPED_SECTIONS = re.compile(
    r"Table of Contents|Revision History|Bibliography|Jargon File|Welcome|How Jargon Works|"
    r"Other Lexicon|Pronunciation|Sexual|Notation|Ceremonial|^.$",
)


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each lexicon entry, and one for each section of the essays and stories."""
    for _, data in files:
        text = data.decode("utf-8", "replace").replace("\u00a0", " ")
        end = text.index("Part III. Appendices")
        matches = list(_ENTRY.finditer(text, 0, end))
        yield from _sections(text[: matches[0].start()] + text[end:])
        for number, match in enumerate(matches):
            stop = matches[number + 1].start() if number + 1 < len(matches) else end
            if letter := _NEXT_LETTER.search(text, match.end(), stop):
                stop = letter.start()
            body = _body(text[match.end() : stop])
            if body:
                yield Document(f"{number:04d}-{match[1]}", f"{match[1]}\n\n{body}")


def _sections(text: str) -> Iterator[Document]:
    for number, section in enumerate(re.split(r"^(?=[A-Za-z])", text, flags=re.M)):
        heading, _, rest = section.partition("\n")
        heading = re.sub(r"^(?:Chapter|Appendix) \w+\. ", "", heading.strip())
        body = _body(rest)
        if body and not _DROPPED_SECTIONS.search(heading):
            yield Document(f"essay/{number:03d}-{heading}", f"{heading}\n\n{body}")


def _body(text: str) -> str:
    blocks = [join_lines(block) for block in split_paragraphs(text)]
    paragraphs = [_paragraph(block) for block in blocks if _is_prose(block)]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _is_prose(text: str) -> bool:
    if re.match(r"^(?:\(The (?:next|previous|first|last)|---|\u2550|\u2500)", text):
        return False
    if "cartoon in the Crunchly" in text or letter_share(text) < 0.75:
        return False
    return len(text.split()) >= 8 or bool(re.search(r"[.!?:)\"'\u201d\u2019]$", text))


def _paragraph(text: str) -> str:
    text = re.sub(r"\{([^{}]*)\}", r"\1", without_addresses(text))
    return re.sub(r"(?<![\w*])\*([A-Za-z][^*]*?)\*(?![\w*])", r"\1", text)
