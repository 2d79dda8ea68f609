"""What the benchmarks share: servers and load generators as processes, and statistics.

Every process that is started here is stopped here by its own id, whatever happens, and every wait
has an end.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHANNEL_PREFIX = "bench:"


class BenchError(Exception):
    """The benchmark can't go on; the text is for people."""


def arguments(description):
    """A parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", default="build/release", help="build folder (build/release)")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=min(1, (os.cpu_count() or 1) - 1))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="passed on to tickcast")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--check", action="store_true", help="exit 1 when a mark is missed")
    return parser


def program(options, path):
    found = ROOT / options.build / path
    if not found.exists():
        raise BenchError(f"{found} is not built: tools/build release")
    return str(found)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get_json(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.load(answer)


class Process(contextlib.AbstractContextManager):
    """A child that is stopped by its id at the end of the `with`."""

    def __init__(self, command, **pipes):
        self.errors = tempfile.TemporaryFile()
        pipes.setdefault("stdout", self.errors)
        self.child = subprocess.Popen(command, stderr=self.errors, text=True, **pipes)
        self.name = os.path.basename(command[0])

    @property
    def pid(self):
        return self.child.pid

    def complaint(self):
        """What it wrote to standard error, for the message of a failure."""
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace").strip()
        return f"{self.name} (exit {self.child.poll()}): {text[-2000:] or 'said nothing'}"

    def read_line(self, patience_s):
        ready, _, _ = select.select([self.child.stdout], [], [], patience_s)
        line = self.child.stdout.readline() if ready else ""
        if not line:
            raise BenchError(f"no answer within {patience_s:.0f} s from {self.complaint()}")
        return line

    def __exit__(self, *unused):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(timeout=5)
        for pipe in (self.child.stdin, self.child.stdout, self.errors):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class Floor(Process):
    """perf/floor; `extra` are the members that tickcast's pushes carry beside the data."""

    def __init__(self, options, extra=""):
        super().__init__([program(options, "perf/floor"), "--cpu", str(options.server_cpu),
                          "--pub-extra", extra], stdout=subprocess.PIPE)
        self.port = int(self.read_line(5).split()[1])


class Tickcast(Process):
    """The server with one pinned shard, unless `settings` or the command line (--set) say otherwise."""

    def __init__(self, options, settings=(), config=ROOT / "perf/bench.toml", prefix=()):
        self.port = free_port()
        command = [*prefix, program(options, "tickcast"), "--config", str(config)]
        settings = [f"http_server.port={self.port}", "engine.shards=1",
                    f"engine.cpus=[{options.server_cpu}]", *settings, *options.set]
        for setting in settings:
            command += ["--set", setting]
        super().__init__(command)
        self.await_health()

    def metrics(self):
        """Its counters and gauges: {name: sum over all}, and {'name{label="value"}': over shards}."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics")
        sums = {}
        for line in connection.getresponse().read().decode().splitlines():
            if found := re.match(r'(tickcast_\w+)(?:\{(?:shard="\d+",?)?(.*)\})? (\S+)$', line):
                for name in {found[1], f"{found[1]}{{{found[2]}}}" if found[2] else found[1]}:
                    sums[name] = sums.get(name, 0) + float(found[3])
        return sums

    def await_health(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        complaint = self.complaint()
        self.__exit__()
        raise BenchError(f"the server did not become healthy: {complaint}")


class Loadgen(Process):
    """A load generator that holds its connections and measures a phase when it is told to."""

    def __init__(self, options, server, mode="fanout", patience_s=60, pinned=True, **settings):
        command = [program(options, "tools/loadgen/loadgen"), mode, f"127.0.0.1:{server.port}",
                   "--control", "--quiet", "--server-pid", str(server.pid)]
        if pinned:
            command += ["--pin", str(options.client_cpu)]
        for name, value in settings.items():
            option = "--" + name.replace("_", "-")
            command += [option] if value is True else [option, str(value)]
        super().__init__(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.read_line(patience_s)

    def say(self, command, patience_s):
        """One command of --control; its answer."""
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()
        return json.loads(self.read_line(patience_s))

    def run(self, seconds, warmup=0.0, rate=0.0):
        return self.say(f"run {seconds} {warmup} {rate}", seconds + warmup + 30)


def push_extra(server):
    """The members that follow "data" in this server's pushes, found by one publication."""
    channel = f"{CHANNEL_PREFIX}probe0"

    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        def say(*lines):
            text = "\n".join(lines).encode()
            assert len(text) < 126
            # A masking key of zero leaves the text as it is.
            client.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)

        def await_match(pattern):
            answer = b""
            while not (found := re.search(pattern, answer)):
                try:
                    part = client.recv(4096)
                except TimeoutError:
                    part = b""
                if not part:
                    raise BenchError(f"{pattern!r} did not come, only {answer[-500:]!r}")
                answer += part
            return found

        client.sendall(b"GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                       b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        await_match(rb"\r\n\r\n")
        say('{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"%s"}}' % channel)
        await_match(rb'"id":2,"subscribe":')
        say('{"id":3,"publish":{"channel":"%s","data":{"probe":1}}}' % channel)
        extra = await_match(rb'"pub":\{"data":\{"probe":1\}(.*?)\}\}\}').group(1).decode()
    # "info" is an object itself, whose braces close before those of the push.
    return extra + "}" * (extra.count("{") - extra.count("}"))


def memory_bytes(pid):
    """User-space memory of a process: RSS, PSS, and the part that is not of a file (anonymous).

    The anonymous part is what a program asks for; pages of its own binary come and go with what it
    happens to execute, and are the same for one connection and for a million.
    """
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    kib = {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.M)}
    return {"rss": kib["Rss"] * 1024, "pss": kib["Pss"] * 1024,
            "anonymous": kib["Anonymous"] * 1024}


def settled_bytes(pid):
    """Its anonymous memory, when what has just happened is over."""
    time.sleep(1.5)
    return memory_bytes(pid)["anonymous"]


def summary(values):
    """Median and quartiles."""
    ordered = sorted(values)
    if len(ordered) < 2:
        return {"median": ordered[0], "q1": ordered[0], "q3": ordered[0]}
    q1, median, q3 = statistics.quantiles(ordered, n=4, method="inclusive")
    return {"median": median, "q1": q1, "q3": q3}


def table(rows):
    """Rows of text in columns, the first row being the header."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def finish(options, result, missed):
    """Writes the JSON and says which marks were missed. Returns the exit status."""
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    for sentence in missed:
        print(f"MISSED: {sentence}")
    return 1 if missed and options.check else 0


def main(run):
    """Runs a benchmark and turns its failures into one line."""
    try:
        sys.exit(run())
    except BenchError as error:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
