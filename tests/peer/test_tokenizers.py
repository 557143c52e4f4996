"""Our ids are those of `tokenizers`, `tiktoken` and `sentencepiece`, on real text and on awkward texts."""
import base64
import importlib.util
import json
import pathlib
import tempfile
import unittest

import tokenizer_parity as parity

ROOT = pathlib.Path(__file__).resolve().parents[2]

# As Hugging Face's files of these models write them.
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
SPLITS = {
    "llama3": [LLAMA3],
    "qwen2": [LLAMA3.replace("{1,3}", "")],
    "o200k": [parity.TIKTOKEN["o200k"]],
    "deepseek": [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
                 "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
                 "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"],
}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def real_texts():
    """A part of each source of the corpus where it is there, and our own documentation."""
    texts = [path.read_text() for path in sorted(ROOT.glob("docs/*.md"))]
    for path in sorted((ROOT / ".deps/corpus").glob("*.val.jsonl")):
        with open(path, encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for line, _ in zip(lines, range(20))]
    # Hugging Face turns a text that spells out a special token into that token; here text never gives one.
    return [text.replace("<|endoftext|>", "<|end of text|>") for text in texts]


class Tokenizers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = pathlib.Path(cls.folder.name)
        cls.texts = real_texts() + list(parity.awkward(1500, blocks=7))
        parity.ours("bpe:3000", real_texts(), cls.dir)
        (cls.dir / "hf").rename(cls.dir / "trained")
        cls.json = json.loads((cls.dir / "trained/tokenizer.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def same(self, tokenizer, encode, pattern="", texts=None):
        texts = texts or self.texts
        report, rows = parity.ours(tokenizer, texts, self.dir, pattern)
        self.assertEqual(report["decoded_exactly"], len(texts))
        wrong, _, given_up = parity.differences(encode(), texts, rows)
        self.assertLessEqual(given_up, 1)
        self.check_none(wrong, len(texts))

    def check_none(self, wrong, count):
        for text, ours, theirs in wrong[:1]:
            self.fail(f"{len(wrong)} of {count} texts differ: {text[:80]!r}: {ours[:40]} and {theirs[:40]}")

    def changed(self, name, change):
        """The trained tokenizer.json after `change`, as a folder."""
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        tokenizer = json.loads(json.dumps(self.json))
        change(tokenizer)
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        return folder

    def check_changed(self, name, change):
        folder = self.changed(name, change)
        self.same(folder, lambda: parity.hugging_face(folder / "tokenizer.json"))

    def test_the_classes_of_characters_are_theirs(self):
        spec = importlib.util.spec_from_file_location("categories", ROOT / "third_party/unicode/make_categories.py")
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        table = (ROOT / "core/data/tokenizer/unicode_categories.inc").read_text()
        runs = [int(number, 16) for line in table.splitlines() if line.startswith("0x") for number in line.split(",") if number]
        categories = {}
        for run, after in zip(runs, runs[1:] + [0x110000 * 32]):
            categories.setdefault(made.CATEGORIES[run % 32], set()).update(range(run // 32, after // 32))
        for library in ("tokenizers", "tiktoken"):
            for name in ("L", "N", "M", "P", "S", "Lu", "Lt", "Ll", "Lm", "Lo"):
                theirs = made.members(library, r"\p{" + name + "}")
                if theirs is None:
                    self.skipTest(f"{library} is not installed")
                ours = set().union(*(codes for key, codes in categories.items() if key.startswith(name)))
                self.assertEqual(sorted(ours ^ theirs)[:10], [], f"{library} {name}")

    def test_a_trained_bpe(self):
        self.check_changed("gpt2", lambda tokenizer: None)

    def test_the_patterns_of_split(self):
        for name, regexes in SPLITS.items():
            with self.subTest(name):
                def change(tokenizer):
                    parts = [{"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
                             for regex in regexes]
                    tokenizer["pre_tokenizer"] = {"type": "Sequence",
                                                  "pretokenizers": parts + [BYTE_LEVEL | {"use_regex": False}]}
                self.check_changed(name, change)

    def test_other_members(self):
        def digits(tokenizer):
            parts = [{"type": "Digits", "individual_digits": True}, BYTE_LEVEL]
            tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": parts}

        def whole_pieces(tokenizer):
            tokenizer["model"]["ignore_merges"] = True
            tokenizer["model"]["merges"] = tokenizer["model"]["merges"][::2]
            known = set(tokenizer["model"]["vocab"])
            merges = [merge.split(" ") for merge in tokenizer["model"]["merges"]]
            tokenizer["model"]["merges"] = [list(pair) for pair in merges if "".join(pair) in known]

        def added(tokenizer):
            tokenizer["added_tokens"] += [{"id": 5000 + i, "content": text, "single_word": False, "lstrip": False,
                                           "rstrip": False, "normalized": i > 3, "special": False}
                                          for i, text in enumerate(["  ", "    ", "the", "中あ", "\n\n", "th", "d the"])]
            tokenizer["model"]["vocab"] |= {token["content"]: token["id"] for token in tokenizer["added_tokens"]}

        for change in (digits, whole_pieces, added):
            with self.subTest(change.__name__):
                self.check_changed(change.__name__, change)
        # Decoding keeps the space in front, so only the ids are compared.
        folder = self.changed("prefix", lambda tokenizer: tokenizer["pre_tokenizer"].update(add_prefix_space=True))
        _, rows = parity.ours(folder, self.texts, self.dir)
        wrong, _, _ = parity.differences(parity.hugging_face(folder / "tokenizer.json"), self.texts, rows)
        self.check_none(wrong, len(self.texts))

    def test_rank_files(self):
        if importlib.util.find_spec("tiktoken") is None:
            self.skipTest("tiktoken is not installed (./dev setup --peers)")
        text = {value: key for key, value in self.json["model"]["vocab"].items()}
        bytes_of = {char: bytes([byte]) for byte, char in ((i, text[i]) for i in range(256))}
        tokens = [b"".join(bytes_of[char] for char in text[i]) for i in range(len(text) - 1)]
        ranks = self.dir / "trained.tiktoken"
        ranks.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens)))
        for pattern in parity.TIKTOKEN:
            with self.subTest(pattern):
                self.same(ranks, lambda: parity.tiktoken_encoder(ranks, pattern), pattern)
                self.same(ranks, lambda: parity.hugging_face(self.dir / "hf/tokenizer.json"), pattern)

    def test_gpt2_ranks(self):
        ranks = ROOT / ".deps/peers/gpt2.tiktoken"
        if not ranks.exists() or importlib.util.find_spec("tiktoken") is None:
            self.skipTest("GPT-2's ranks or tiktoken are not installed (./dev setup --peers)")
        self.same(ranks, lambda: parity.tiktoken_encoder(ranks, "gpt2"))
        self.same(ranks, lambda: parity.hugging_face(self.dir / "hf/tokenizer.json"))

    def test_transformers_reads_what_is_saved(self):
        if importlib.util.find_spec("transformers") is None:
            self.skipTest("transformers is not installed (./dev setup --peers)")
        from transformers import AutoTokenizer
        tokenizer = AutoTokenizer.from_pretrained(self.dir / "trained")
        self.assertEqual(tokenizer.eos_token, "<|endoftext|>")
        self.assertEqual(tokenizer.eos_token_id, self.json["model"]["vocab"]["<|endoftext|>"])
        texts = self.texts[:100]
        _, rows = parity.ours(self.dir / "trained", texts, self.dir)
        for text, ids in zip(texts, rows):
            self.assertEqual(tokenizer.encode(text, add_special_tokens=False), ids)
            self.assertEqual(tokenizer.decode(ids), text)

    def test_sentencepiece(self):
        # Hugging Face's code takes U+2581 for a space and finds <unk>. Sums over words of thousands of pieces are rounded
        # by the library, in each version differently.
        texts = [text.replace("\u2581", "-").replace("<unk>", "< unk >") for text in self.texts if len(text.split()) > 1
                 or len(text) < 5000]
        parity.ours("sentencepiece:1500", real_texts(), self.dir)
        model = (self.dir / "hf").rename(self.dir / "sentencepiece")
        with self.subTest("tokenizers"):
            self.same(model, lambda: parity.hugging_face(model / "tokenizer.json"), texts=texts)
        with self.subTest("sentencepiece"):
            self.same(model, lambda: parity.sentencepiece(model / "tokenizer.model"), texts=texts)


if __name__ == "__main__":
    unittest.main()
