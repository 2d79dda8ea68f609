#!/usr/bin/env python3
"""perf/*.sh: what they refuse, and a soak of a second.

    scripts_test.py BUILD_FOLDER
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PERF = pathlib.Path(__file__).resolve().parents[2] / "perf"
BUILD = None  # Set from the command line.


def run(script, *arguments):
    return subprocess.run([PERF / script, *arguments], capture_output=True, text=True, timeout=150)


class UsageTest(unittest.TestCase):
    def test_wrong_options_show_the_usage(self):
        for script, *arguments in (("soak.sh", "--durration", "1s"), ("soak.sh", "--duration"),
                                   ("soak.sh", "--server", "127.0.0.1:1"),
                                   ("latency.sh", "--json"), ("latency.sh", "--help"),
                                   ("flamegraph.sh",), ("flamegraph.sh", "--pid"),
                                   ("flamegraph.sh", "--pid", "1", "--", "true")):
            done = run(script, *arguments)
            self.assertEqual(done.returncode, 2, (script, arguments))
            self.assertIn(f"perf/{script} ", done.stderr)

    def test_wrong_values_are_named(self):
        for script, arguments, text in (
                ("soak.sh", ("--duration", "5x"), "'5x' is no 90s"),
                ("soak.sh", ("--build", "/nowhere"), "/nowhere is not built"),
                ("latency.sh", ("100", "--against", "/nowhere"), "/nowhere cannot be read"),
                ("flamegraph.sh", ("--seconds", "0", "--", "true"), "'0' is no whole number"),
                ("flamegraph.sh", ("--rate", "fast", "--", "true"), "'fast' is no number")):
            done = run(script, *arguments)
            self.assertNotEqual(done.returncode, 0, (script, arguments))
            self.assertIn(text, done.stderr)


class SoakTest(unittest.TestCase):
    def soak(self, *options):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            done = run("soak.sh", "--build", BUILD, "--connections", "100", "--duration", "1s",
                       "--json", file.name, *options)
            return done, json.loads(pathlib.Path(file.name).read_text() or "{}")

    def test_it_holds_and_leaves_its_figures(self):
        done, figures = self.soak()
        self.assertEqual((done.returncode, "held" in done.stdout), (0, True), done.stderr)
        self.assertGreater(figures["total_deliveries"], 0)
        self.assertEqual(figures["lost"], 0)
        self.assertGreater(figures["server_rss"], 0)

    def test_an_expectation_that_does_not_hold_fails(self):
        done, figures = self.soak("--expect", "delivered<1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("expected delivered<1", done.stderr)
        self.assertGreater(figures["delivered"], 0)

    def test_a_server_that_does_not_start_is_told(self):
        done, _ = self.soak("--set", "engine.send_batch=0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the server did not start", done.stderr)


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()
