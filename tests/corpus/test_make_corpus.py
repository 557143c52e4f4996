"""The whole script on a small package built here: determinism, up-to-date check, atomic output, errors."""

import contextlib
import gzip
import io
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import corpus_path

# isort: split
import make_corpus
from corpuslib import debian, publish, sources
from corpuslib.document import Document
from corpuslib.errors import CorpusError

FIRST, SECOND = "corpus-first", "corpus-second"


def read_lines(files):
    """An extractor for the tests: a document for each line; a line FAIL is a format error."""
    for path, data in files:
        for number, line in enumerate(data.decode().splitlines()):
            if line == "FAIL":
                raise ValueError("FAIL line")
            yield Document(f"{path}:{number}", line)


def source(name, package, tier=1):
    return sources.Source(
        name=name,
        tier=tier,
        packages=(package,),
        files=r"/doc/.*\.txt(?:\.gz)?$",
        extract=read_lines,
        license="MIT",
        title=f"lines of {package}",
    )


SOURCES = (source("first", FIRST), source("second", SECOND, tier=2))


def lines(word, count=60):
    return "".join(
        f"Line {n} of the {word} package says that {word} number {n} is here.\n"
        for n in range(count)
    )


def build_package(folder, name, version, text):
    """A .deb with the text, a gzip copy of other text, a link to it and a file of another kind."""
    tree = Path(folder) / f"{name}-tree"
    shutil.rmtree(tree, ignore_errors=True)
    docs = tree / "usr/share/doc" / name
    docs.mkdir(parents=True)
    (docs / "b.txt").write_text(text)
    (docs / "a.txt.gz").write_bytes(
        gzip.compress(b"This packed line is long enough to be kept as a document of its own.\n" * 2)
    )
    (docs / "same.txt").symlink_to("b.txt")
    (docs / "copy.txt").write_text(text)
    (docs / "code.py").write_text("print()\n")
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"
    )
    deb = Path(folder) / f"{name}_{version}_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(deb)],
        check=True,
        capture_output=True,
    )
    return debian.Package(name, version, deb.name, debian._file_sha256(deb), deb.stat().st_size)


