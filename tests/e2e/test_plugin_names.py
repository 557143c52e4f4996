"""Plugins of other people in a run: which one it was, where it lay, and that nothing it prints gets into our output."""

import json
import os
import re
import shutil
import subprocess
import tomllib
import unittest

from case import BUILD, Case, ESPALIER, FIXTURES, same_training_state, sha256

NAMED = BUILD / "tests" / "plugin" / "named"
SAME = BUILD / "tests" / "plugin" / "same"

# Everything relative to the folder in which the program is started.
RELATIVE = """
[job]
name = "relative"
[model]
num_layers = 1
d_model = 16
num_heads = 2
[data]
tokenizer = "byte"
cache_dir = "cache"
[[data.sources]]
name = "s"
path = "easy.jsonl"
paths = ["hard.jsonl"]
val = "val.jsonl"
[difficulty]
plugin = "readability"
params = { formula = "dale-chall", word_list = "words.txt" }
tiers = 2
max_unscored = 1.0
[schedule.mixture]
plugin = "tier-sync"
[schedule.lr]
plugin = "counter"
[training]
steps = 4
seq_len = 32
micro_batch = 2
dtype = "fp32"
device = "cpu"
threads = 1
[checkpoint]
interval = 2
keep_latest = 0
[validation]
batches = 1
samples = 0
[metrics]
log_interval = 1
"""

LR = 'plugin = "cosine"\nparams = { warmup = "4st" }\n'  # as CONFIG has it


