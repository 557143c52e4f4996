"""Fortune cookie files: texts that lines with a single % separate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..clean import letter_share, without_addresses
from ..document import Document, content_hash

_ATTRIBUTION = re.compile(r"^\s*(?:--+|\u2014)\s*(?=[^\s-])")
_LISTED = re.compile(r"(?:\(?\d{1,3}[.)]|[QA]:|[-*o]) ")
_INDENTED = re.compile(r"^(?:\t| {4,})")
_LOW = re.compile(
    r"\b(?:dick|cock|(?i:fuck\w*|\w*shit|cunt|bitch|whores?|sluts?|nigger\w*|faggots?|rape[sd]?|pussy|penis|"
    r"vagina|orgasms?|blow ?job|condoms?|masturbat\w*|piss\w*|assholes?|tits?|horny|hookers?|prostitut\w+|"
    r"sex|sexual|breasts?))\b"
)


def documents(files: Iterable[tuple[str, bytes]]) -> Iterator[Document]:
    """A document for each fortune that reads as English text, once whoever it is attributed to."""
    seen: set[str] = set()
    for path, data in files:
        topic = path.rsplit("/", 1)[-1]
        for cookie in re.split(r"^%\s*$", data.decode("utf-8", "replace"), flags=re.M):
            text = _text(cookie)
            body = content_hash(text.partition("\n\u2014")[0])
            if text and body not in seen:
                seen.add(body)
                yield Document(f"{topic}/{content_hash(text)[:12]}", text)


def _text(cookie: str) -> str:
    cookie = re.sub(r".\x08", "", cookie)
    lines = [line.rstrip() for line in cookie.strip("\n").split("\n")]
    if any(re.match(r"\s*(?:<\w+>|\*\s\w+\s|[>:|#]|/\*)", line) for line in lines):
        return ""
    text = "\n\n".join(_passages(lines)).replace("\n\n\u2014", "\n\u2014")
    text = re.sub(
        r"(?<![\w*])\*([A-Za-z][^*\n]*?)\*(?![\w*])",
        r"\1",
        text.replace("``", '"').replace("''", '"'),
    )
    text = re.sub(r"(?<!\w)_+([A-Za-z][\w ]*?)_*(?!\w)", r"\1", text.removeprefix("QOTD:").lstrip())
    text = re.sub(r"(?<!\w)`([^`'\n]+)'", r"'\1'", text)
    if (
        letter_share(text) < 0.8
        or _LOW.search(text)
        or re.search(r"([^\w\s.])\1{4}|[|]{2}|[\u00c2\u00c3]", text)
    ):
        return ""
    return re.sub(r"(?<=[\w.,;:!?\"')])(?: *-{2,3} *| +-{2,3} *)(?=[\w\"'(.])", " \u2014 ", text)


def _passages(lines: list[str]) -> Iterator[str]:
    """Paragraphs, each followed by its attribution if it has one; more may follow an attribution."""
    body: list[str] = []
    source: list[str] = []
    depth = 0
    for line in lines:
        indent = len(line.expandtabs()) - len(line.expandtabs().lstrip())
        if source and line.strip() and indent >= depth and not _ATTRIBUTION.match(line):
            source.append(line)
            continue
        if source:
            yield from _paragraphs(body)
            yield from _attribution(source)
            body, source = [], []
        if body and _ATTRIBUTION.match(line) and (indent >= 8 or line.startswith("--")):
            source, depth = [line], indent
        else:
            body.append(line)
    yield from _paragraphs(body)
    yield from _attribution(source)


def _attribution(lines: list[str]) -> Iterator[str]:
    text = _ATTRIBUTION.sub("", " ".join(" ".join(lines).split()), count=1)
    text = re.sub(r"[ ,(]*\b(?:in|on)?\s*<[^>]*>?\)?", "", without_addresses(text)).strip(" ,")
    if text:
        yield f"\u2014 {text}"


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Hard-wrapped prose on one line a paragraph; verse and lists as they stand."""
    block: list[str] = []
    for line in [*lines, ""]:
        starts = bool(block) and bool(_INDENTED.match(line)) and not _INDENTED.match(block[-1])
        if not line.strip() or starts:
            if block:
                yield _join(block)
            block = []
        if line.strip():
            block.append(line)


def _join(block: list[str]) -> str:
    stripped = [" ".join(without_addresses(line).split()) for line in block]
    starts = [number for number, line in enumerate(stripped) if number and _LISTED.match(line)]
    if starts:
        bounds = [0, *starts, len(block)]
        return "\n".join(_join(block[a:b]) for a, b in zip(bounds, bounds[1:], strict=False))
    widths = [len(line.expandtabs()) for line in block[:-1]]
    if widths and min(widths) >= 45 and sum(widths) / len(widths) >= 55:
        return " ".join(stripped)
    return "\n".join(stripped)