@unittest.skipUnless(shutil.which("dpkg-deb"), "needs dpkg-deb")
class MakeCorpus(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.cache = self.folder / "cache"
        self.cache.mkdir()
        self.packages = {
            FIRST: build_package(self.cache, FIRST, "1.0", lines("first")),
            SECOND: build_package(self.cache, SECOND, "1.0", lines("second")),
        }
        patches = [
            mock.patch.object(sources, "SOURCES", SOURCES),
            mock.patch.object(make_corpus, "SOURCES", SOURCES),
            mock.patch.object(
                debian, "candidates", lambda names: {n: self.packages[n] for n in names}
            ),
            mock.patch.object(debian, "lists_fingerprint", lambda: ""),
        ]
        for patch in patches:
            self.enterContext(patch)

    def run_script(self, out, *arguments):
        stdout, stderr = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = make_corpus.main(
                [
                    "--out",
                    str(self.folder / out),
                    "--cache",
                    str(self.cache),
                    "--tiers",
                    "1-2",
                    *arguments,
                ]
            )
        return code, stdout.getvalue(), stderr.getvalue()

    def content(self, out):
        return {
            path.name: path.read_bytes()
            for path in (self.folder / out).iterdir()
            if path.name[0] != "."
        }

    def update(self, name, version, text):
        self.packages[name] = build_package(self.cache, name, version, text)

    def test_files_have_the_documented_form(self):
        code, output, _ = self.run_script("out")
        self.assertEqual(code, 0)
        self.assertRegex(output, r"first +1 +61 ")
        files = self.content("out")
        self.assertEqual(
            sorted(files),
            [
                "first.train.jsonl",
                "first.val.jsonl",
                "second.train.jsonl",
                "second.val.jsonl",
                "sources.json",
            ],
        )
        manifest = json.loads(files["sources.json"])
        entry = manifest["sources"][0]
        self.assertEqual((entry["license"], entry["packages"]), ("MIT", {FIRST: "1.0"}))
        self.assertEqual(entry["documents"], 61)
        texts = []
        for split in ("train", "val"):
            records = [json.loads(line) for line in files[f"first.{split}.jsonl"].splitlines()]
            self.assertEqual(entry["splits"][split]["documents"], len(records))
            self.assertTrue(all(set(r) == {"text", "id", "source", "license"} for r in records))
            texts += [r["text"] for r in records]
        self.assertEqual(len(set(texts)), 61)
        self.assertGreaterEqual(entry["splits"]["val"]["documents"], 1)

    def test_same_packages_give_the_same_bytes(self):
        self.run_script("one")
        self.run_script("two")
        self.assertEqual(self.content("one"), self.content("two"))

    def test_it_builds_without_a_process_pool_too(self):
        self.run_script("pool")
        with mock.patch("concurrent.futures.ProcessPoolExecutor", side_effect=PermissionError):
            self.assertEqual(self.run_script("serial")[0], 0)
        self.assertEqual(self.content("pool"), self.content("serial"))

    def test_second_run_builds_nothing_and_says_so(self):
        self.run_script("out")
        with mock.patch.object(make_corpus, "build", side_effect=AssertionError("built again")):
            code, output, _ = self.run_script("out")
        self.assertEqual(code, 0)
        self.assertIn("up to date (2 sources)", output)

    def test_only_what_changed_is_built_again(self):
        self.run_script("out")
        before = self.content("out")
        self.update(SECOND, "1.1", lines("other"))
        _, output, _ = self.run_script("out")
        self.assertIn("built second in", output)
        after = self.content("out")
        self.assertEqual(before["first.train.jsonl"], after["first.train.jsonl"])
        self.assertIn(b"other number", after["second.train.jsonl"])
        self.assertEqual(
            json.loads(after["sources.json"])["sources"][1]["packages"], {SECOND: "1.1"}
        )

    def test_removed_or_cut_file_is_built_again(self):
        self.run_script("out")
        whole = self.content("out")
        (self.folder / "out/first.val.jsonl").unlink()
        (self.folder / "out/second.train.jsonl").write_bytes(b"{")
        _, output, _ = self.run_script("out")
        self.assertIn("built first, second in", output)
        self.assertEqual(self.content("out"), whole)

    def test_changed_script_builds_again(self):
        self.run_script("out")
        with mock.patch.object(publish, "script_hash", lambda folder: "other"):
            _, output, _ = self.run_script("out")
        self.assertIn("built first, second", output)

    def test_failure_leaves_the_old_corpus_and_no_partial_file(self):
        self.run_script("out")
        before = self.content("out")
        self.update(FIRST, "1.1", lines("newer"))
        self.update(SECOND, "1.1", "FAIL\n")
        code, _, error = self.run_script("out")
        self.assertEqual(code, 3)
        self.assertRegex(error, r"source second: the content of corpus-second_1\.1_all\.deb .*FAIL")
        self.assertEqual(self.content("out"), before)
        self.assertEqual(list((self.folder / "out").glob(".staging*")), [])

    def test_death_between_the_moves_leaves_no_manifest_and_the_next_run_repairs(self):
        self.run_script("out")
        self.update(FIRST, "1.1", lines("newer"))
        real, moved = os.replace, []

        def replace_once(here, there):
            if moved:
                raise KeyboardInterrupt
            moved.append(there)
            real(here, there)

        with (
            mock.patch.object(publish.os, "replace", replace_once),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.run_script("out")
        self.assertEqual(len(moved), 1)
        self.assertFalse((self.folder / "out/sources.json").exists())
        self.assertEqual(self.run_script("out")[0], 0)
        self.run_script("fresh")
        self.assertEqual(self.content("out"), self.content("fresh"))

    def test_leftover_of_a_killed_run_is_cleared(self):
        (self.folder / "out/.staging-dead").mkdir(parents=True)
        self.run_script("out")
        self.assertFalse((self.folder / "out/.staging-dead").exists())

    def test_source_selection_keeps_the_others(self):
        self.run_script("out", "--tiers", "1")
        self.assertNotIn("second.train.jsonl", self.content("out"))
        _, output, _ = self.run_script("out", "--tiers", "2")
        self.assertIn("built second in", output)
        names = [
            entry["name"] for entry in json.loads(self.content("out")["sources.json"])["sources"]
        ]
        self.assertEqual(names, ["first", "second"])

    def test_usage_errors_exit_with_2(self):
        for arguments in (["--tiers", "7"], ["--tiers", "x"], ["--tiers", "2-"]):
            self.assertEqual(self.run_script("out", *arguments)[0], 2, arguments)
        with contextlib.redirect_stderr(io.StringIO()) as error:
            code = make_corpus.main(["--out", str(self.folder / "out"), "--sources", "nothing"])
        self.assertEqual(code, 2)
        self.assertIn("'nothing'; there are: first, second", error.getvalue())

    def test_links_and_other_files_are_not_read(self):
        deb = self.cache / self.packages[FIRST].file_name
        paths = [path.rsplit("/", 1)[-1] for path, _ in debian.read_files(deb, SOURCES[0].files)]
        self.assertEqual(paths, ["a.txt.gz", "b.txt", "copy.txt"])

    def test_damaged_package_is_an_error(self):
        deb = self.cache / "bad.deb"
        deb.write_bytes(b"!<arch>\nnot a package")
        with (
            self.assertRaisesRegex(CorpusError, "bad.deb"),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            list(debian.read_files(deb, "."))


class Apt(unittest.TestCase):
    """What apt says, played back."""

    SHOW = "Package: a\nVersion: 1:2-3\nArchitecture: all\nSize: 5\nSHA256: %s\n\n"
    CONTENT = b"12345"

    def setUp(self):
        self.cache = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.commands = []
        self.known = True
        self.downloads = True
        self.enterContext(mock.patch.object(debian, "_run", self.play))
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))

    def play(self, command, cwd=None):
        self.commands.append(command)
        result = subprocess.CompletedProcess(command, 0, "", "")
        if command[0] == "apt-cache" and self.known:
            digest = debian.hashlib.sha256(self.CONTENT).hexdigest()
            result.stdout = self.SHOW % digest
        elif "download" in command:
            if self.downloads:
                (cwd / "a_1%3a2-3_all.deb").write_bytes(self.CONTENT)
            else:
                result.returncode, result.stderr = 100, "E: Failed to fetch x  404  Not Found"
        return result

    def as_user(self, identity):
        self.enterContext(mock.patch.object(debian.os, "geteuid", lambda: identity))

    def test_download_goes_to_the_cache_once(self):
        self.as_user(1000)
        packages = debian.resolve(["a"])
        self.assertEqual(packages["a"].version, "1:2-3")
        path = debian.fetch(packages.values(), self.cache)["a"]
        self.assertEqual(path.read_bytes(), self.CONTENT)
        self.commands.clear()
        debian.fetch(packages.values(), self.cache)
        self.assertEqual(self.commands, [])
        self.assertEqual([p.name for p in self.cache.iterdir()], ["a_1%3a2-3_all.deb"])

    def test_damaged_file_in_the_cache_is_downloaded_again(self):
        self.as_user(1000)
        (self.cache / "a_1%3a2-3_all.deb").write_bytes(b"12346")
        path = debian.fetch(debian.resolve(["a"]).values(), self.cache)["a"]
        self.assertEqual(path.read_bytes(), self.CONTENT)

    def test_unknown_package_is_named_with_what_to_do(self):
        self.as_user(1000)
        self.known = False
        with self.assertRaises(CorpusError) as caught:
            debian.resolve(["a"])
        self.assertIn("a", caught.exception.message)
        self.assertIn("apt-get update", caught.exception.hint)
        self.assertEqual(caught.exception.exit_code, 3)
        self.assertFalse([c for c in self.commands if "update" in c])

    def test_root_updates_the_lists_and_sets_the_sandbox_user(self):
        self.as_user(0)
        self.known = False
        with self.assertRaises(CorpusError):
            debian.resolve(["a"])
        update = next(c for c in self.commands if "update" in c)
        self.assertIn("APT::Sandbox::User=root", update)

    def test_failed_download_names_package_and_version(self):
        self.as_user(1000)
        self.downloads = False
        with self.assertRaises(CorpusError) as caught:
            debian.fetch(debian.resolve(["a"]).values(), self.cache)
        self.assertIn("a 1:2-3", caught.exception.message)
        self.assertIn("404", caught.exception.message)
        self.assertEqual(list(self.cache.iterdir()), [])


class Table(unittest.TestCase):
    def test_source_names_and_tiers_are_unique_and_ordered(self):
        names = [entry.name for entry in sources.SOURCES]
        self.assertEqual(len(set(names)), len(names))
        tiers = [entry.tier for entry in sources.SOURCES]
        self.assertEqual(tiers, sorted(tiers))
        self.assertTrue(all(entry.license and entry.packages for entry in sources.SOURCES))

    def test_script_runs_as_a_program(self):
        script = corpus_path.SCRIPT_FOLDER / "make_corpus.py"
        result = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
        self.assertIn("--out DIR", result.stdout)


if __name__ == "__main__":
    unittest.main()
