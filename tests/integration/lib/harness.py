"""The frame of a Python test file: what lib/harness.mjs and lib/server.mjs are to the others.

@test("name") declares a case, an async function that is called with a running Server; run_all()
runs them one after the other, each bounded in time, and prints one line for each.
"""

import asyncio
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

START_LIMIT_S = 15
STOP_LIMIT_S = 15
LOG_TAIL_CHARS = 4000
BASE_CONFIG = json.loads((pathlib.Path(__file__).parent.parent / "base_config.json").read_text())

# Parts of the names of cases whose feature is being built. INTEGRATION_NOT_YET=run runs them all
# the same.
_not_yet = (
    [] if os.environ.get("INTEGRATION_NOT_YET") == "run"
    else json.loads((pathlib.Path(__file__).parent.parent / "not_yet.json").read_text()))
_cases = []


def to_toml(value):
    """Dotted keys and inline tables say everything; JSON's strings and numbers are TOML's."""
    if isinstance(value, list):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {to_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def write_toml(file, keys):
    """Writes a configuration of dotted keys, and returns the file."""
    file.write_text("".join(f"{key} = {to_toml(value)}\n" for key, value in keys.items()))
    return file


def free_port():
    """A port that nobody listens on, below those that outgoing connections get: lib/server.mjs."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Server:
    """One server process: its own port, configuration and folder."""

    def __init__(self, config):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tickcast-test-"))
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.socket_url = f"ws://{self.address}/connection/websocket"
        self.log_file = self.folder / "server.log"
        self.undo = []  # Called when the case is over: connections that it left open.
        self.config_file = self.write_config({"http_server.port": self.port, **config})
        self.launch()

    def write_config(self, keys):
        return write_toml(self.folder / "server.toml", {**BASE_CONFIG, **keys})

    def command(self):
        """The program and its arguments."""
        return [os.environ["INTEGRATION_BINARY"], "--config", str(self.config_file)]

    def launch(self):
        """Starts the process. After stop() it may be called again: same port, same keys."""
        # The environment's own TICKCAST_… are keys of the configuration, and the case sets those.
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("TICKCAST_", "CENTRIFUGO_"))}
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                self.command(), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_until_healthy(self):
        end = time.monotonic() + START_LIMIT_S
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended at its start: {self.process.returncode}")
            try:
                self.get("/health")
                return
            except OSError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.02)

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
            return answer.read().decode()

    def call(self, method, body):
        """Calls the HTTP API, and returns the result of a call that has to succeed."""
        request = urllib.request.Request(
            f"http://{self.address}/api/{method}", data=json.dumps(body).encode(),
            headers={"X-API-Key": BASE_CONFIG["http_api.key"]})
        with urllib.request.urlopen(request, timeout=5) as answer:
            reply = json.load(answer)
        assert "error" not in reply, reply
        return reply["result"]

    def publish(self, channel, data, **options):
        return self.call("publish", {"channel": channel, "data": data, **options})

    def closes(self, code):
        """How many connections were ended for `code`, as /metrics says."""
        lines = self.get("/metrics").splitlines()
        return sum(
            int(line.rsplit(" ", 1)[1]) for line in lines
            if line.startswith("tickcast_closes_total{") and f'reason="{code}' in line)

    def stop(self):
        """Asks it to drain, and wants a good end."""
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended by itself: {self.process.returncode}")
        try:
            self.process.terminate()
            status = self.process.wait(STOP_LIMIT_S)
            assert status == 0, f"a drained server exits 0, not {status}"
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def log_tail(self):
        return self.log_file.read_text(errors="replace")[-LOG_TAIL_CHARS:]


def test(name, limit_s=30, **config):
    """Declares a case. Keyword arguments are keys of the server's configuration, with `__` for the
    dot; the case is called with the running server."""

    def declare(body):
        keys = {key.replace("__", "."): value for key, value in config.items()}
        _cases.append((name, body, limit_s, keys))
        return body

    return declare


async def _run_body(body, server):
    try:
        await body(server)
    finally:
        for step in server.undo:
            step()


def _indent(text):
    return "\n".join("    " + line for line in text.rstrip().split("\n"))


def _run_case(name, body, limit_s, config, server_type):
    began = time.monotonic()
    server = server_type(config)
    faults = []

    def attempt(step):
        try:
            step()
        except Exception:  # pylint: disable=broad-except
            faults.append(traceback.format_exc())

    attempt(server.wait_until_healthy)
    if not faults:
        attempt(lambda: asyncio.run(asyncio.wait_for(_run_body(body, server), limit_s)))
    attempt(server.stop)
    spent_ms = round((time.monotonic() - began) * 1000)
    print(f"{'not ok' if faults else 'ok'} {name} ({spent_ms} ms)", flush=True)
    for fault in faults:
        print(_indent(fault))
    if faults:
        print(_indent(f"the server's log:\n{server.log_tail()}"))
    shutil.rmtree(server.folder)


def run_all(server_type=Server):
    wanted = os.environ.get("INTEGRATION_FILTER", "")
    for name, body, limit_s, config in _cases:
        if wanted not in name:
            continue
        if any(part in name for part in _not_yet):
            print(f"skip {name}: not yet", flush=True)
        else:
            _run_case(name, body, limit_s, config, server_type)


def skip_all(reason):
    """For a file whose library is missing."""
    print(f"skip {pathlib.Path(sys.argv[0]).name}: {reason}")
    sys.exit(0)
