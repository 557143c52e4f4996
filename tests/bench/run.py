"""Runs the benchmarks and prints their results; --json FILE also writes {"results": [...]}.

--quick runs the host's overhead alone, on a tiny model and text of its own: it shows that the benchmarks run, its
figures say nothing about speed. Every figure is a ratio from one interleaved run (ours over the peer's), never an absolute time. Called by `./dev bench`.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / "bin"


TINY = """
[model]
num_layers = 2
d_model = 32
num_heads = 2
[data]
tokenizer = "byte"
cache_dir = "{folder}/cache"
[[data.sources]]
name = "text"
path = "{folder}/text.jsonl"
[difficulty]
plugin = "compression"
tiers = 2
[training]
seq_len = 32
micro_batch = 4
device = "cpu"
"""


def tiny_config(folder):
    """A configuration that scores its text in a worker process, as the quickstart does."""
    lines = [json.dumps({"text": " ".join(f"word{i * j % 17}" for j in range(30))}) for i in range(200)]
    (folder / "text.jsonl").write_text("\n".join(lines) + "\n")
    path = folder / "tiny.toml"
    path.write_text(TINY.format(folder=folder))
    return path


def overhead(dtype, quick):
    with tempfile.TemporaryDirectory() as folder:
        config = tiny_config(pathlib.Path(folder)) if quick else "configs/quickstart.toml"
        done = subprocess.run([BIN / "bench_overhead", config, f"training.dtype=\"{dtype}\""], cwd=ROOT,
                              stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def peer(dtype):
    """Our tokens/s over PyTorch eager's on a GPT of 10.65M parameters, in alternating blocks."""
    python = ROOT / ".deps/peers/bin/python"
    if not python.exists():
        print("skipped: the PyTorch comparison needs ./dev setup --peers", file=sys.stderr)
        return None
    done = subprocess.run([python, ROOT / "tests/bench/pytorch_eager.py", BIN / "bench_step", dtype], cwd=ROOT,
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def growth():
    """What freezing, bypassing, growth events and operator steps cost against a step of the whole model."""
    done = subprocess.run([BIN / "bench_growth"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--dtype", default="fp32,bf16", help="compute types to measure")
    parser.add_argument("--quick", action="store_true", help="only show that the benchmarks run")
    arguments = parser.parse_args()
    results = []
    for dtype in arguments.dtype.split(","):
        results.append(overhead(dtype, arguments.quick))
        if not arguments.quick and (result := peer(dtype)) is not None:
            results.append(result)
    if not arguments.quick:
        results += growth()
    for result in results:
        print("{case} against {peer}: ratio {ratio:.3f} (from {ratio_min:.3f} to {ratio_max:.3f})".format(**result))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
