#!/usr/bin/env python3
"""tools/deploy: the unit starts the server that there is, with keys that there are.

    deploy_test.py SERVER

What the unit, the settings and docs/tuning.md say about the server is compared with the program
itself: its options, its configuration's keys and defaults, its exit statuses.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "tools/deploy"
PRODUCTION = ROOT / "tools/tickcast/production.toml"
INSTALLED_PROGRAM = "/usr/local/bin/tickcast"
INSTALLED_CONFIG = "/etc/tickcast/server.toml"
SERVER = None  # Set from the command line.
# As README tells them to be in the unit's EnvironmentFile.
SECRETS = {"TICKCAST_CLIENT_TOKEN_HMAC_SECRET_KEY": "secret", "TICKCAST_HTTP_API_KEY": "key"}


def unit():
    """The settings of the [Service] section."""
    text = (DEPLOY / "tickcast.service").read_text()
    service = re.search(r"^\[Service\]\n(.*?)(?=^\[)", text, re.S | re.M)[1]
    return dict(re.findall(r"^(\w+)=(.*)$", service, re.M))


def seconds(text):
    value = re.fullmatch(r"(\d+)(s|m)?", text)
    return int(value[1]) * (60 if value[2] == "m" else 1)


def run(arguments, **environment):
    return subprocess.run([SERVER] + arguments, env=os.environ | environment, capture_output=True,
                          text=True, timeout=60)


class UnitTest(unittest.TestCase):
    def command(self, setting):
        program, *arguments = unit()[setting].split()
        self.assertEqual(program, INSTALLED_PROGRAM)
        self.assertIn(INSTALLED_CONFIG, arguments)
        return [str(PRODUCTION) if word == INSTALLED_CONFIG else word for word in arguments]

    def test_the_check_before_the_start_passes_for_the_configuration_to_start_from(self):
        checked = run(self.command("ExecStartPre"), **SECRETS)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        self.assertEqual(checked.stdout, "the configuration is good\n")

    def test_what_is_started_is_what_was_checked(self):
        checked, started = self.command("ExecStartPre"), self.command("ExecStart")
        self.assertEqual([word for word in checked if word != "--check-config"], started)
        self.assertIn("--check-config", checked)

    def test_a_wrong_configuration_is_not_started_again(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as wrong:
            wrong.write("[client]\npign_interval = 1\n")
            wrong.flush()
            status = run(["--check-config", "--config", wrong.name]).returncode
        self.assertIn(str(status), unit()["RestartPreventExitStatus"].split())

    def test_no_io_uring_is_not_started_again(self):
        told = re.search(r"(\d+) where the kernel or its settings do\s+not let the server use "
                         r"io_uring", run(["--help"]).stdout)
        self.assertIn(told[1], unit()["RestartPreventExitStatus"].split())

    def test_systemd_waits_longer_than_a_drain_takes(self):
        stop = seconds(unit()["TimeoutStopSec"])
        shutdown = tomllib.loads(PRODUCTION.read_text())["shutdown"]
        self.assertGreater(stop, seconds(shutdown["timeout"]))
        self.assertGreater(stop, seconds(shutdown["spread"]))
        default = re.search(r"`shutdown\.timeout` \| duration \| `\"(\w+)\"`",
                            run(["--config-reference"]).stdout)
        self.assertGreater(stop, seconds(default[1]))

    def test_the_signal_that_drains_is_the_one_that_systemd_sends(self):
        self.assertEqual(unit().get("KillSignal", "SIGTERM"), "SIGTERM")
        self.assertIn("SIGTERM", run(["--help"]).stdout)

    def test_io_uring_stays_allowed(self):
        allowed = unit()["SystemCallFilter"].split()
        self.assertFalse([group for group in allowed if group.startswith("~")])
        self.assertIn("@aio", allowed)
        self.assertEqual(unit()["RestrictAddressFamilies"].split(), ["AF_INET", "AF_INET6"])

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd here")
    def test_the_calls_of_io_uring_are_in_the_group_that_is_allowed(self):
        group = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", "@aio"],
                               check=True, capture_output=True, text=True).stdout.split()
        for call in ("io_uring_setup", "io_uring_enter", "io_uring_register"):
            self.assertIn(call, group)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd here")
    def test_systemd_finds_nothing_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tickcast.service"
            text = (DEPLOY / "tickcast.service").read_text()
            path.write_text(text.replace(INSTALLED_PROGRAM, SERVER))
            checked = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True,
                                     text=True, timeout=60)
        about_it = [line for line in checked.stderr.splitlines() if "tickcast" in line]
        self.assertEqual((checked.returncode, about_it), (0, []))


class TextTest(unittest.TestCase):
    def test_every_key_that_is_named_exists(self):
        keys = set(re.findall(r"^\| `([\w.]+)` \|", run(["--config-reference"]).stdout, re.M))
        self.assertGreater(len(keys), 40)
        sections = "|".join(sorted({key.split(".")[0] for key in keys if "." in key}))
        for path in [*DEPLOY.iterdir(), ROOT / "docs/tuning.md"]:
            text = path.read_text()
            # Not the keys of the kernel that begin alike, as net.core.somaxconn.
            named = set(re.findall(rf"(?<![\w./-])(?:{sections})\.[a-z_]+[a-z](?![\w/])", text))
            named -= {name for name in named if name.endswith((".toml", ".md", ".conf"))}
            self.assertLessEqual(named, keys, path.name)

    def settings(self):
        for line in (DEPLOY / "60-tickcast.sysctl.conf").read_text().splitlines():
            if line and not line.startswith("#"):
                yield re.fullmatch(r"-?([\w.]+) = (.+)", line).groups()

    def test_every_setting_of_the_kernel_is_explained(self):
        tuning = (ROOT / "docs/tuning.md").read_text()
        settings = dict(self.settings())
        self.assertGreater(len(settings), 8)
        for name in settings:
            self.assertIn(f"`{name}`", tuning)

    def test_settings_of_three_numbers_ascend(self):
        for name, value in self.settings():
            numbers = [int(number) for number in value.split() if number.isdigit()]
            self.assertTrue(numbers, name)
            self.assertEqual(numbers, sorted(numbers), name)

    def test_the_unit_fits_under_the_kernels_limit_of_open_files(self):
        self.assertLessEqual(int(unit()["LimitNOFILE"]), int(dict(self.settings())["fs.nr_open"]))

    def test_every_file_says_where_it_goes(self):
        for path in DEPLOY.iterdir():
            self.assertIn(f"install -m 644 {'-D ' if path.name == 'cpus.conf' else ''}"
                          f"tools/deploy/{path.name} /etc/", path.read_text())


if __name__ == "__main__":
    SERVER = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
