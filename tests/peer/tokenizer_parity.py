"""Compares the ids of bench_tokenize with those of `tokenizers`, `tiktoken` and `sentencepiece`, document by document.

By hand, on the whole of some files and on awkward texts:

    tokenizer_parity.py TOKENIZER[@PATTERN] FILE.jsonl ...

TOKENIZER is whatever bench_tokenize takes. Prints counts and the speed of each, on one thread.
"""
import array
import base64
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RUST_BACKTRACE"] = "0"
BUILD = pathlib.Path(os.environ.get("ESPALIER_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))

# tiktoken's own patterns (tiktoken_ext/openai_public.py, 0.14).
TIKTOKEN = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"
              r"\s*[\r\n]|\s+(?!\S)|\s",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
             r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
             r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}

# One or more of every class that the patterns tell apart, and what they name.
PARTS = ("a b z A B Z s t m d l v e r S T M D L V E R re ve ll RE Ve lL ' ' ' ' ’ ſ K ß İ ı ǅ ʰ ª 中 龥 あ ー 가 ا ह ् ́ ⃝ ̈ ः "
         "0 1 23 456 7890 ٣ Ⅷ ½ ² . , ! - -- ... / // \\ _ ( ) { } $ + = ~ € © 😀 👩‍🚀 🇩🇪 ☃️ <| |> \x00 \x01 \x7f \x1f "
         "\u200b \u180e \ufeff \ufffd \ufffe \ud7ff \ue000 \U000e0001 \U0010ffff \U0001d400").split(" ")
SPACES = [" ", " ", " ", "  ", "   ", "\t", "\n", "\n\n", "\r", "\r\n", "\v", "\f", "\x85", "\xa0", "\u2003", "\u2028", "\u3000"]


def awkward(count, blocks=1, word=20_000, seed=1):
    """`count` random texts, every `blocks`-th block of all of Unicode, long runs, and a word of `word` characters."""
    chance = random.Random(seed)
    for _ in range(count):
        yield "".join(chance.choice(PARTS if chance.random() < 0.7 else SPACES) for _ in range(chance.randrange(1, 50)))
    for number, at in enumerate(range(0, 0x110000, 256)):
        codes = [chr(code) for code in range(at, at + 256) if not 0xD800 <= code < 0xE000]
        if number % blocks or not codes:
            continue
        yield "".join(codes)
        yield "".join(code + chance.choice(["", "a", "A", " ", "1", "'", "\n", "́"]) for code in codes)
    for unit in (" ", "\n", "\r\n", " \n", "\t", "7", "a", "A", "Aa", "-", "'", "'s", "é", "中", "😀", "\u0301", "\x00"):
        for size in (1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 63, 64, 65, 95, 96, 97, 128, 300, 1000):
            yield unit * size
            yield "x" + unit * size + "y"
            yield unit * size + " "
    yield "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(word))
    yield "e" * word
    yield " " * word + "x"


def ours(tokenizer, texts, folder, pattern=""):
    """Writes the texts, encodes them; gives the report of bench_tokenize and the list of ids of each text."""
    source = folder / "texts.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return encode_files(tokenizer, [source], folder, pattern)


def encode_files(tokenizer, files, folder, pattern=""):
    ids = folder / "ids.bin"
    command = [BUILD / "bin/bench_tokenize", tokenizer, "--save", folder / "hf", "--ids", ids]
    command += ["--pattern", pattern] if pattern else []
    done = subprocess.run([*command, *files], stdout=subprocess.PIPE, check=True)
    numbers = array.array("i", ids.read_bytes())
    rows, at = [], 0
    while at < len(numbers):
        rows.append(numbers[at + 1:at + 1 + numbers[at]].tolist())
        at += 1 + numbers[at]
    return json.loads(done.stdout), rows


def hugging_face(file):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(file))
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def tiktoken_encoder(file, pattern):
    import tiktoken
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(str.split, pathlib.Path(file).read_text().splitlines())}
    encoding = tiktoken.Encoding(name="ranks", pat_str=TIKTOKEN[pattern], mergeable_ranks=ranks, special_tokens={})
    return encoding.encode_ordinary


def sentencepiece(file):
    from sentencepiece import SentencePieceProcessor
    return SentencePieceProcessor(model_file=str(file)).encode


def attempt(encode, text):
    """None where the peer gives up: tiktoken's regular expressions overflow their stack on a megabyte of spaces."""
    try:
        return encode(text)
    except BaseException as error:  # its own kind of panic is no Exception
        if "StackOverflow" not in str(error):
            raise
        return None


def differences(encode, texts, rows):
    """Texts whose ids differ, the seconds that `encode` took for all, and the number of texts that it gave up on."""
    begin = time.perf_counter()
    theirs = [attempt(encode, text) for text in texts]
    seconds = time.perf_counter() - begin
    pairs = [(text, a, b) for text, a, b in zip(texts, rows, theirs, strict=True) if b is not None]
    return [row for row in pairs if row[1] != row[2]], seconds, len(texts) - len(pairs)


def show(name, encode, texts, rows):
    wrong, seconds, given_up = differences(encode, texts, rows)
    size = sum(len(text.encode()) for text in texts)
    print(f"  {name}: {len(texts)} texts, {sum(map(len, rows))} tokens, {len(wrong)} texts differ, {given_up} not compared; "
          f"{size / 1e6 / seconds:.2f} MB/s", flush=True)
    for text, a, b in wrong[:3]:
        at = next((i for i, pair in enumerate(zip(a, b)) if pair[0] != pair[1]), min(len(a), len(b)))
        print(f"    {text[:60]!r} ({len(text)} characters): from token {at}: {a[at:at + 8]} and {b[at:at + 8]}")
    return len(wrong)


def main():
    tokenizer, _, pattern = sys.argv[1].partition("@")
    corpus = [json.loads(line)["text"] for file in sys.argv[2:] for line in open(file, encoding="utf-8")]
    corpus = [text for text in corpus if text]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        report, rows = encode_files(tokenizer, sys.argv[2:], folder, pattern)
        print(json.dumps(report))
        if report["decoded_exactly"] != report["documents"]:
            wrong += 1
        strange = list(awkward(20_000, word=1_000_000))
        if (folder / "hf/tokenizer.model").exists():
            # Hugging Face's files cannot tell U+2581 from a space, so it is left out.
            strange = [text.replace("\u2581", "-") for text in strange]
        model = tokenizer
        if ":" in tokenizer:  # trained just now: it must not be trained again, on the strange texts
            model = (folder / "hf").rename(folder / "trained")
        strange_report, strange_rows = ours(model, strange, folder, pattern)
        print(json.dumps(strange_report))
        peers = {"tokenizers": hugging_face(folder / "hf/tokenizer.json")}
        if (folder / "hf/tokenizer.model").exists():
            peers["sentencepiece"] = sentencepiece(folder / "hf/tokenizer.model")
        elif pathlib.Path(tokenizer).is_file() and not tokenizer.endswith(".json"):
            vocab = {50257: "gpt2", 50281: "gpt2", 100277: "cl100k", 200019: "o200k"}
            peers["tiktoken"] = tiktoken_encoder(tokenizer, pattern or vocab[report["vocab_size"]])
        for name, encode in peers.items():
            wrong += show(f"{name}, files", encode, corpus, rows)
            wrong += show(f"{name}, awkward texts", encode, strange, strange_rows)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
