"""Runs the benchmarks and prints their results; --json FILE also writes {"results": [...]}.

Every figure is a ratio from one interleaved run (ours over the peer's), never an absolute time. Called by `./dev bench`.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / "bin"


def overhead(dtype):
    done = subprocess.run([BIN / "bench_overhead", "configs/quickstart.toml", f"training.dtype=\"{dtype}\""], cwd=ROOT,
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
    arguments = parser.parse_args()
    results = []
    for dtype in arguments.dtype.split(","):
        for measure in (overhead, peer):
            result = measure(dtype)
            if result is None:
                continue
            results.append(result)
    results += growth()
    for result in results:
        print("{case} against {peer}: ratio {ratio:.3f} (from {ratio_min:.3f} to {ratio_max:.3f})".format(**result))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
