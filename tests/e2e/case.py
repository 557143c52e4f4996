"""What every end-to-end test needs: the built program, a scratch folder, a tiny corpus, a tiny configuration."""

import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ESPALIER_BUILD", ROOT / "build"))
ESPALIER = BUILD / "bin" / "espalier"
FIXTURES = BUILD / "tests" / "plugins"

CONFIG = """
[job]
name = "tiny"
seed = 7
[model]
num_layers = 3
d_model = 32
num_heads = 4
num_kv_heads = 2
d_ff = 48
[data]
tokenizer = "byte"
cache_dir = "{dir}/cache"
[[data.sources]]
name = "easy"
path = "{dir}/easy.jsonl"
val = "{dir}/val.jsonl"
[[data.sources]]
name = "hard"
path = "{dir}/hard.jsonl"
[difficulty]
plugin = "compression"
tiers = 3
[growth]
plugin = "midas"
params = {{ block_size = 1 }}
[schedule.growth]
plugin = "prop-alpha"
[schedule.mixture]
plugin = "tier-sync"
[schedule.lr]
plugin = "cosine"
params = {{ warmup = "4st" }}
[optimizer]
lr = 5e-3
[training]
steps = 24
seq_len = 32
micro_batch = 4
global_batch = 8
dtype = "fp32"
device = "cpu"
threads = 1
[checkpoint]
interval = 6
keep_latest = 0
[validation]
interval = 12
batches = 2
samples = 1
sample_tokens = 8
[metrics]
log_interval = 4
"""

WORDS = "the cat sat on a mat and saw one small dog run over some green hills near old stone walls".split()


def write_corpus(folder):
    """Two small sources, so that a few steps pass over all of the data; the same text in every run."""
    draw = random.Random(1)

    def sentence(n, vocabulary):
        return " ".join(draw.choice(vocabulary) for _ in range(n)) + "."

    hard = ["".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(draw.randint(3, 9))) for _ in range(300)]
    for name, docs, vocabulary in (("easy", 12, WORDS), ("hard", 6, hard), ("val", 6, WORDS)):
        with open(folder / f"{name}.jsonl", "w") as out:
            for _ in range(docs):
                out.write(json.dumps({"text": sentence(draw.randint(8, 30), vocabulary)}) + "\n")


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="espalier-e2e-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        write_corpus(self.dir)
        self.config = self.dir / "tiny.toml"
        self.config.write_text(CONFIG.format(dir=self.dir))
        self.env = dict(os.environ, ESPALIER_PLUGIN_CACHE=str(self.dir / "plugins.json"), XDG_DATA_HOME=str(self.dir / "xdg"))
        self.env.pop("ESPALIER_PLUGIN_PATH", None)

    def command(self, *arguments, sets=()):
        command = [str(ESPALIER), *map(str, arguments)]
        for item in sets:
            command += ["--set", item]
        return command

    def espalier(self, *arguments, sets=(), env=None, check=0):
        """Runs the program; check = the exit code it must have, None = any."""
        done = subprocess.run(self.command(*arguments, sets=sets), capture_output=True, text=True, timeout=240,
                              env=dict(self.env, **(env or {})), cwd=self.dir)
        if check is not None:
            self.assertEqual(done.returncode, check, done.stdout + done.stderr)
        return done

    def train(self, run="run", sets=(), **more):
        return self.espalier("train", self.config, "--run-dir", self.dir / run, sets=sets, **more)

    def checkpoint(self, run, step):
        return self.dir / run / "checkpoints" / f"step-{step:08d}"

    def metrics(self, run, name):
        rows = [json.loads(line) for line in (self.dir / run / "metrics.jsonl").read_text().splitlines()]
        return {row["step"]: row[name] for row in rows if name in row}


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def same_training_state(test, a, b):
    """Weights, moments and position of two checkpoints are equal byte for byte."""
    for name in ("model.safetensors", "espalier/optimizer.safetensors", "espalier/state.json"):
        test.assertEqual(sha256(a / name), sha256(b / name), name)


__all__ = ["BUILD", "Case", "ESPALIER", "FIXTURES", "ROOT", "same_training_state", "sha256", "signal"]
