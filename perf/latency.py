#!/usr/bin/env python3
"""Publish-to-receive latency at half of the deliveries per second that a closed loop reaches.

Publications are sent by a schedule and stamped with the moment they were due, so that waiting that
the server (or this client) causes is counted: no coordinated omission. The floor is measured in the
same way, in turns: on a small machine the client's own queueing is part of every figure.
"""

import contextlib

import bench

P99_LIMIT_MS = 1.5
SHOWN = ("p50", "p90", "p99", "p999", "max")


def parse():
    parser = bench.arguments(__doc__)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--channels", type=int, default=10)
    parser.add_argument("--payload", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5, help="phases per server (5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a phase (4)")
    parser.add_argument("--rate", type=float, default=0,
                        help="publications per second (half of the closed loop's)")
    return parser.parse_args()


def measure(options):
    settings = {"connections": options.connections, "channels": options.channels,
                "payload": options.payload, "channel_prefix": bench.CHANNEL_PREFIX}
    with contextlib.ExitStack() as stack:
        tickcast = stack.enter_context(bench.Tickcast(options))
        floor = stack.enter_context(bench.Floor(options, bench.push_extra(tickcast)))
        load = {"floor": stack.enter_context(bench.Loadgen(options, floor, **settings)),
                "tickcast": stack.enter_context(bench.Loadgen(options, tickcast, **settings))}
        closed = {name: [load[name].run(1.0, 0.3)["publications_per_s"] for _ in range(3)]
                  for name in load}
        rate = options.rate or bench.summary(closed["tickcast"])["median"] / 2
        phases = {"floor": [], "tickcast": []}
        for number in range(options.rounds):
            for name in sorted(load, reverse=number % 2 == 1):
                phases[name].append(load[name].run(options.seconds, 0.5, rate))
        return {"rate": rate, "closed_loop_publications_per_s": closed, "phases": phases}


def run():
    options = parse()
    result = measure(options)
    missed = []
    rows = [["server", "deliveries/s"] + [f"{name} ms" for name in SHOWN] + ["CPU share", "lost"]]
    for name, phases in result["phases"].items():
        figures = {figure: bench.summary(phase[figure] for phase in phases)
                   for figure in SHOWN + ("deliveries_per_s", "cpu_share")}
        lost = sum(phase["lost"] for phase in phases)
        result[name] = figures
        rows.append([name, f"{figures['deliveries_per_s']['median']:,.0f}"] +
                    [f"{figures[figure]['median'] / 1e6:.3f}" for figure in SHOWN] +
                    [f"{figures['cpu_share']['median']:.2f}", str(lost)])
        if lost:
            missed.append(f"{name}: lost {lost}")
    print(f"{options.connections:,} connections, {options.channels} channels, "
          f"{result['rate']:,.0f} publications/s; medians of {options.rounds} phases of "
          f"{options.seconds:g} s")
    print(bench.table(rows))
    p99_ms = result["tickcast"]["p99"]["median"] / 1e6
    if p99_ms >= P99_LIMIT_MS:
        missed.append(f"p99 {p99_ms:.3f} ms, below {P99_LIMIT_MS} ms was to be reached")
    return bench.finish(options, result, missed)


bench.main(run)
