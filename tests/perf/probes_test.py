#!/usr/bin/env python3
"""The bpftrace scripts and the server have the probes that engine/probes.h declares.

    probes_test.py [SERVER]

A script that names a probe, or an argument of it, that does not exist fails only when somebody
needs it. With SERVER, the program's notes are compared too (readelf; skipped where the build had no
sys/sdt.h).
"""

import glob
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "perf/bpftrace").glob("*.bt"))
SERVER = None  # Set from the command line.


def declared():
    """Arguments by probe, from the header."""
    text = (ROOT / "engine/probes.h").read_text()
    body = text[text.index("namespace tickcast::engine::probes"):]
    return {name: int(count)
            for count, name in re.findall(r"TICKCAST_PROBE(\d)\((\w+),", body)}


def blocks(script):
    """Each (probes, action) of a script, without its comments."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", script.read_text(), flags=re.S)
    for match in re.finditer(r"((?:usdt:[^\n{/]+\n)+)(?:/[^\n]*/\n)?\{(.*?)^\}", text, re.S | re.M):
        names = re.findall(r"^usdt:\*:tickcast:(\w+)$", match[1], re.M)
        yield names, match[0]


class ScriptTest(unittest.TestCase):
    def test_there_is_a_script_for_each_subject(self):
        self.assertEqual([script.stem for script in SCRIPTS],
                         ["blocked", "flushes", "lanes", "sends", "turns"])

    def test_scripts_name_probes_that_exist(self):
        for script in SCRIPTS:
            used = [name for names, _ in blocks(script) for name in names]
            self.assertTrue(used, script.name)
            self.assertEqual(len(used), script.read_text().count("usdt:*:"), script.name)
            for name in used:
                self.assertIn(name, declared(), script.name)

    def test_scripts_read_arguments_that_exist(self):
        for script in SCRIPTS:
            for names, action in blocks(script):
                highest = max((int(number) for number in re.findall(r"\barg(\d)\b", action)),
                              default=-1)
                for name in names:
                    self.assertLess(highest, declared()[name], f"{script.name}: {name}")

    def test_every_probe_is_shown_by_a_script(self):
        used = {name for script in SCRIPTS for names, _ in blocks(script) for name in names}
        self.assertEqual(used, set(declared()))

    def test_every_script_says_how_it_is_run(self):
        for script in SCRIPTS:
            self.assertRegex(script.read_text(),
                             rf"bpftrace -p \$\(pidof tickcast\) perf/bpftrace/{script.name}")


class ServerTest(unittest.TestCase):
    def test_the_server_has_every_probe(self):
        if SERVER is None:
            self.skipTest("no server given")
        if not glob.glob("/usr/include/**/sys/sdt.h", recursive=True):
            self.skipTest("built without sys/sdt.h (systemtap-sdt-dev)")
        notes = subprocess.run(["readelf", "--notes", "--wide", SERVER], check=True,
                               capture_output=True, text=True).stdout
        found = set(re.findall(r"Provider: tickcast\s+Name: (\w+)", notes))
        self.assertEqual(found, set(declared()))


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        SERVER = sys.argv.pop(1)
    unittest.main()
