"""Readers of books, games and dictionaries on small pieces of their formats."""

import struct
import unittest
import zlib

import corpus_path  # noqa: F401

# isort: split
from corpuslib.extract import (
    austen,
    crawl,
    dictd,
    fortunes,
    jargon,
    sword,
    wesnoth,
    wordnet,
)


def texts(documents):
    return {document.id: document.text for document in documents}


class Wesnoth(unittest.TestCase):
    SOURCE = """
#textdomain wesnoth-x
[scenario]
    id=01
    name= _ "First Light"
    [story]
        [part]
            story= _ "<i>Long</i> ago, the ""old"" king died." + _ "

He left one heir."
        [/part]
    [/story]
    [side]
        id="Mal_1"
        name= _ "Malin Keshar"
    [/side]
    [event]
        [message]
            speaker=Mal_1
            message= _ "note^Then let’s go."
        [/message]
        [message]
            speaker=narrator
            message= _ "The gate opens."
        [/message]
        [message]
            speaker=unit
            message= _ "I have $gold pieces."
        [/message]
        [objective]
            description= _ "Defeat all enemies"
        [/objective]
        [lua]
            code=<< message = _ "not text" >>
        [/lua]
    [/event]
[/scenario]
"""

    def test_story_and_dialogue_without_markup(self):
        files = [("data/campaigns/Tale/scenarios/01.cfg", self.SOURCE.encode())]
        self.assertEqual(
            texts(wesnoth.documents(files)),
            {
                "Tale/scenarios/01": 'Long ago, the "old" king died.\n\nHe left one heir.\n\n'
                "Malin Keshar: Then let’s go.\n\nThe gate opens."
            },
        )

    def test_unit_description_has_its_name(self):
        unit = '[unit_type]\nid=Ghast\nname= _ "Ghast"\ndescription= _ "It feeds."\n[/unit_type]'
        result = texts(wesnoth.documents([("x/campaigns/T/units/a.cfg", unit.encode())]))
        self.assertEqual(result, {"T/units/a": "Ghast\nIt feeds."})


class Fortunes(unittest.TestCase):
    def one(self, cookie):
        return [d.text for d in fortunes.documents([("games/fortunes/wisdom", cookie.encode())])]

    def test_wrapped_prose_is_joined_and_attributed(self):
        cookie = (
            'A "critic" is a man who creates nothing and thereby feels\n'
            "qualified to judge the work of creative men.\n\t\t-- Robert Heinlein <rh@x.org>\n"
        )
        self.assertEqual(
            self.one(cookie),
            [
                'A "critic" is a man who creates nothing and thereby feels qualified to judge the '
                "work of creative men.\n— Robert Heinlein"
            ],
        )

    def test_verse_keeps_its_lines(self):
        self.assertEqual(
            self.one("A bit of talcum\nIs always walcum\n"), ["A bit of talcum\nIs always walcum"]
        )

    def test_cookies_are_separated_and_noise_is_dropped(self):
        cookies = "Be kind to all.\n%\n<nick> hi there\n%\n|--|--|\n| 12 | 34 |\n%\nLove is all.\n"
        self.assertEqual(self.one(cookies), ["Be kind to all.", "Love is all."])


class WordNet(unittest.TestCase):
    def test_entry_with_senses_synonyms_and_examples(self):
        files = [
            (
                "w/data.noun",
                b'00000001 03 n 02 shore 0 coast 0 000 | land by the sea; "they walked the shore"  \n',
            ),
            (
                "w/index.noun",
                b"  1 licence text\nshore n 1 0 1 0 00000001\ncoast n 1 0 1 0 00000001\n",
            ),
            ("w/data.verb", b"00000002 30 v 01 shore 0 000 | serve as a shore to  \n"),
            ("w/index.verb", b"shore v 1 0 1 0 00000002\n"),
            ("w/data.adj", b""),
            ("w/index.adj", b""),
            ("w/data.adv", b""),
            ("w/index.adv", b""),
        ]
        self.assertEqual(
            texts(wordnet.documents(files)),
            {
                "shore": 'shore\nnoun: land by the sea. Also: coast. "They walked the shore."\n'
                "verb: serve as a shore to."
            },
        )


