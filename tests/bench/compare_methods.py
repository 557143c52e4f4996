"""Trains several growth methods (arms) on the same FLOP budget and compares their final validation losses.

  python3 tests/bench/compare_methods.py configs/compare/arms.toml                    # the arms, budget and seeds of the file
  python3 tests/bench/compare_methods.py configs/compare/arms.toml --only scratch,stack --flops 1e11 --seeds 1,2
  python3 tests/bench/compare_methods.py FOLDER --flops 2e13 --seeds 1,2,3            # each FOLDER/*.toml is an arm

An arms file names a base configuration, and for each arm the keys that differ from it. For every (arm, seed) the number of
steps is the largest whose planned FLOPs (`espalier plan`: every stage, frozen phase and operator phase charged) fit the
budget. The learning rate decays over the arm's own number of steps. Arms share seeds, so that the runs of a seed see the
same data order where the arms use the same data; differences to the reference arm are taken within a seed.

Finished runs are kept: the same command continues where it was stopped. Standard library only.
"""

import argparse
import concurrent.futures
import hashlib
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMON = {"validation.interval": "0st", "validation.samples": 0, "checkpoint.interval": "0st", "checkpoint.at_growth": False, "checkpoint.keep_latest": 1,
          "metrics.tensorboard": False, "training.threads": 1}
DECAYED = 0.25  # a run must end below this part of its highest learning rate
CLOSE = 0.02  # a run whose FLOPs are further from the budget than this part is marked


class Arm:
    def __init__(self, name, config, overrides, about=""):
        self.name, self.config, self.overrides, self.about = name, pathlib.Path(config), overrides, about

    def arguments(self, **more):
        """The program's arguments after the verb; `more` has '__' for '.'."""
        settings = {**COMMON, **self.overrides, **{key.replace("__", "."): value for key, value in more.items()}}
        return [str(self.config)] + [part for key, value in settings.items() for part in ("--set", f"{key}={literal(value)}")]


def literal(value):
    """A TOML literal: JSON's forms are TOML's for all that a configuration holds."""
    return json.dumps(value)


def flattened(table, prefix=""):
    """{"growth": {"plugin": "midas"}} -> {"growth.plugin": "midas"}."""
    out = {}
    for key, value in table.items():
        out.update(flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return out


def read_arms(path):
    """(arms, settings of the comparison) from an arms file, or from a folder of configurations."""
    path = pathlib.Path(path)
    if path.is_dir():
        return [Arm(file.stem, file, {}) for file in sorted(path.glob("*.toml"))], {}
    settings = tomllib.loads(path.read_text())
    arms = []
    for name, table in settings.pop("arms").items():
        about = table.pop("about", "")
        arms.append(Arm(name, path.parent / settings["base"], flattened(table), about))
    return arms, settings


class Refused(Exception):
    """The program refuses a configuration; the text is its own."""


class Program:
    def __init__(self, path):
        self.path = str(path)

    def plan(self, arm, seed, steps):
        command = [self.path, "plan", "--json"] + arm.arguments(job__seed=seed, training__steps=steps)
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Refused(done.stderr.strip())
        return json.loads(done.stdout)

    def train(self, arm, seed, steps, folder):
        command = [self.path, "train"] + arm.arguments(job__seed=seed, training__steps=steps) + ["--run-dir", str(folder)]
        with open(folder / "output.log", "a") as log:
            return subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT).returncode


def steps_for(budget, flops_of, first=256):
    """The largest number of steps with flops_of(steps) <= budget, for FLOPs that grow with the steps.

    Raises Refused with the program's words where no affordable number of steps makes a run.
    """
    def fits(steps):
        try:
            return flops_of(steps) <= budget
        except Refused:  # so few steps that some stage gets none
            if steps >= 64 * first:
                raise
            return True

    low, high = 0, first
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    if low == 0 or flops_of(low) > budget:
        raise Refused("one step already exceeds the budget")
    return low


def settle(program, arm, seed, budget):
    """Steps of a run, after checking that its learning rate ends low."""
    plans = {}

    def flops_of(steps):
        if steps not in plans:
            plans[steps] = program.plan(arm, seed, steps)
        return plans[steps]["total_flops"]

    steps = steps_for(budget, flops_of)
    stages = plans[steps]["stages"]
    last, highest = stages[-1]["lr_last"], max(stage["lr_max"] for stage in stages)
    if last > DECAYED * highest:
        raise Refused(f"the learning rate ends at {last:.2e}, above {DECAYED} of its highest, {highest:.2e}: an arm that has "
                      "not decayed cannot be compared with one that has")
    return steps


