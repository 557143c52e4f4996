"""Compares a saved tokenizer with the ids that Espalier gave: hf_parity.py FOLDER LINES, one {"text","ids"} a line."""
import json
import sys

from tokenizers import Tokenizer

folder, lines = sys.argv[1:]
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
count = 0
for line in open(lines, encoding="utf-8"):
    row = json.loads(line)
    ids = tokenizer.encode(row["text"], add_special_tokens=False).ids
    if ids != row["ids"]:
        sys.exit(f"ids differ for {row['text']!r}: {ids} and {row['ids']}")
    if tokenizer.decode(row["ids"]) != row["text"]:
        sys.exit(f"decoding differs for {row['text']!r}")
    count += 1
print(f"{count} texts agree")