class Austen(unittest.TestCase):
    @staticmethod
    def record(lines):
        value = (
            b"X\n" + struct.pack(">iii", 3, 0x040000, 0x030500) + struct.pack(">i", 5) + b"UTF-8"
        )
        value += struct.pack(">ii", 16, len(lines))
        for line in lines:
            value += struct.pack(">ii", 9, len(line.encode())) + line.encode()
        packed = zlib.compress(value)
        return struct.pack(">I", len(value)) + packed

    def test_chapters_of_a_serialised_novel(self):
        lines = [
            "EMMA",
            "",
            "By Jane Austen",
            "CHAPTER I",
            "",
            "Emma was",
            "_very_ rich--and so on.",
            "",
            "She sat.",
        ]
        lines += ["CHAPTER II", "", "Mr. Weston came.", "", "FINIS"]
        other = zlib.compress(b"X\n" + struct.pack(">iiiii", 2, 0, 0, 13, 0))
        data = struct.pack(">I", 22) + other + self.record(lines)
        result = list(austen.documents([("data/Rdata.rdb", data)]))
        self.assertEqual(
            [(d.id, d.group, d.text) for d in result],
            [
                ("Emma/1", "Emma", "Emma was very rich—and so on.\n\nShe sat."),
                ("Emma/2", "Emma", "Mr. Weston came."),
            ],
        )

    def test_damaged_record_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "byte 0"):
            list(austen.character_vectors(b"\0\0\0\5not zlib"))


class Dictd(unittest.TestCase):
    def test_devil_entry_with_signed_verse(self):
        source = "preface\n\nABASEMENT, n. A decent\nattitude -- at times.\n\n    Poor Isabella's dead,\n"
        source += "    Her realm is fled.\n" + " " * 60 + "G.J.\n\nABATIS, n. Rubbish in front.\n"
        self.assertEqual(
            list(texts(dictd.devil([("devil", source.encode())])).values()),
            [
                "ABASEMENT, n. A decent attitude — at times.\n\nPoor Isabella's dead,\nHer realm is fled.\n— G.J.",
                "ABATIS, n. Rubbish in front.",
            ],
        )

    def test_foldoc_entry_without_topics_links_dates_and_references(self):
        source = (
            "actor\n\n   <programming> An {object} which exists as a\n   {concurrent} process.\n\n"
            '   ["Actors", Agha, MIT 1986].\n\n   {Home (http://x.org/)}.\n\n   (1994-11-08)\n\n'
            "hack\n\n   To do.\n\n   [{Jargon File}]\n\n   (1995-01-01)\n"
        )
        self.assertEqual(
            texts(dictd.foldoc([("foldoc", source.encode())])),
            {"00001-actor": "actor\n\nAn object which exists as a concurrent process."},
        )


class Jargon(unittest.TestCase):
    def test_essays_and_entries_without_links_and_word_lists(self):
        source = (
            "Chapter 4. Jargon Construction\n\n   Hackers bend words to their will, and they enjoy it.\n\n"
            "   :bit: /bit/, n.\n\n   The unit of {information}, from a contraction of two words.\n\n"
            "   B\n\n   batch\n\n   baud\n\n   :batch: adj.\n\n   Not interactive, in the sense of {hackers} today.\n\n"
            "                 Part III. Appendices\n"
        )
        self.assertEqual(
            list(texts(jargon.documents([("jargon.txt", source.encode())])).values()),
            [
                "Jargon Construction\n\nHackers bend words to their will, and they enjoy it.",
                "bit\n\nThe unit of information, from a contraction of two words.",
                "batch\n\nNot interactive, in the sense of hackers today.",
            ],
        )


class Sword(unittest.TestCase):
    def test_chapters_without_notes_and_word_tags(self):
        markup = (
            b'<title>Genesis</title><chapter n="1" osisID="Gen.1" sID="Gen.1"/>'
            b'<w lemma="x">In</w> <w lemma="y">the</w> beginning<note placement="foot">1:1 a note</note>'
            b' , God.<div sID="g" type="x-p"/>Next.<l level="1">A line</l><l level="1">and another</l>'
            b'<chapter eID="Gen.1"/><chapter n="2" osisID="Gen.2" sID="Gen.2"/>Rest &amp; peace.'
        )
        packed = zlib.compress(markup)
        index = struct.pack("<III", 0, len(packed), len(markup))
        files = [("ot.bzs", index), ("ot.bzz", packed), ("nt.bzs", b""), ("nt.bzz", b"")]
        result = list(sword.documents(files))
        self.assertEqual(
            [(d.id, d.group, d.text) for d in result],
            [
                ("Gen.1", "Gen", "In the beginning, God.\n\nNext.\nA line\n\nand another"),
                ("Gen.2", "Gen", "Rest & peace."),
            ],
        )


class Crawl(unittest.TestCase):
    def test_described_things_and_questions(self):
        things = "%%%%\n# Uniques\nharpy\n\nA bird-like creature\nwith a human face.\n%%%%\nx {{\n\nlua\n%%%%\nimp\n\n<harpy>\n"
        questions = "%%%%\nQ:win\n\nCan I win?\n%%%%\nA:win\n\nA: Yes, with <w>care</w>.\n%%%%\n"
        files = [
            ("descript/monsters.txt", things.encode()),
            ("database/FAQ.txt", questions.encode()),
        ]
        self.assertEqual(
            list(texts(crawl.documents(files)).values()),
            ["Harpy\n\nA bird-like creature with a human face.", "Can I win?\n\nYes, with care."],
        )


if __name__ == "__main__":
    unittest.main()