def rows_of(folder):
    file = folder / "metrics.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def final_row(folder, steps):
    """The validation at the last step, or None where the run is not finished."""
    return next((row for row in reversed(rows_of(folder)) if row["step"] == steps and "val/loss" in row), None)


def fingerprint(arm, seed, steps):
    text = arm.config.read_text() + json.dumps(arm.arguments(job__seed=seed, training__steps=steps)[1:])
    return hashlib.sha256(text.encode()).hexdigest()


def run_one(program, arm, seed, budget, out):
    """Trains one (arm, seed) unless it is finished; returns (arm name, seed, result or None, words)."""
    folder = out / arm.name / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        steps = settle(program, arm, seed, budget)
    except Refused as error:
        return arm.name, seed, None, str(error)
    note = folder / "comparison.json"
    mark = fingerprint(arm, seed, steps)
    if note.exists() and json.loads(note.read_text())["fingerprint"] != mark:
        return arm.name, seed, None, f"{folder} holds a run of other settings: choose another --out, or remove it"
    note.write_text(json.dumps({"fingerprint": mark, "steps": steps, "budget": budget}) + "\n")
    words = "was finished"
    if final_row(folder, steps) is None:
        code = program.train(arm, seed, steps, folder)
        words = f"{steps} steps"
        if final_row(folder, steps) is None:
            tail = "\n".join((folder / "output.log").read_text().splitlines()[-3:])
            return arm.name, seed, None, f"training ended with code {code}: {tail}"
    row = final_row(folder, steps)
    losses = {key.split("/")[1]: value for key, value in row.items() if key.startswith("val/") and key.endswith("/loss")
              and key != "val/loss"}
    losses["all"] = row["val/loss"]
    trained = [r["seconds"] for r in rows_of(folder) if "train/loss" in r]  # the final validation is left out
    spikes = [r["growth/loss_after"] - r["growth/loss_before"] for r in rows_of(folder) if "growth/loss_after" in r]
    result = {"steps": steps, "tokens": row["tokens"], "flops": row["flops"], "seconds": trained[-1],
              "bpb": row["val/bpb"], "losses": losses, "spikes": spikes}
    return arm.name, seed, result, words


def t_quantile(p, degrees):
    """Quantile of Student's t, p > 1/2: the density integrated by Simpson's rule, the quantile by bisection."""
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)

    def above_half(x, pieces=2000):
        width = x / pieces
        weights = (1 if i in (0, pieces) else 4 if i % 2 else 2 for i in range(pieces + 1))
        return width / 3 * sum(w * scale * (1 + (i * width) ** 2 / degrees) ** (-(degrees + 1) / 2)
                               for i, w in enumerate(weights))

    low, high = 0.0, 1.0
    while above_half(high) < p - 0.5:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if above_half(middle) < p - 0.5 else (low, middle)
    return (low + high) / 2


def interval(differences):
    """Mean and half width of the 95 % t interval; the width is None for fewer than two."""
    mean = statistics.fmean(differences)
    n = len(differences)
    if n < 2:
        return mean, None
    return mean, t_quantile(0.975, n - 1) * statistics.stdev(differences) / math.sqrt(n)


def signed(mean, half):
    return f"{mean:+.4f}" if half is None else f"{mean:+.4f} ± {half:.4f}"


