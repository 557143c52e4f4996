"""Scoring documents: `data score` and `data inspect`, scorers that misbehave, and every rule that makes tiers."""

import json
import struct
import unittest

from case import FIXTURES, Case


def read_npy(path):
    data = path.read_bytes()
    size = struct.unpack("<H", data[8:10])[0]
    values = data[10 + size:]
    return struct.unpack(f"<{len(values) // 4}f", values)


def ranks(values):
    return [sum(other < value for other in values) + sum(other == value for other in values) / 2 for value in values]


def correlation(x, y):
    x, y = ranks(x), ranks(y)
    mx, my = sum(x) / len(x), sum(y) / len(y)
    top = sum((a - mx) * (b - my) for a, b in zip(x, y))
    return top / (sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)) ** 0.5


class Scoring(Case):
    def side_cars(self):
        return sorted((self.dir / "cache").glob("*.npy*"))

    def score(self, *arguments, **more):
        return json.loads(self.espalier("data", "score", self.config, "--json", *arguments, **more).stdout)

    def inspect(self, *arguments, **more):
        return json.loads(self.espalier("data", "inspect", self.config, "--json", *arguments, **more).stdout)

    def test_score_keeps_what_it_made_and_uses_it_again(self):
        first = self.score("--scorer", "length", "--scorer", "expression { expression = 'rank(length) + z(compression)' }")
        self.assertEqual([one["documents"] for one in first], [18, 18])
        self.assertEqual([one["reused"] for one in first], [0, 0])
        lines = [line for name in ("easy", "hard") for line in (self.dir / f"{name}.jsonl").read_text().splitlines()]
        texts = [json.loads(line)["text"] for line in lines]
        length = [x for car in first[0]["side_cars"] for x in read_npy(self.dir / car["path"])]
        self.assertEqual(ranks(length), ranks([len(text) for text in texts]))
        again = self.score("--scorer", "length")
        self.assertEqual(again[0]["reused"], 18)
        self.assertIn("all from side-cars", self.espalier("data", "score", self.config, "--scorer", "length").stdout)
        self.assertEqual(len(self.side_cars()), 2 * 2 * 3)  # length, compression and the formula

    def test_scores_of_shards_used_in_place_lie_in_the_cache(self):
        self.espalier("data", "prepare", self.config)
        shards = self.dir / "shards"
        shards.mkdir()
        for suffix in ("bin", "idx"):
            made = next((self.dir / "cache").glob(f"easy.train.*.{suffix}"))
            (shards / f"a.{suffix}").write_bytes(made.read_bytes())
        self.config.write_text(self.config.read_text().replace(f"{self.dir}/easy.jsonl", str(shards)))
        first = self.score("--scorer", "compression", "--scorer", "length")
        self.assertEqual([one["reused"] for one in first], [6, 0])  # the other source was scored while preparing
        self.assertEqual(sorted(path.name for path in shards.iterdir()), ["a.bin", "a.idx"])
        self.assertEqual(self.score("--scorer", "length")[0]["reused"], 18)
        done = self.train("run", sets=["training.steps=24"])  # finds the same scores, and the source is still whole
        self.assertNotIn("scoring the documents", done.stderr)

    def test_the_thread_count_and_the_process_change_nothing(self):
        sets = ['difficulty.plugin="expression"', "difficulty.params={expression='rank(compression) - z(length)'}"]
        made = []
        for more in (["difficulty.threads=1"], ["difficulty.threads=5"], ["difficulty.isolate=false"]):
            for path in self.side_cars():
                path.unlink()
            self.score(sets=sets + more)
            made.append({path.name: path.read_bytes() for path in self.side_cars()})
        self.assertEqual(made[0], made[1])
        self.assertEqual(made[0], made[2])

    def test_inspect(self):
        shown = self.inspect("--scorer", "length", "--scorer", "compression { min_bytes = 1 }")
        length, compression = shown["scorers"]
        cars = self.score("--scorer", "length", "--scorer", "compression { min_bytes = 1 }")
        values = [[x for car in one["side_cars"] for x in read_npy(self.dir / car["path"])] for one in cars]
        self.assertAlmostEqual(shown["spearman"][0][1], correlation(*values), places=6)
        self.assertAlmostEqual(shown["spearman"][0][0], 1)
        self.assertEqual(sum(length["all"]["histogram"]), 18)
        self.assertEqual(sum(sum(length["sources"][name]["histogram"]) for name in ("easy", "hard")), 18)
        self.assertEqual(len(length["tiers"]), 3)
        self.assertEqual(sum(tier["documents"] for tier in length["tiers"]), 18)
        self.assertEqual(len(length["examples"]), 11)
        self.assertEqual(sorted(e["score"] for e in length["examples"]), [e["score"] for e in length["examples"]])
        self.assertAlmostEqual(length["all"]["deciles"][0], min(values[0]), places=6)
        text = self.espalier("data", "inspect", self.config, "--scorer", "length", "--scorer", "compression").stdout
        for part in ("histogram", "tier", "by tenths", "rank correlation", "█"):
            self.assertIn(part, text)
        # Without --scorer: the configured one, with the configured tiers.
        self.assertEqual(self.inspect()["scorers"][0]["scorer"], "compression")

    def test_a_scorer_that_misbehaves_ends_with_code_6_and_a_name(self):
        word = json.loads((self.dir / "hard.jsonl").read_text().splitlines()[3])["text"].split()[0]
        for how, message in (("crash", "SIGSEGV"), ("exit", "exit code 3"), ("hang", "call_timeout"), ("throw", "tripped")):
            for verb in ("score", "prepare") if how == "crash" else ("score",):
                done = self.espalier("data", verb, self.config, "--plugin-path", FIXTURES / "trips.so", check=6,
                                     sets=['difficulty.plugin="trips"', f'difficulty.params={{on="{word}",how="{how}"}}',
                                           "difficulty.call_timeout=1"])
                for part in (message, "org.example.test.trips", 'source "hard"', "documents 0 to 5", ".bin"):
                    self.assertIn(part, done.stderr)
            self.assertEqual([path for path in self.side_cars() if path.name.startswith("hard")], [])

    def test_too_many_documents_without_a_score(self):
        done = self.espalier("data", "prepare", self.config, check=6, sets=["difficulty.params={min_bytes=100000}"])
        self.assertIn("18 of 18 documents", done.stderr)
        self.assertIn("org.espalier.difficulty.compression", done.stderr)
        self.espalier("data", "prepare", self.config,
                      sets=["difficulty.params={min_bytes=100000}", "difficulty.max_unscored=1"])

    def test_a_damaged_side_car_is_named_and_made_again(self):
        self.score()
        victim = next(path for path in self.side_cars() if path.suffix == ".npy")
        whole = victim.read_bytes()
        victim.write_bytes(whole[:-1])
        done = self.espalier("data", "score", self.config)
        self.assertIn(victim.name, done.stderr + done.stdout)
        self.assertIn("made again", done.stderr + done.stdout)
        self.assertEqual(victim.read_bytes(), whole)

    def test_inputs_that_are_not_there_are_named(self):
        for formula, code, part in (("rank(nothing)", 6, "nothing"), ("length { unit = 3 }", 2, "unit"),
                                    ("host.nothing", 2, "host.loss"), ("1 +", 2, "ends early"),
                                    ("host.loss { model = 'nowhere' }", 2, "no model")):
            done = self.espalier("data", "score", self.config, check=code,
                                 sets=['difficulty.plugin="expression"', f'difficulty.params={{expression="{formula}"}}'])
            self.assertIn(part, done.stderr)

    def test_the_loss_of_a_model_is_a_score(self):
        self.train("base", sets=["training.steps=6"])
        made = self.score("--scorer", f'proxy-loss {{ model = "{self.dir}/base" }}')
        values = read_npy(self.dir / made[0]["side_cars"][0]["path"])
        for number in (0, 5):
            text = json.loads((self.dir / "easy.jsonl").read_text().splitlines()[number])["text"]
            (self.dir / "one.txt").write_text(text)
            alone = json.loads(self.espalier("eval", self.checkpoint("base", 6), "--text", self.dir / "one.txt",
                                             "--json").stdout)
            self.assertAlmostEqual(values[number], alone["bpb"], places=4)
        other = self.score("--scorer", f'proxy-loss {{ model = "{self.dir}/base", reference = "{self.dir}/base" }}')
        self.assertEqual(set(read_npy(self.dir / other[0]["side_cars"][1]["path"])), {0.0})

    def test_tiers_by_every_rule_train(self):
        cut = self.inspect()["scorers"][0]["all"]["deciles"][5]
        listed = "source,document,tier\n" + "".join(
            f"{name},{i},{i % 3}\n" for name, count in (("easy", 12), ("hard", 6)) for i in range(count))
        (self.dir / "tiers.csv").write_text(listed)
        rules = {
            "quantiles": ['difficulty.quantiles=[0.5,0.9]'],
            "threshold": ['difficulty.tier_by="threshold"', f"difficulty.thresholds=[{cut}]"],
            "source": ['difficulty.tier_by="source"', 'difficulty.plugin=""', "data.sources[0].tier=0",
                       "data.sources[1].tier=1"],
            "file": ['difficulty.tier_by="file"', f'difficulty.tier_file="{self.dir}/tiers.csv"'],
        }
        for name, sets in rules.items():
            self.train(name, sets=sets + ["training.steps=8"])
            done = json.loads(self.espalier("data", "prepare", self.config, "--json", sets=sets).stdout)
            self.assertEqual(len(done["tiers"]), {"threshold": 2, "source": 2}.get(name, 3), name)

    def test_rules_that_cannot_be_are_refused_at_their_line(self):
        lines = self.config.read_text().splitlines()
        at = lines.index("tiers = 3")
        for extra, message in (('tier_by = "threshold"\nthresholds = [2, 1]', "must rise"),
                               ('tier_by = "threshold"\nthresholds = [0.1, 99]', "has no documents")):
            self.config.write_text("\n".join(lines[:at + 1] + extra.split("\n") + lines[at + 1:]))
            done = self.espalier("data", "prepare", self.config, check=2)
            self.assertIn(message, done.stderr)
            self.assertIn(f"tiny.toml:{at + 3}:", done.stderr)


if __name__ == "__main__":
    unittest.main()
