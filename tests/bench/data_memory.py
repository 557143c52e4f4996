"""Peak memory of `data prepare`, `data score` and a start of `train` on a small and on a large generated corpus.

    python3 tests/bench/data_memory.py --large-mb 5000 --folder /tmp/espalier-memory

Prints one line a run and fails when the large corpus takes more than 300 MB above the small one, or a line of 100 MB
more than eight times its length. The corpus is deterministic and deleted at the end; it needs three times its size on the
disk (a token of the byte tokenizer takes two bytes).
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ESPALIER = pathlib.Path(os.environ.get("ESPALIER_BUILD", ROOT / "build")) / "bin" / "espalier"
MB = 1_000_000

CONFIG = """
[job]
name = "memory"
[model]
num_layers = 1
d_model = 16
num_heads = 1
d_ff = 16
[data]
tokenizer = "byte"
cache_dir = "{folder}/cache"
dedup = "{dedup}"
[[data.sources]]
name = "s"
path = "{folder}/corpus.jsonl"
[schedule.lr]
plugin = "cosine"
[training]
steps = 1
seq_len = 64
micro_batch = 1
dtype = "fp32"
device = "cpu"
threads = 1
[checkpoint]
interval = 0
[validation]
interval = 0
samples = 0
"""


def write_corpus(path, size):
    """JSON lines of 200 to 4000 bytes, no two alike, `size` bytes in all."""
    draw = random.Random(1)
    words = ["".join(draw.choice("etaoinshrdlu") for _ in range(draw.randint(2, 9))) for _ in range(2000)]
    bodies = [" ".join(draw.choices(words, k=draw.randint(30, 600))).encode() for _ in range(500)]
    with open(path, "wb") as out:
        written = number = 0
        while written < size:
            block = b"".join(b'{"id":%d,"text":"%d %s"}\n' % (n, n, bodies[n % 500]) for n in range(number, number + 2000))
            written += out.write(block)
            number += 2000


def peak_mb(arguments):
    """Peak resident memory of a command in MB, and its seconds."""
    start = time.monotonic()
    child = subprocess.Popen([ESPALIER, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{arguments} failed with status {status}")
    return usage.ru_maxrss * 1024 / MB, time.monotonic() - start


def measure(folder, name, dedup, write):
    """Peaks of preparing, of preparing when all is cached, of scoring, and of training for one step."""
    folder = pathlib.Path(folder) / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        write(folder / "corpus.jsonl")
        config = folder / "config.toml"
        config.write_text(CONFIG.format(folder=folder, dedup=dedup))
        size = (folder / "corpus.jsonl").stat().st_size / MB
        peaks = {}
        for step, arguments in {"prepare": ["data", "prepare", config], "again": ["data", "prepare", config],
                                "score": ["data", "score", config, "--scorer", "compression", "--scorer", "rarity"],
                                "train": ["train", config, "--run-dir", folder / "run"]}.items():
            peaks[step], seconds = peak_mb(arguments)
            print(f"{name:<6} {size:7.0f} MB  {step:<8} peak {peaks[step]:6.0f} MB  {seconds:7.1f} s", flush=True)
        return peaks
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small-mb", type=int, default=50)
    parser.add_argument("--large-mb", type=int, default=5000)
    parser.add_argument("--dedup", default="none", choices=["none", "exact"])
    parser.add_argument("--folder", help="scratch folder; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="espalier-memory-") as scratch:
        folder = options.folder or scratch
        small = measure(folder, "small", options.dedup, lambda path: write_corpus(path, options.small_mb * MB))
        large = measure(folder, "large", options.dedup, lambda path: write_corpus(path, options.large_mb * MB))
        line = measure(folder, "line", options.dedup,
                       lambda path: path.write_bytes(b'{"text":"' + b"word " * (20 * MB) + b'"}\n'))
    worst = max(large[step] - small[step] for step in small)
    print(f"the large corpus takes {worst:.0f} MB more than the small one")
    above = line["prepare"] - small["prepare"]
    print(f"a line of 100 MB takes {above:.0f} MB more")
    sys.exit(0 if worst <= 300 and above <= 800 else 1)


if __name__ == "__main__":
    main()
