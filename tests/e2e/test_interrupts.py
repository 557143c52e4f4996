"""Signals, streams and limits that a process inherits or gets: what was trained is saved, and the reason is said."""

import json
import os
import pty
import signal
import subprocess
import time
import unittest

from case import Case, same_training_state

LONG = ["training.steps=4000", "checkpoint.interval=0", "metrics.log_interval=1", "validation.interval=0", "validation.samples=0"]


class Interrupts(Case):
    def start(self, run, sets=LONG, ignored=(), **more):
        """A run that has reached its third step."""
        def inherit():
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        process = subprocess.Popen(self.command("train", self.config, "--run-dir", self.dir / run, sets=sets), env=self.env,
                                   cwd=self.dir, stderr=subprocess.PIPE, text=True, preexec_fn=inherit, **more)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        self.wait_for(process, "step 3/")
        return process

    def wait_for(self, process, text):
        for line in process.stderr:
            if text in line:
                return line
        self.fail(f"the program ended without saying '{text}'")

    def saved(self, run):
        return sorted(int(path.name[5:]) for path in (self.dir / run / "checkpoints").glob("step-*"))

    def test_a_closed_terminal_or_the_limit_on_cpu_time_saves(self):
        for number in (signal.SIGHUP, signal.SIGXCPU):
            name = signal.Signals(number).name
            process = self.start(name)
            process.send_signal(number)
            process.send_signal(number)  # a terminal and a shell both send it
            rest = process.communicate(timeout=120)[1]
            self.assertEqual(process.returncode, 0, rest)
            self.assertIn(f"({name})", rest)
            self.assertEqual(len(self.saved(name)), 1)

    def test_a_log_that_nobody_reads_any_more_saves_and_the_run_goes_on_exactly(self):
        sets = [item for item in LONG if "steps" not in item] + ["training.steps=300"]
        process = self.start("run", sets)
        process.stderr.close()
        self.assertEqual(process.wait(timeout=120), 0)
        self.assertEqual(len(self.saved("run")), 1)
        self.assertLess(self.saved("run")[0], 300)
        log = (self.dir / "run/run.log").read_text()
        self.assertIn("SIGPIPE: the reader of the log has gone", log)
        self.espalier("resume", self.dir / "run")
        self.train("whole", sets)
        same_training_state(self, self.checkpoint("whole", 300), self.checkpoint("run", 300))

    def test_what_was_ignored_from_the_start_stays_ignored(self):
        process = self.start("run", ignored=(signal.SIGHUP, signal.SIGINT, signal.SIGUSR1))
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGINT, signal.SIGUSR1):
            process.send_signal(number)
        for _ in range(20):
            self.wait_for(process, "step ")
        self.assertEqual(self.saved("run"), [])
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0)

    def test_usr1_saves_and_goes_on(self):
        process = self.start("run")
        process.send_signal(signal.SIGUSR1)
        self.wait_for(process, "saved ")
        first = self.saved("run")
        self.assertEqual(len(first), 1)
        self.wait_for(process, "step ")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(self.saved("run")), 2)

    def test_a_second_signal_says_what_it_interrupts(self):
        process = self.start("run")
        process.send_signal(signal.SIGSTOP)  # so that both come before the step ends
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        rest = process.communicate(timeout=120)[1]
        self.assertIn(process.returncode, (-signal.SIGINT, -signal.SIGTERM))
        self.assertRegex(rest, "a second SIG(INT|TERM) ends the run at once, in the middle of a training step; what was trained")

    def test_closed_streams_do_not_become_files(self):
        closed = " ".join(f"{fd}>&-" for fd in (0, 1, 2))
        command = " ".join(f"'{part}'" for part in self.command("train", self.config, "--run-dir", self.dir / "run"))
        subprocess.run(["bash", "-c", f"{command} {closed}"], env=self.env, cwd=self.dir, check=True)
        for line in (self.dir / "run/metrics.jsonl").read_text().splitlines():
            json.loads(line)
        self.assertEqual((self.dir / "run/.lock").read_bytes(), b"")
        self.assertIn("saved", (self.dir / "run/run.log").read_text())
        plan = " ".join(f"'{part}'" for part in self.command("plan", self.config, "--json"))
        self.assertEqual(subprocess.run(["bash", "-c", f"{plan} 0>&- 2>&-"], env=self.env, cwd=self.dir, capture_output=True).returncode, 0)

    def test_a_limit_on_the_size_of_files_is_an_error_of_the_checkpoint(self):
        command = " ".join(f"'{part}'" for part in self.command("train", self.config, "--run-dir", self.dir / "run"))
        self.espalier("data", "prepare", self.config)
        done = subprocess.run(["bash", "-c", f"ulimit -f 40; {command}"], env=self.env, cwd=self.dir, capture_output=True, text=True)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("File too large", done.stderr)
        self.assertIn("ulimit -f", done.stderr)
        self.assertEqual(list((self.dir / "run/checkpoints").glob("*")), [])

    def test_children_that_the_parent_does_not_wait_for(self):
        def inherit():
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        begin = time.time()
        done = subprocess.run(self.command("plugin", "list", "--json"), env=self.env, cwd=self.dir, capture_output=True, text=True, preexec_fn=inherit)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ok", {item["status"] for item in json.loads(done.stdout)})
        self.assertLess(time.time() - begin, 60)

    def test_colours_only_on_a_terminal_that_wants_them(self):
        for no_color, coloured in (("", True), ("1", False)):
            try:
                main, other = pty.openpty()
            except OSError as error:
                self.skipTest(f"no terminal can be made here: {error}")
            self.addCleanup(os.close, main)
            env = dict(self.env, NO_COLOR=no_color, TERM="xterm-256color")
            sets = ["training.steps=6", "validation.samples=0", "validation.interval=0"]
            subprocess.run(self.command("train", self.config, "--run-dir", self.dir / f"run{no_color}", sets=sets), env=env, cwd=self.dir,
                           stderr=other, check=True)
            os.close(other)
            text = b""
            try:
                while part := os.read(main, 65536):
                    text += part
            except OSError:  # the other end is closed
                pass
            self.assertEqual(b"\x1b[" in text, coloured)


if __name__ == "__main__":
    unittest.main()
