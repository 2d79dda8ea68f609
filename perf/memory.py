#!/usr/bin/env python3
"""User-space memory of the server per idle connection and per subscription.

Each case is a fresh server, warmed by a few lives so that what is allocated once does not count;
then the growth of anonymous memory (/proc/PID/smaps_rollup) while it holds the connections. The last
case opens and closes connections and looks for growth that stays.
"""

import time

import bench

CONNECTION_LIMIT_BYTES = 512
SUBSCRIPTION_LIMIT_BYTES = 48
# What 10,000 lives may leave behind: noise of the allocator, not a leak (6 bytes per life).
GROWTH_LIMIT_BYTES = 64 << 10
MAX_STEPS = 12


def parse():
    parser = bench.arguments(__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--channels", type=int, default=1_000)
    parser.add_argument("--lives", type=int, default=10_000)
    return parser.parse_args()


def settled(pid):
    time.sleep(1.5)
    return bench.memory_bytes(pid)


def live(options, server, lives, subscriptions):
    settings = {"lives": lives, "subscriptions": subscriptions, "window": 64,
                "channels": options.channels, "connections": 1_000,
                "channel_prefix": bench.CHANNEL_PREFIX}
    with bench.Loadgen(options, server, mode="churn", **settings) as load:
        figures = load.run(60)
    if figures["lives"] != lives:
        raise bench.BenchError(f"{figures['lives']} of {lives} lives, {figures['failed']} failed")


def hold(options, subscriptions):
    """Memory before and while holding the connections."""
    with bench.Tickcast(options) as server:
        live(options, server, 2_000, min(subscriptions, 1))
        before = settled(server.pid)
        settings = {"connections": options.connections, "channels": options.channels,
                    "subscriptions": subscriptions, "channel_prefix": bench.CHANNEL_PREFIX}
        with bench.Loadgen(options, server, mode="idle", **settings):
            during = settled(server.pid)
    return {"before": before, "during": during,
            "growth": {kind: during[kind] - before[kind] for kind in during}}


def churn(options):
    """Memory after each of up to MAX_STEPS times so many lives, until a step adds nothing.

    What each slot of a table or timer wheel allocates once is not a leak, so the growth that counts
    is that of the last step.
    """
    with bench.Tickcast(options) as server:
        samples = []
        for _ in range(MAX_STEPS):
            live(options, server, options.lives, 1)
            samples.append(settled(server.pid)["anonymous"])
            if len(samples) > 1 and samples[-1] - samples[-2] <= GROWTH_LIMIT_BYTES:
                break
    return {"samples": samples, "growth": samples[-1] - samples[-2]}


def run():
    options = parse()
    result = {subscriptions: hold(options, subscriptions) for subscriptions in (0, 1, 20)}
    result["churn"] = churn(options)

    rows = [["subscriptions", "anonymous before", "during", "growth/connection", "of PSS", "of RSS"]]
    for subscriptions in (0, 1, 20):
        case = result[subscriptions]
        rows.append([str(subscriptions), f"{case['before']['anonymous']:,}",
                     f"{case['during']['anonymous']:,}",
                     f"{case['growth']['anonymous'] / options.connections:.0f} B",
                     f"{case['growth']['pss'] / options.connections:.0f} B",
                     f"{case['growth']['rss'] / options.connections:.0f} B"])
    print(bench.table(rows))

    growth = {count: result[count]["growth"]["anonymous"] / options.connections
              for count in (0, 1, 20)}
    per_subscription = (growth[20] - growth[0]) / 20
    left = result["churn"]["growth"]
    steps = len(result["churn"]["samples"])
    print(f"per idle connection {growth[0]:.0f} B, per subscription {per_subscription:.1f} B, "
          f"left by {options.lives:,} lives {left:,} B (step {steps})")
    result["per_connection"] = growth[0]
    result["per_subscription"] = per_subscription

    missed = []
    if growth[0] > CONNECTION_LIMIT_BYTES:
        missed.append(f"{growth[0]:.0f} B per connection, at most {CONNECTION_LIMIT_BYTES}")
    for count in (1, 20):
        limit = CONNECTION_LIMIT_BYTES + count * SUBSCRIPTION_LIMIT_BYTES
        if growth[count] > limit:
            missed.append(f"{growth[count]:.0f} B with {count} subscriptions, at most {limit}")
    if left > GROWTH_LIMIT_BYTES:
        missed.append(f"{left:,} B left by {options.lives:,} lives, {steps} times in a row")
    return bench.finish(options, result, missed)


bench.main(run)
