#!/usr/bin/env python3
"""Folds what `perf script` prints, and draws folded stacks as an SVG (perf/flamegraph.sh uses it).

    perf script … | perf/flamegraph.py fold [--off-cpu] > FOLDED
    perf/flamegraph.py draw [--title TEXT] [--unit UNIT] FOLDED > FILE.svg

Own code because Debian packages no flame graph tool: perf's own script makes a web page around a
library that it fetches from elsewhere.
"""

import argparse
import sys

import flamegraph_stacks
import flamegraph_svg


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    fold = actions.add_parser("fold")
    fold.add_argument("--off-cpu", action="store_true",
                      help="weigh context switches by the time until the thread runs again")
    draw = actions.add_parser("draw")
    draw.add_argument("--title", default="flame graph")
    draw.add_argument("--unit", default="samples", help="of the weights (samples)")
    draw.add_argument("folded", type=argparse.FileType("r"))
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    if options.action == "draw":
        stacks = flamegraph_stacks.read_folded(options.folded)
        if not stacks:
            raise flamegraph_stacks.StackError(f"{options.folded.name} holds no stack")
        sys.stdout.write(flamegraph_svg.draw(stacks, options.title, options.unit))
        return
    fold = (flamegraph_stacks.fold_off_cpu if options.off_cpu else flamegraph_stacks.fold_on_cpu)
    stacks = fold(sys.stdin)
    if not stacks:
        raise flamegraph_stacks.StackError("no stack: nothing was recorded")
    flamegraph_stacks.write_folded(stacks, sys.stdout)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except flamegraph_stacks.StackError as error:
        sys.exit(f"flamegraph.py: {error}")
