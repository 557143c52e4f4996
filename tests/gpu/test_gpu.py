"""What the CPU tests promise holds on a GPU: the same losses, exact resume, growth of every kind, eval and generate."""

import json
import pathlib
import shutil
import unittest

from case import Case, same_training_state

GPU = ["training.device=cuda"]
FP32, BF16 = ["training.dtype=fp32"], ["training.dtype=bf16"]
GROWTH = {
    "midas": [],
    "ligo": ["growth.plugin=ligo", "schedule.growth.params={alpha=0.0}",
             "growth.params={num_layers=[1], d_model=[16], num_heads=[2], num_kv_heads=[1], d_ff=[24], steps=6, lr=1e-2}"],
    "cgls": ["growth.plugin=cgls", "growth.params={layers=[1, 2], phase_a=\"3st\"}", "schedule.growth.params={alpha=0.0}",
             "schedule.mixture.params={phase_a=\"balanced\"}"],
    "net2net": ["growth.plugin=net2net", "schedule.growth.params={alpha=0.0}",
                "growth.params={num_layers=[2], d_model=[16], num_heads=[2], num_kv_heads=[1], d_ff=[24]}"],
    "layerdrop": ["growth.plugin=layerdrop", "growth.params={drop_rate=0.3}", "schedule.growth.plugin="],
}


def why_not():
    if not pathlib.Path("/dev/nvidia0").exists():
        return "this machine has no GPU"
    return ""


@unittest.skipIf(why_not(), why_not())
class Gpu(Case):
    def setUp(self):
        super().setUp()
        self.text = self.dir / "text.txt"
        lines = (self.dir / "val.jsonl").read_text().splitlines()
        self.text.write_text("".join(json.loads(line)["text"] + "\n" for line in lines))

    def losses(self, run, sets):
        self.train(run, sets=[*sets, "metrics.log_interval=1"])
        return self.metrics(run, "train/loss")

    def test_auto_takes_the_gpu_and_says_so(self):
        done = self.train(sets=["training.device=auto", "training.steps=4"])
        self.assertIn("NVIDIA", done.stderr)
        self.assertIn("NVIDIA", json.loads((self.dir / "run/env.json").read_text())["device"])

    def test_losses_are_those_of_the_cpu_with_every_kind_of_growth(self):
        for name, sets in GROWTH.items():
            with self.subTest(name):
                cpu = self.losses(name + "-cpu", [*sets, *FP32])
                gpu = self.losses(name + "-gpu", [*sets, *FP32, *GPU])
                self.assertEqual(cpu.keys(), gpu.keys())
                for step, loss in cpu.items():
                    self.assertAlmostEqual(loss, gpu[step], delta=2e-3 * loss, msg=f"{name}, step {step}")

    def test_bf16_stays_near_fp32(self):
        fp32, bf16 = self.losses("fp32", [*FP32, *GPU]), self.losses("bf16", [*BF16, *GPU])
        for step, loss in fp32.items():
            self.assertAlmostEqual(loss, bf16[step], delta=0.03 * loss, msg=f"step {step}")

    def test_a_stopped_run_goes_on_exactly(self):
        for name in ("midas", "ligo"):
            with self.subTest(name):
                sets = [*GROWTH[name], *FP32, *GPU]
                self.train(name + "-whole", sets=sets)
                self.train(name + "-part", sets=[*sets, "training.steps=24"])
                for step in (18, 24):
                    folder = self.checkpoint(name + "-part", step)
                    self.assertTrue(folder.exists())
                shutil.rmtree(self.checkpoint(name + "-part", 24))
                self.espalier("resume", self.dir / (name + "-part"))
                same_training_state(self, self.checkpoint(name + "-whole", 24), self.checkpoint(name + "-part", 24))

    def test_a_checkpoint_of_the_gpu_goes_on_on_the_cpu(self):
        self.train("run", sets=[*FP32, *GPU, "training.steps=24"])
        shutil.rmtree(self.checkpoint("run", 24))
        self.espalier("resume", self.dir / "run", "--set", "training.device=cpu")
        self.assertTrue(self.checkpoint("run", 24).exists())

    def test_eval_and_generate_agree_with_the_cpu(self):
        self.train("run", sets=[*FP32, *GPU])
        model = self.checkpoint("run", 24)
        results = {device: json.loads(self.espalier("eval", model, "--text", self.text, "--json", "--device", device).stdout)
                   for device in ("cpu", "cuda")}
        self.assertAlmostEqual(results["cpu"]["nll"], results["cuda"]["nll"], places=3)
        texts = {device: self.espalier("generate", model, "--prompt", "the cat", "--temperature", "0", "--max-tokens", "16",
                                       "--device", device).stdout for device in ("cpu", "cuda")}
        self.assertEqual(texts["cpu"], texts["cuda"])
        self.assertGreater(self.metrics("run", "memory/max_reserved_gib")[24], 0)


if __name__ == "__main__":
    unittest.main()
