"""Normalising, cutting, de-duplicating, splitting and holding out documents."""

import random
import unicodedata
import unittest

import corpus_path  # noqa: F401

# isort: split
from corpuslib.blocks import CUT, Block, assemble
from corpuslib.clean import end_lead_in, normalise, without_addresses
from corpuslib.document import MAX_CHARS, MIN_CHARS, Document, hold_out, split_long, tidy


def sentence(number):
    return f"Sentence {number} is long enough to be a document of its own, with the number {number} in it."


class Normalise(unittest.TestCase):
    def test_output_is_nfc_without_control_characters_and_odd_spaces(self):
        text = normalise(
            "Cafe\u0301 \x07\u201cnow\u201d\r\nthe\u00a0\u00adend\u2026 \t x\n\n\n\ny\x00\ufeff"
        )
        self.assertEqual(text, 'Café "now"\nthe end... x\n\ny')
        self.assertTrue(unicodedata.is_normalized("NFC", text))

    def test_it_is_idempotent_on_random_text(self):
        generator = random.Random(7)
        alphabet = "ab \n\t\r\x00\x85\u0301\u2019\u00a0\u200b\ud7ff\u00e9."
        for _ in range(300):
            text = "".join(generator.choices(alphabet, k=40))
            once = normalise(text)
            self.assertEqual(normalise(once), once)
            self.assertNotRegex(once, r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|  |\n\n\n|^\s|\s$")

    def test_addresses_go_with_their_brackets(self):
        self.assertEqual(
            without_addresses("See <http://x.org/a?b> or mail me <a.b@x.org>."), "See or mail me."
        )


class Cuts(unittest.TestCase):
    def test_lead_in_of_a_removed_block(self):
        self.assertEqual(end_lead_in("It works. For example:"), "It works.")
        self.assertEqual(end_lead_in("The easiest way to do that on your own machine is to do"), "")
        self.assertEqual(
            end_lead_in(
                "An interactive session shows the difference between the two kinds of lookup:"
            ),
            "An interactive session shows the difference between the two kinds of lookup.",
        )
        self.assertEqual(end_lead_in("It works."), "It works.")

    def test_titles_without_text_and_blocks_of_symbols_go(self):
        blocks = [
            Block("title", "Page"),
            Block("title", "Empty", 2),
            Block("title", "Full", 2),
            Block("text", "Some text here."),
            CUT,
            Block("text", "and the rest of it. Then more."),
            Block("text", "| 1 | 2 | 3 | 4 |"),
            Block("title", "Last", 2),
        ]
        self.assertEqual(assemble(blocks), "Page\n\nFull\n\nSome text here.\n\nThen more.")


class Tidy(unittest.TestCase):
    def test_same_text_is_kept_once_and_short_text_not_at_all(self):
        text = sentence(1)
        documents = [
            Document("a", text),
            Document("b", f"  {text.upper()}\n"),
            Document("c", "Short."),
        ]
        self.assertEqual([d.id for d in tidy(documents)], ["a"])

    def test_repeated_long_line_is_dropped_from_the_second_document(self):
        line = "This paragraph is boilerplate. " * 8
        documents = [
            Document("a", f"{line}\n\n{sentence(1)}"),
            Document("b", f"{line}\n\n{sentence(2)}"),
        ]
        result = tidy(documents)
        self.assertIn("boilerplate", result[0].text)
        self.assertEqual(result[1].text, sentence(2))

    def test_long_text_is_split_between_paragraphs_and_stays_one_group(self):
        text = "\n\n".join(sentence(n) * 3 for n in range(200))
        result = tidy([Document("novel", text)])
        self.assertEqual([d.id for d in result[:2]], ["novel#1", "novel#2"])
        self.assertEqual({d.unit for d in result}, {"novel"})
        self.assertEqual("\n\n".join(d.text for d in result), normalise(text))
        self.assertTrue(all(MIN_CHARS <= len(d.text) <= MAX_CHARS for d in result))

    def test_split_without_paragraphs_loses_nothing(self):
        for text in ("word " * 300, "x" * 1000, "A sentence. " * 100, "line\n" * 200):
            parts = split_long(text.strip(), 100)
            self.assertTrue(all(0 < len(part) <= 100 for part in parts))
            self.assertEqual("".join("".join(parts).split()), "".join(text.split()))

    def test_equal_ids_are_an_error(self):
        with self.assertRaisesRegex(ValueError, "'a'"):
            tidy([Document("a", sentence(1)), Document("a", sentence(2))])


class HoldOut(unittest.TestCase):
    def setUp(self):
        self.documents = [Document(f"d{n}", sentence(n)) for n in range(400)]

    def test_share_is_near_the_fraction_and_nothing_is_lost(self):
        train, validation = hold_out(self.documents, fraction=0.03)
        self.assertEqual(len(train) + len(validation), 400)
        self.assertTrue(0.02 * 400 <= len(validation) <= 0.05 * 400, len(validation))
        self.assertFalse({d.id for d in train} & {d.id for d in validation})

    def test_choice_depends_on_content_not_on_order_or_id(self):
        shuffled = [Document(f"x{7 * n % 400}", d.text) for n, d in enumerate(self.documents)]
        random.Random(3).shuffle(shuffled)
        first = {d.text for d in hold_out(self.documents)[1]}
        self.assertEqual({d.text for d in hold_out(shuffled)[1]}, first)

    def test_groups_stay_whole(self):
        documents = [Document(f"d{n}", sentence(n), group=f"g{n % 40}") for n in range(400)]
        train, validation = hold_out(documents)
        self.assertTrue(validation)
        self.assertFalse({d.unit for d in train} & {d.unit for d in validation})

    def test_named_works_are_held_out_and_must_exist(self):
        documents = [Document(f"d{n}", sentence(n), group=f"g{n % 3}") for n in range(9)]
        _, validation = hold_out(documents, frozenset({"g1"}))
        self.assertEqual({d.unit for d in validation}, {"g1"})
        self.assertEqual(len(validation), 3)
        with self.assertRaisesRegex(ValueError, "nowhere"):
            hold_out(documents, frozenset({"nowhere"}))

    def test_at_least_one_document_is_held_out_of_a_few_large_ones(self):
        documents = [Document(f"d{n}", sentence(n) * (n + 1)) for n in range(3)]
        train, validation = hold_out(documents)
        self.assertEqual([d.id for d in validation], ["d0"])
        self.assertEqual(len(train), 2)
        with self.assertRaisesRegex(ValueError, "two"):
            hold_out(documents[:1])


if __name__ == "__main__":
    unittest.main()
