"""`espalier data prepare` and `data mix` as a user meets them."""

import hashlib
import json
import signal
import subprocess
import time
import unittest

from case import Case


class Data(Case):
    def cached(self, name):
        """Hashes of a cache's files, but for the index, which knows inodes."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (self.dir / name).glob("easy.*")
                if path.suffix != ".index"}

    def test_the_report_counts_what_was_left_out(self):
        text = [{"text": "one", "lang": "en"}, {"text": "two", "lang": "de"}, {"text": "one", "lang": "en"},
                {"text": "", "lang": "en"}, {"text": "tres", "lang": "es"}]
        (self.dir / "easy.jsonl").write_text("".join(json.dumps(line) + "\n" for line in text))
        sets = ['data.dedup="exact"', 'data.sources.0.language_field="lang"', 'data.sources.0.languages=["en","de"]',
                'difficulty.plugin=""', "difficulty.params={}", 'schedule.mixture.plugin=""']
        easy = json.loads(self.espalier("data", "prepare", self.config, "--json", sets=sets).stdout)["sources"][0]
        self.assertEqual(easy["documents"], 2)
        self.assertEqual(easy["left_out"], {"duplicates": 1, "empty": 1, "filtered": 1})
        self.assertEqual(easy["languages"], {"de": 1, "en": 1})
        self.assertEqual(easy["bytes"], 6)
        self.assertEqual(easy["bytes_per_token"], 6 / 8)
        self.assertEqual(easy["val_documents"], 6)
        listed = self.espalier("data", "prepare", self.config, sets=sets).stdout
        self.assertIn("left out, duplicates: 1", listed)
        self.assertIn("languages: de 1, en 1", listed)

    def test_a_preparation_that_is_killed_goes_on(self):
        with open(self.dir / "easy.jsonl", "w") as out:
            for i in range(400_000):
                out.write(f'{{"text":"{i} {"the cat sat on a mat " * (i % 17)}"}}\n')
        sets = ["data.shard_tokens=2000000", 'difficulty.plugin=""', "difficulty.params={}", 'schedule.mixture.plugin=""']
        self.espalier("data", "prepare", self.config, sets=sets)
        whole = self.cached("cache")
        self.assertGreater(len(whole), 60)

        again = sets + [f'data.cache_dir="{self.dir}/again"']
        child = subprocess.Popen(self.command("data", "prepare", self.config, sets=again), env=self.env, cwd=self.dir,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end and not list((self.dir / "again").glob("easy.train.*.part.json")):
                time.sleep(0.002)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        self.assertTrue(list((self.dir / "again").glob("easy.train.*.part.json")), "killed too late")
        done = self.espalier("data", "prepare", self.config, sets=again)
        self.assertIn("whole shards", done.stderr)
        self.assertEqual(self.cached("again"), whole)

    def test_mix_tells_what_training_draws(self):
        mix = json.loads(self.espalier("data", "mix", self.config, "--spans", "6", "--json").stdout)
        self.assertEqual([(span["start"], span["end"]) for span in mix["spans"]], [(i, i + 4) for i in range(0, 24, 4)])
        self.train()
        trained = self.metrics("run", "data/easy/frac")
        trained[4] = (trained.pop(1) + 3 * trained[4]) / 4
        for span in mix["spans"]:
            self.assertAlmostEqual(span["sources"][0], trained[span["end"]], places=6)
            self.assertAlmostEqual(sum(span["tiers"]), 1, places=6)
        self.assertGreater(mix["spans"][0]["tiers"][0], mix["spans"][-1]["tiers"][0])  # harder tiers open later
        self.assertEqual(sum(source["drawn"] for source in mix["sources"]), 24 * 8 * 32)
        for source in mix["sources"]:
            self.assertEqual(source["first_pass"] is not None, source["epochs"] >= 1)
        few = json.loads(self.espalier("data", "mix", self.config, "--steps", "4", "--spans", "1", "--json").stdout)
        self.assertEqual(few["spans"], mix["spans"][:1])
        self.assertIn("epochs", self.espalier("data", "mix", self.config).stdout)

    def test_mix_follows_a_ramp_of_the_batch(self):
        sets = ["schedule.batch.plugin=ramp-up", "schedule.batch.params={values=[4, 8], length=\"12st\"}"]
        mix = json.loads(self.espalier("data", "mix", self.config, "--json", sets=sets).stdout)
        self.train(sets=sets)
        tokens = self.metrics("run", "train/tokens")[24]
        self.assertLess(tokens, 24 * 8 * 32)
        self.assertEqual(sum(source["drawn"] for source in mix["sources"]), tokens)

    def test_mix_tells_when_the_data_end(self):
        sets = ['data.exhausted="stop"', "training.steps=400"]
        mix = json.loads(self.espalier("data", "mix", self.config, "--json", sets=sets).stdout)
        self.assertLess(mix["out_of_data"], 400)
        done = self.train(sets=sets)
        self.assertIn(f"every source is used up at step {mix['out_of_data']} of 400", done.stderr)


if __name__ == "__main__":
    unittest.main()
