#!/usr/bin/env python3
"""Server CPU time per life of a connection: accept, handshake, connect command, close.

A closed loop of lives against tickcast and against perf/floor, in turns.
"""

import contextlib

import bench

LIFE_LIMIT_US = 50


def parse():
    parser = bench.arguments(__doc__)
    parser.add_argument("--window", type=int, default=64, help="lives under way (64)")
    parser.add_argument("--subscriptions", type=int, default=0, help="per life (0)")
    parser.add_argument("--rounds", type=int, default=5, help="phases per server (5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a phase (1)")
    return parser.parse_args()


def measure(options):
    settings = {"window": options.window, "subscriptions": options.subscriptions,
                "channel_prefix": bench.CHANNEL_PREFIX}
    with contextlib.ExitStack() as stack:
        servers = {"floor": stack.enter_context(bench.Floor(options)),
                   "tickcast": stack.enter_context(bench.Tickcast(options))}
        load = {name: stack.enter_context(
                    bench.Loadgen(options, server, mode="churn", **settings))
                for name, server in servers.items()}
        phases = {"floor": [], "tickcast": []}
        for number in range(options.rounds):
            for name in sorted(load, reverse=number % 2 == 1):
                phases[name].append(load[name].run(options.seconds, 0.2))
        return phases


def run():
    options = parse()
    result = {"phases": measure(options)}
    missed = []
    rows = [["server", "CPU us/life", "quartiles", "lives/s", "client us/life", "p99 ms", "failed"]]
    for name, phases in result["phases"].items():
        figures = {figure: bench.summary(phase[figure] for phase in phases)
                   for figure in ("cpu_us_per_life", "lives_per_s", "client_cpu_us_per_life",
                                  "p99")}
        failed = sum(phase["failed"] + phase["unfinished"] for phase in phases)
        result[name] = figures
        cpu = figures["cpu_us_per_life"]
        rows.append([name, f"{cpu['median']:.1f}", f"{cpu['q1']:.1f}-{cpu['q3']:.1f}",
                     f"{figures['lives_per_s']['median']:,.0f}",
                     f"{figures['client_cpu_us_per_life']['median']:.1f}",
                     f"{figures['p99']['median'] / 1e6:.2f}", str(failed)])
        if failed:
            missed.append(f"{name}: {failed} lives failed")
    print(bench.table(rows))
    life_us = result["tickcast"]["cpu_us_per_life"]["median"]
    if life_us > LIFE_LIMIT_US:
        missed.append(f"{life_us:.1f} us of CPU per life, at most {LIFE_LIMIT_US}")
    return bench.finish(options, result, missed)


bench.main(run)
