"""Text normalisation that every source shares."""

from __future__ import annotations

import re
import unicodedata

_CHARACTERS = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": "'",
        "\u201b": "'",
        "\u2032": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u201f": '"',
        "\u2026": "...",
        "\u2010": "-",
        "\u2011": "-",
        "\u2015": "\u2014",
        "\u2212": "-",
        "\u00a0": " ",
        "\u2007": " ",
        "\u2009": " ",
        "\u202f": " ",
        "\t": " ",
        "\v": "\n",
        "\f": "\n",
        "\u2028": "\n",
        "\u2029": "\n\n",
        "\u00ad": None,
        "\u200b": None,
        "\u200c": None,
        "\u200d": None,
        "\u2060": None,
        "\ufeff": None,
        "\ufffd": None,
    }
)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACES = re.compile(r" {2,}")
_AROUND_NEWLINE = re.compile(r" *\n *")
_BLANK_LINES = re.compile(r"\n{3,}")


def normalise(text: str) -> str:
    """NFC text with plain quotes, `\\n` line ends, single spaces, at most one blank line,
    and no control character."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        text = text.replace("\t", " ").replace("\v", "\n").replace("\f", "\n")
    else:
        text = text.translate(_CHARACTERS)
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text))
    text = _SPACES.sub(" ", text)
    text = _AROUND_NEWLINE.sub("\n", text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def split_paragraphs(text: str) -> list[str]:
    """Non-empty blocks of lines that blank lines separate, without outer white space."""
    return [block.strip() for block in re.split(r"\n[ \t]*\n", text) if block.strip()]


def join_lines(block: str) -> str:
    """The block on one line; a word broken by a hyphen at a line end is left hyphenated."""
    return re.sub(r"\s*\n\s*", " ", block.strip())


def letter_share(text: str) -> float:
    """Letters as a share of all characters but spaces: about 0.95 in prose, less in tables and code."""
    characters = len(text) - text.count(" ") - text.count("\n")
    return len(re.findall(r"[A-Za-z\u00c0-\u024f]", text)) / characters if characters else 0.0


_LAST_SENTENCE = re.compile(r"(?:^|(?<=[.!?:)\"'] ))(?:[^.!?]|[.!?](?! [A-Z]))*$")
_DANGLING = re.compile(
    r"\b(?:as|is|are|be|was|were|do|does|did|has|have|had|with|by|a|an|the|to|of|in|at|from|for|these|this|that|"
    r"those|like|using|use|run|running|command|commands|and|or|but|then|say|says|give|gives|get|following|"
    r"follows|below|form|e\.g|i\.e|namely|example|instance|here|so|try|type|write|see|code|output|looks|"
    r"syntax|prints|called|contains|contain)\.?$"
)


def end_lead_in(paragraph: str, whole_sentences: bool = False) -> str:
    """The paragraph without its promise of a block that was removed after it.

    A last sentence that says little without the block ("For example:", "this is done by") goes;
    another one that ends in a colon ends in a full stop instead. With `whole_sentences`, a last sentence
    without an end goes too.
    """
    match = _LAST_SENTENCE.search(paragraph)
    stem = paragraph.rstrip(": ,;-")
    promises = paragraph.endswith(":")
    unfinished = not re.search(r"[.!?][)\"']*$", paragraph)
    dangles = unfinished and bool(_DANGLING.search(stem) or paragraph[-1:] in ",;")
    if match and (
        dangles
        or (whole_sentences and unfinished and not promises)
        or (promises and len(match[0].split()) <= 7)
    ):
        return paragraph[: match.start()].rstrip()
    return stem + "." if promises else paragraph


_URL = re.compile(r"\s*[<(\[]?\b(?:https?|ftp|gopher|news|mailto)://?[^\s>)\]]+[>)\]]?")
_MAIL = re.compile(r"\s*[<(\[]?[\w.+-]+@[\w-]+(?:\.[\w-]+)+[>)\]]?")


def without_addresses(text: str) -> str:
    """The text without URLs and e-mail addresses, nor the brackets around them."""
    if ":/" in text:
        text = _URL.sub("", text)
    return _MAIL.sub("", text) if "@" in text else text


def page_name(name: str) -> str:
    """A file name without folder and without its known endings, for ids and titles."""
    base = name.rsplit("/", 1)[-1]
    return re.sub(r"(\.rst\.txt|\.rst|\.txt|\.page|\.pod|\.cfg)?(\.gz)?$", "", base)
