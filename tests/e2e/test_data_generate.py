"""`espalier data generate` from the command line: what it writes, what it says, what it refuses."""

import gzip
import json
import pathlib
import subprocess
import tempfile
import unittest

from case import ESPALIER


def run(*args):
    return subprocess.run([ESPALIER, "data", "generate", *map(str, args)], capture_output=True, text=True, timeout=60)


class DataGenerate(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.dir = pathlib.Path(self._folder.name)

    def test_stories(self):
        plain, packed = self.dir / "new" / "a.jsonl", self.dir / "a.jsonl.gz"
        done = run("stories", "--out", plain, "--documents", 50, "--levels", "0,3", "--seed", 4, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual((said["documents"], said["bytes"]), (50, plain.stat().st_size))
        lines = [json.loads(line) for line in plain.read_text().splitlines()]
        self.assertEqual([line["level"] for line in lines], [0, 3] * 25)
        self.assertEqual(len({line["text"] for line in lines}), 50)
        run("stories", "--out", packed, "--documents", 50, "--levels", "0,3", "--seed", 4, "--threads", 1)
        self.assertEqual(gzip.decompress(packed.read_bytes()), plain.read_bytes())

    def test_size_and_split(self):
        out, held_out = self.dir / "a.jsonl", self.dir / "b.jsonl"
        self.assertEqual(run("stories", "--out", out, "--bytes", "0.2M", "--level", 1).returncode, 0)
        last = len(out.read_bytes().splitlines(keepends=True)[-1])
        self.assertTrue(200_000 <= out.stat().st_size < 200_000 + last)
        run("stories", "--out", held_out, "--bytes", "200k", "--level", 1, "--split", "heldout")
        texts = [{json.loads(line)["text"] for line in path.read_text().splitlines()} for path in (out, held_out)]
        self.assertFalse(texts[0] & texts[1])

    def test_primitives(self):
        for form, keys in (("text", {"text", "question"}), ("choices", {"query", "choices", "gold"}),
                           ("completion", {"context", "continuation"})):
            out = self.dir / f"{form}.jsonl"
            done = run("primitives", "--out", out, "--documents", 30, "--form", form,
                       "--tasks", "addition,assignment-code", "--split", "heldout")
            self.assertEqual(done.returncode, 0, done.stderr)
            for line in map(json.loads, out.read_text().splitlines()):
                self.assertEqual(set(line), keys | {"id", "task", "level", "answer"})
                if form == "choices":
                    self.assertEqual(line["choices"][line["gold"]], line["answer"])
                if line["task"] == "addition" and form == "completion":
                    a, b = line["context"].removesuffix(" =").split(" + ")
                    self.assertEqual(int(a) + int(b), int(line["continuation"]))

    def test_mistakes(self):
        out = self.dir / "a.jsonl"
        for args, word in ((["--level", 7, "--documents", 1], "level"), ([], "--documents"),
                           (["--bytes", "10X"], "10X"), (["--split", "test", "--documents", 1], "heldout")):
            done = run("stories", "--out", out, *args)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(word, done.stderr)
        done = run("primitives", "--out", out, "--documents", 1, "--tasks", "additon")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'addition'?", done.stderr)
        self.assertEqual(list(self.dir.iterdir()), [])
        self.assertEqual(run("stories", "--out", "/proc/a.jsonl", "--documents", 1).returncode, 3)


if __name__ == "__main__":
    unittest.main()