class PluginNames(Case):
    def start_relative_run(self):
        (self.dir / "words.txt").write_text("the\ncat\nsat\n")
        (self.dir / "plugins").mkdir()
        shutil.copy(FIXTURES / "counter.so", self.dir / "plugins")
        self.config.write_text(RELATIVE)
        self.espalier("train", "tiny.toml", "--run-dir", "run", "--plugin-path", "plugins")

    def resume_elsewhere(self, check=0):
        """Goes on from step 2, started in another folder and with nothing said again."""
        shutil.rmtree(self.checkpoint("run", 4), ignore_errors=True)
        (self.dir / "run" / "checkpoints" / "LATEST").write_text("step-00000002\n")
        elsewhere = self.dir / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        done = subprocess.run([str(ESPALIER), "resume", str(self.dir / "run")], capture_output=True, text=True,
                              env=self.env, cwd=elsewhere, timeout=240)
        self.assertEqual(done.returncode, check, done.stdout + done.stderr)
        self.assertEqual(list(elsewhere.iterdir()), [], "nothing may be written where the program was started")
        return done

    def test_a_run_of_relative_paths_goes_on_from_any_folder(self):
        self.start_relative_run()
        shutil.copytree(self.checkpoint("run", 4), self.dir / "whole")
        kept = tomllib.loads((self.dir / "run" / "config.resolved.toml").read_text())
        self.assertEqual(kept["plugins"]["paths"], [str(self.dir / "plugins")])
        self.assertEqual(kept["data"]["cache_dir"], str(self.dir / "cache"))
        self.assertEqual(kept["difficulty"]["params"]["word_list"], str(self.dir / "words.txt"))
        source = kept["data"]["sources"][0]
        self.assertEqual([source["path"], *source["paths"], source["val"]],
                         [str(self.dir / name) for name in ("easy.jsonl", "hard.jsonl", "val.jsonl")])
        self.every_path_is_absolute(kept)
        done = self.resume_elsewhere()
        self.assertNotIn("settings that differ", done.stderr)
        same_training_state(self, self.dir / "whole", self.checkpoint("run", 4))

    def every_path_is_absolute(self, kept):
        """By the documentation of the keys, so that a new one is not forgotten."""
        documented = self.espalier("config-docs").stdout
        paths, table = [], ""
        for line in documented.splitlines():
            if heading := re.match(r"#+ `\[+([a-z_.]+)\]+`", line):
                table = heading[1]
            row = re.match(r"\| `([a-z_]+)` \| (?:text|list of texts) \| `[^`]*` \|  \| (.*)", line)
            if row and re.search(r"\b(file|files|folder|folders|path)\b", row[2], re.I):
                paths.append(f"{table}.{row[1]}")
        self.assertIn("data.cache_dir", paths)
        self.assertIn("data.sources.path", paths)
        self.assertIn("plugins.paths", paths)
        for name in paths:
            value = kept
            for part in name.split("."):
                value = (value[0] if isinstance(value, list) else value).get(part, "")
            for text in value if isinstance(value, list) else [value]:
                if text not in ("", "byte") and name not in self.NO_PATHS:
                    self.assertTrue(os.path.isabs(text), f"{name} = {text!r} is kept relative: core/run/stored_paths.cpp")

    # Texts whose documentation speaks of files, but which name none.
    NO_PATHS = ("job.name", "data.sources.name")

    def test_a_run_says_which_plugins_it_had_and_misses_them_by_name(self):
        self.start_relative_run()
        log = (self.dir / "run" / "run.log").read_text()
        library = self.dir / "plugins" / "counter.so"
        line = f"schedule.lr: org.example.test.counter 0.1.0 from {library}, sha256 {sha256(library)}"
        self.assertIn(line, log)
        self.assertIn("difficulty: org.espalier.difficulty.readability", log)
        manifest = json.loads((self.checkpoint("run", 4) / "espalier" / "manifest.json").read_text())
        record = next(p for p in manifest["plugins"] if p["slot"] == "schedule.lr")
        self.assertEqual((record["id"], record["version"], record["path"], record["sha256"]),
                         ("org.example.test.counter", "0.1.0", str(library), sha256(library)))
        shutil.rmtree(self.dir / "plugins")
        done = self.resume_elsewhere(check=6)
        for part in ("org.example.test.counter", "0.1.0", record["sha256"], str(library), "does not exist"):
            self.assertIn(part, done.stderr)
        # Put somewhere else, it is found by the option alone.
        (self.dir / "moved").mkdir()
        shutil.copy(FIXTURES / "counter.so", self.dir / "moved")
        self.espalier("resume", "run", "--plugin-path", "moved")

    def test_what_plugins_print_stays_out_of_our_output(self):
        text = self.config.read_text()
        for library, plugin, said in ((NAMED / "mine", "mine", "printed by a plugin in"),
                                      (SAME / "same_1.so", "same1", "through the C++ library")):
            self.config.write_text(text.replace(LR, f'plugin = "{plugin}"\n'))
            plan = self.espalier("plan", self.config, "--json", "--plugin-path", library)
            self.assertEqual(json.loads(plan.stdout)["total_steps"], 24)
            self.assertIn(said, plan.stderr)
            table = self.espalier("plan", self.config, "--plugin-path", library)
            self.assertNotIn("printed", table.stdout)
            self.assertIn("stage", table.stdout)
        with open("/dev/full", "w") as full:
            done = subprocess.run(self.command("plugin", "list", "--json"), stdout=full, stderr=subprocess.PIPE,
                                  text=True, env=self.env, cwd=self.dir)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("No space left", done.stderr)

    def test_the_list_shows_what_stands_in_whose_way(self):
        paths = [item for name in ("other_cosine", "false_cosine", "mine", "mine_too") for item in ("--plugin-path", NAMED / name)]
        listing = {row["path"]: row for row in json.loads(self.espalier("plugin", "list", "--json", *paths).stdout)}
        row = lambda name: listing[str(NAMED / name / f"{name}.so")]
        for item in listing.values():
            self.assertLessEqual({"id", "kind", "version", "path", "status"}, set(item))
        self.assertEqual(row("other_cosine")["same_short_name"], ["org.espalier.schedule.cosine"])
        self.assertIn("refused", row("false_cosine")["status"])
        self.assertEqual(row("mine_too")["shadowed_by"], str(NAMED / "mine" / "mine.so"))
        self.assertEqual(row("mine")["status"], "ok")
        table = self.espalier("plugin", "list", *paths).stdout
        for part in ("com.other.schedule.cosine", "ok, by id", "refused", "shadowed", "searched, the first first"):
            self.assertIn(part, table)
        refused = self.espalier("plan", self.config, *paths, check=6)  # its schedule.lr is "cosine"
        self.assertIn("com.other.schedule.cosine", refused.stderr)
        self.assertIn("org.espalier.schedule.cosine", refused.stderr)
        # The default is one plugin, whatever others call themselves.
        self.config.write_text(self.config.read_text().replace(LR, ""))
        self.espalier("plan", self.config, *paths)
        missing = self.espalier("plugin", "info", "cosin", check=6)
        self.assertIn("no plugin 'cosin'", missing.stderr)
        self.assertIn("did you mean 'cosine'?", missing.stderr)


if __name__ == "__main__":
    unittest.main()
