"""The sources of the corpus: packages, files, licence, tier and hold-out of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from .document import Document
from .extract import (
    asciidoc,
    austen,
    crawl,
    dictd,
    fortunes,
    jargon,
    mallard,
    pod,
    rest,
    roff,
    sword,
    wesnoth,
    wordnet,
)

Extractor = Callable[[Iterable[tuple[str, bytes]]], Iterator[Document]]


@dataclasses.dataclass(frozen=True)
class Source:
    """A named part of the corpus.

    `tier` orders sources from easy (1) to hard. `files` is a regular expression on the paths inside the
    packages. `held_out` names whole works for validation; empty: about 3 % by content hash.
    """

    name: str
    tier: int
    packages: tuple[str, ...]
    files: str
    extract: Extractor
    license: str
    title: str
    held_out: frozenset[str] = frozenset()


_FORTUNE_TOPICS = (
    "art computers cookie definitions disclaimer education food fortunes goedel humorists kids law "
    "literature love magic medicine miscellaneous news paradoxum people pets platitudes "
    "politics pratchett riddles science sports startrek tao wisdom work"
)
_PERL_PAGES = (
    r"(?!.*(?:delta|toc|uniprops|api|intern|modlib|hist|release|policy|gpl|artistic|todo))"
)

SOURCES: tuple[Source, ...] = (
    Source(
        name="wesnoth",
        tier=1,
        packages=("wesnoth-1.16-utbs", "wesnoth-1.16-did", "wesnoth-1.16-nr"),
        files=r"/campaigns/.*\.cfg$",
        extract=wesnoth.documents,
        license="GPL-2.0-or-later",
        title="story and dialogue of three Battle for Wesnoth campaigns",
    ),
    Source(
        name="fortunes",
        tier=1,
        packages=("fortunes", "fortunes-min"),
        files=rf"/games/fortunes/(?:{'|'.join(_FORTUNE_TOPICS.split())})$",
        extract=fortunes.documents,
        license="BSD-3-Clause (collection; quotations are their authors')",
        title="fortune cookies: quotations, jokes, short anecdotes",
    ),
    Source(
        name="gnome-help",
        tier=1,
        packages=("gnome-user-docs",),
        files=r"/help/C/.*\.page$",
        extract=mallard.documents,
        license="CC-BY-SA-3.0",
        title="desktop help pages of GNOME",
    ),
    Source(
        name="web-bible",
        tier=2,
        packages=("sword-text-web",),
        files=r"/ztext/.*\.bz[sz]$",
        extract=sword.documents,
        license="public domain",
        title="World English Bible: plain modern English narrative",
        held_out=frozenset({"Ruth", "1Sam", "Mark", "Jas"}),
    ),
    Source(
        name="crawl",
        tier=2,
        packages=("crawl-common",),
        files=r"/dat/(?:descript/(?!quotes|status|commands)\w+|database/FAQ)\.txt$",
        extract=crawl.documents,
        license="GPL-2.0-or-later",
        title="descriptions of monsters, places and things in Dungeon Crawl",
    ),
    Source(
        name="wordnet",
        tier=2,
        packages=("wordnet-base",),
        files=r"/wordnet/(?:data|index)\.(?:noun|verb|adj|adv)$",
        extract=wordnet.documents,
        license="WordNet-3.0",
        title="dictionary entries with example sentences",
    ),
    Source(
        name="devil",
        tier=2,
        packages=("dict-devil",),
        files=r"devil\.dict\.dz$",
        extract=dictd.devil,
        license="public domain",
        title="The Devil's Dictionary by Ambrose Bierce",
    ),
    Source(
        name="austen",
        tier=3,
        packages=("r-cran-janeaustenr",),
        files=r"/data/Rdata\.rdb$",
        extract=austen.documents,
        license="public domain (package: MIT)",
        title="six novels by Jane Austen, one document a chapter",
        held_out=frozenset({"Northanger Abbey"}),
    ),
    Source(
        name="jargon",
        tier=3,
        packages=("jargon-text",),
        files=r"/jargon\.txt\.gz$",
        extract=jargon.documents,
        license="public domain",
        title="the Jargon File: slang of programmers",
    ),
    Source(
        name="python-docs",
        tier=4,
        packages=("python3.11-doc",),
        files=r"html/_sources/(?:tutorial|howto|faq|reference|using|extending|installing)/[\w-]+\.rst\.txt$",
        extract=rest.documents,
        license="PSF-2.0",
        title="Python's tutorial, how-tos, FAQ, guides and language reference",
    ),
    Source(
        name="git-docs",
        tier=4,
        packages=("git-doc",),
        files=r"/doc/git-doc/(?!RelNotes|howto|cmds-|fsck-msgids|config/).*\.txt$",
        extract=asciidoc.documents,
        license="GPL-2.0-only",
        title="Git's manual pages, guides and technical notes",
    ),
    Source(
        name="manpages",
        tier=5,
        packages=("manpages", "manpages-dev"),
        files=r"/man/man[1-8]/(?!iso_|cp125|koi8|armscii|ascii|charsets|intro\.|unimplemented)[^/]+\.gz$",
        extract=roff.documents,
        license="per page (Linux-man-pages-copyleft and other free licences)",
        title="Linux manual pages",
    ),
    Source(
        name="foldoc",
        tier=5,
        packages=("dict-foldoc",),
        files=r"foldoc\.dict\.dz$",
        extract=dictd.foldoc,
        license="GFDL-1.1-or-later",
        title="Free On-line Dictionary of Computing",
    ),
    Source(
        name="perl-docs",
        tier=6,
        packages=("perl-doc",),
        files=rf"/pod/{_PERL_PAGES}perl[\w-]*\.pod$",
        extract=pod.documents,
        license="GPL-1.0-or-later OR Artistic-1.0-Perl",
        title="Perl's manual",
    ),
    Source(
        name="kernel-docs",
        tier=6,
        packages=("linux-doc-6.1",),
        files=r"/Documentation/(?!translations/|.*(?:index|todo)\.rst).*\.rst(?:\.gz)?$",
        extract=rest.documents,
        license="GPL-2.0-only",
        title="Linux kernel documentation",
    ),
)


def by_tier(tiers: set[int]) -> list[Source]:
    """The sources of the given tiers, easy to hard."""
    return [source for source in SOURCES if source.tier in tiers]


def by_name(names: Iterable[str]) -> list[Source]:
    """The named sources, easy to hard. Raises KeyError with the first unknown name."""
    known = {source.name for source in SOURCES}
    for name in names:
        if name not in known:
            raise KeyError(name)
    return [source for source in SOURCES if source.name in set(names)]