def report(results, arms, reference, budget):
    """Markdown: one line an arm, then the loss of every source."""
    names = [arm.name for arm in arms if any(name == arm.name for name, _ in results)]
    runs = {name: {seed: result for (arm, seed), result in results.items() if arm == name} for name in names}

    def over_seeds(name, value):
        values = [value(result) for result in runs[name].values()]
        sd = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
        return f"{statistics.fmean(values):.4f}{sd}"

    def against(name, value):
        paired = sorted(set(runs[name]) & set(runs.get(reference, {})))
        if name == reference or not paired:
            return "" if name == reference else "no pair"
        return signed(*interval([value(runs[name][seed]) - value(runs[reference][seed]) for seed in paired]))

    def mean(name, key):
        return statistics.fmean(result[key] for result in runs[name].values())

    lines = [f"Budget: {budget:.3g} FLOPs a run. Losses: nats a token on held-out text after the last step; mean ± standard "
             f"deviation over seeds. Differences to `{reference}`: within a seed, mean ± half width of the 95 % t interval.", "",
             f"| arm | seeds | steps | tokens | FLOPs | wall s | val loss | bits per byte | minus {reference} |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    marked = False
    for name in names:
        flops = mean(name, "flops")
        off = abs(flops / budget - 1) > CLOSE
        marked = marked or off
        loss = lambda result: result["losses"]["all"]
        lines.append(f"| {name} | {len(runs[name])} | {mean(name, 'steps'):.0f} | {mean(name, 'tokens'):.4g} | "
                     f"{flops:.4g}{' (!)' if off else ''} | {mean(name, 'seconds'):.0f} | {over_seeds(name, loss)} | "
                     f"{statistics.fmean(r['bpb'] for r in runs[name].values()):.4f} | {against(name, loss)} |")
    sources = sorted({source for name in names for r in runs[name].values() for source in r["losses"]} - {"all"})
    lines += ["", "| arm | " + " | ".join(sources) + " |", "|---|" + "--:|" * len(sources)]
    for name in names:
        cells = []
        for source in sources:
            loss = lambda result, source=source: result["losses"][source]
            difference = against(name, loss)
            cells.append(f"{statistics.fmean(map(loss, runs[name].values())):.4f}" + (f" ({difference})" if difference else ""))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    grown = [name for name in names if any(r["spikes"] for r in runs[name].values())]
    if grown:
        lines += ["", "Rise of the loss on the probe batch at each growth, mean over seeds: " + "; ".join(
            f"{name} " + ", ".join(f"{statistics.fmean(at):+.3f}" for at in zip(*(r["spikes"] for r in runs[name].values())))
            for name in grown) + "."]
    if marked:
        lines += ["", f"(!) further than {CLOSE:.0%} from the budget: do not compare this arm at equal FLOPs."]
    if any(len(runs[name]) < 3 for name in names):
        lines += ["", "Fewer than three seeds in some arm: the intervals say little."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arms", help="arms file, or a folder of configurations")
    parser.add_argument("--flops", type=float, help="budget of a run; default: the arms file's")
    parser.add_argument("--seeds", help="comma-separated; default: the arms file's")
    parser.add_argument("--only", help="comma-separated arms; default: all")
    parser.add_argument("--reference", help="arm that differences are taken to; default: the arms file's, or 'scratch'")
    parser.add_argument("--out", default="runs/compare", help="folder of the runs and of report.md")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    parser.add_argument("--program", default=ROOT / "build/bin/espalier")
    arguments = parser.parse_args()

    arms, settings = read_arms(arguments.arms)
    budget = arguments.flops or settings.get("flops")
    seeds = [int(seed) for seed in arguments.seeds.split(",")] if arguments.seeds else settings.get("seeds")
    if not budget or not seeds:
        parser.error("the budget and the seeds come from the arms file, or from --flops and --seeds")
    if arguments.only:
        wanted = arguments.only.split(",")
        unknown = set(wanted) - {arm.name for arm in arms}
        if unknown:
            parser.error(f"no such arm: {', '.join(sorted(unknown))}")
        arms = [arm for arm in arms if arm.name in wanted]
    reference = arguments.reference or settings.get("reference", "scratch")
    out = pathlib.Path(arguments.out).resolve()
    program = Program(arguments.program)

    results, failed = {}, False
    # Seeds outermost: a comparison that is stopped early has whole pairs.
    todo = [(arm, seed) for seed in seeds for arm in arms]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        running = [pool.submit(run_one, program, arm, seed, budget, out) for arm, seed in todo]
        for done in concurrent.futures.as_completed(running):
            name, seed, result, words = done.result()
            print(f"{name} seed {seed}: {'val loss %.4f, ' % result['losses']['all'] if result else ''}{words}", flush=True)
            failed = failed or result is None
            if result:
                results[name, seed] = result
    if results:
        text = report(results, arms, reference, budget)
        (out / "report.md").write_text(text)
        print("\n" + text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
