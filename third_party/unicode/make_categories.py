#!/usr/bin/env python3
"""Writes core/data/tokenizer/unicode_categories.inc: the general category of every code point, as runs.

    make_categories.py [--out FILE] [--check]

The table is that of Unicode 16.0, which the regular expressions of tokenizers 0.23 and tiktoken 0.14 use. A Python whose
own `unicodedata` is of that version will do, or the package `unicodedata2==16.0.0`. `--check` also compares the table
with the classes that an installed `tokenizers`, `tiktoken` or `regex` has, and lists the code points that differ.
"""
import argparse
import pathlib
import sys

VERSION = "16.0.0"
CATEGORIES = "Cn Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split()
OUT = pathlib.Path(__file__).resolve().parents[2] / "core/data/tokenizer/unicode_categories.inc"


def database():
    import unicodedata
    if unicodedata.unidata_version != VERSION:
        try:
            import unicodedata2 as unicodedata
        except ImportError:
            sys.exit(f"needs unicodedata2=={VERSION}: this Python's Unicode is {unicodedata.unidata_version}")
    if unicodedata.unidata_version != VERSION:
        sys.exit(f"needs Unicode {VERSION}, and unicodedata2 here has {unicodedata.unidata_version}")
    return unicodedata


def runs(category):
    previous = None
    for code in range(0x110000):
        now = CATEGORIES.index(category(chr(code)))
        if now != previous:
            yield code, now
        previous = now


def table(category):
    lines = [f"// General categories of Unicode {VERSION}, made by third_party/unicode/make_categories.py.",
             "// Each number is the first code point of a run times 32 plus the category: " + " ".join(CATEGORIES[:15]),
             "// " + " ".join(CATEGORIES[15:]) + ", counted from 0. A run reaches to the next one.", ""]
    line = ""
    for code, index in runs(category):
        item = f"{code * 32 + index:#x},"
        if len(line) + len(item) > 119:
            lines.append(line)
            line = ""
        line += item
    return "\n".join(lines + [line]) + "\n"


def members(library, name):
    """The code points that the class `name` of a library matches; None when the library is not there."""
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    blocks = ["".join(map(chr, codes[at:at + 4096])) for at in range(0, len(codes), 4096)]
    try:
        if library == "tokenizers":
            from tokenizers import Regex, pre_tokenizers
            split = pre_tokenizers.Split(Regex(name), "removed", invert=True)
            return {ord(char) for block in blocks for piece, _ in split.pre_tokenize_str(block) for char in piece}
        if library == "tiktoken":
            import tiktoken
            ranks = {bytes([byte]): byte for byte in range(256)}
            encoding = tiktoken.Encoding("classes", pat_str=name, mergeable_ranks=ranks, special_tokens={})
            return {ord(char) for block in blocks for char in bytes(encoding.encode_ordinary(block)).decode()}
        import regex
        return {code for code in codes if regex.match(name, chr(code))}
    except ImportError:
        return None


def check(category):
    for library in ("tokenizers", "tiktoken", "regex"):
        for name in ("L", "N", "M", "P", "S", "Lu", "Lt", "Ll", "Lm", "Lo"):
            theirs = members(library, r"\p{" + name + "}")
            if theirs is None:
                print(f"{library}: not installed")
                break
            ours = {code for code in range(0x110000) if category(chr(code)).startswith(name)}
            differ = sorted(ours ^ theirs)
            shown = "".join(f" U+{code:04X}" for code in differ[:10]) + (" ..." if len(differ) > 10 else "")
            print(f"{library}: \\p{{{name}}} {len(ours)} code points, {len(differ)} differ{shown}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    category = database().category
    arguments.out.write_text(table(category))
    if arguments.check:
        check(category)


if __name__ == "__main__":
    main()
