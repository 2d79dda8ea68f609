#!/usr/bin/env python3
"""Compares two result files: what got better or worse, and whether that is more than noise.

    perf/compare.py A.json B.json [--limit 5%] [--figures 'tickcast*.p99'] [--all]

A file is what a benchmark here writes with --json, or loadgen. Figures of repeated phases are
compared by their medians. A change counts when it is beyond the limit and beyond the noise: the
95 % intervals of the medians, 1.57 x interquartile range / sqrt(phases) to either side (McGill,
Tukey and Larsen, Variations of Box Plots, 1978), do not overlap. A figure that was measured once has
no known noise, and is judged by the limit alone.

Where both files hold phases of tickcast and of the floor, each phase is divided by its neighbour of
the floor (`tickcast/floor.…`), and that is judged instead of the absolute figures: two runs are
seldom made on an equally busy machine. Losses and errors are judged by any increase.

Exit status: 0, 1 when something got worse, 2 when the files cannot be compared.
"""

import argparse
import dataclasses
import fnmatch
import json
import math
import re
import statistics
import sys

import bench

# What a figure is called tells which way is better; the first pattern that fits decides. Figures
# that none fits (settings, counts of what was done) are shown by --all and never judged.
LOSS, LOWER, HIGHER = "loss", "lower", "higher"
DIRECTIONS = (
    (r"lost|closed|errors|given_up|failed|unfinished|not_closed|unknown_lines|misdirected|"
     r"(.*_)?(duplicate|reordered)", LOSS),
    # A slope is near zero, where ratios mean nothing: perf/soak.sh has a limit for it.
    (r"client_.*|.*_per_hour.*", None),
    (r".*_per_s|.*_per_cpu_s", HIGHER),
    (r"p\d+|max|mean|.*_(p\d+|max|mean)(_ns|_us|_ms)?|.*_ns|.*_ms", LOWER),
    (r"cpu_(us|ns)_per_.*|bytes_per_connection|.*memory.*|.*rss.*|.*pss.*|anonymous|growth|"
     r"ratio|per_connection|per_subscription", LOWER),
)
QUARTILES = {"median", "q1", "q3"}


class Uncomparable(Exception):
    """The text is for people."""


def direction_of(figure):
    name = figure.rsplit(".", 1)[-1]
    for pattern, direction in DIRECTIONS:
        if re.fullmatch(pattern, name):
            return direction
    return None


@dataclasses.dataclass
class Figure:
    """One figure's values, or what a summary has left of them."""

    values: list
    median: float = 0
    spread: float = 0  # Half of the 95 % interval of the median; 0 where it is not known.

    @classmethod
    def of(cls, values):
        quartiles = bench.summary(values)
        spread = 1.57 * (quartiles["q3"] - quartiles["q1"]) / math.sqrt(len(values))
        return cls(values, quartiles["median"], spread if len(values) > 1 else 0)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def collect(value, path, found, summaries):
    """Every number below `value` by its path; those of lists are repetitions of one figure."""
    if is_number(value):
        found.setdefault(path, []).append(float(value))
    elif isinstance(value, list):
        for item in value:
            collect(item, path, found, summaries)
    elif isinstance(value, dict):
        if QUARTILES <= value.keys():
            summaries[path] = Figure([], float(value["median"]))
            return
        for name, item in value.items():
            # "phases" are the repetitions themselves: no level of their own.
            below = path if name == "phases" else f"{path}.{name}" if path else name
            collect(item, below, found, summaries)


def ratios_to_floor(found):
    """Adds tickcast/floor.NAME: each phase over the floor's beside it."""
    ratios = {}
    for path, values in found.items():
        if not re.search(r"(^|\.)tickcast\.", path):
            continue
        floor = found.get(re.sub(r"(^|\.)tickcast\.", r"\1floor.", path))
        judged = direction_of(path) in (LOWER, HIGHER)
        if judged and floor is not None and len(floor) == len(values) and all(floor):
            name = re.sub(r"(^|\.)tickcast\.", r"\1tickcast/floor.", path)
            ratios[name] = [ours / least for ours, least in zip(values, floor)]
    return ratios


def figures_of(result):
    found, summaries = {}, {}
    collect(result, "", found, summaries)
    found.update(ratios_to_floor(found))
    # A summary was made of phases, and counts only where those are not in the file.
    return summaries | {path: Figure.of(values) for path, values in found.items()}


@dataclasses.dataclass
class Change:
    """One figure in both files."""

    name: str
    before: Figure
    after: Figure
    verdict: str  # "worse", "better", "same", "noise", or "" where nothing is judged.

    @property
    def ratio(self):
        if self.before.median == 0:
            return 1.0 if self.after.median == 0 else math.inf
        return self.after.median / self.before.median


def judge(change, direction, limit):
    """The verdict on one figure; see the head of this file."""
    before, after = change.before.median, change.after.median
    if direction == LOSS:
        total = [sum(side.values) if side.values else side.median
                 for side in (change.before, change.after)]
        return "worse" if total[1] > total[0] else "better" if total[1] < total[0] else "same"
    grown = after > before
    reference = abs(before) if before else abs(after)
    if abs(after - before) <= limit * reference:
        return "same"
    if abs(after - before) <= change.before.spread + change.after.spread:
        return "noise"
    return "worse" if grown == (direction == LOWER) else "better"


def compare(before, after, limit):
    """Every figure that both have, in the order of the first file, judged."""
    ratios = [name for name in before if "tickcast/floor." in name and name in after]
    beside = {name.replace("tickcast/floor.", "tickcast.") for name in ratios}
    changes = []
    for name, figure in before.items():
        if name not in after:
            continue
        change = Change(name, figure, after[name], "")
        direction = direction_of(name)
        # The floor is the measure, not the measured; and beside a ratio to it, it alone counts.
        measure = re.search(r"(^|\.)floor\.", name) is not None or name in beside
        if direction is not None and not measure:
            change.verdict = judge(change, direction, limit)
        changes.append(change)
    return changes


def number(value):
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def rows_of(changes):
    yield ["figure", "A", "+-", "B", "+-", "B/A", "phases", ""]
    for change in changes:
        count = "/".join(str(len(side.values) or "?") for side in (change.before, change.after))
        yield [change.name, number(change.before.median), number(change.before.spread),
               number(change.after.median), number(change.after.spread),
               f"{change.ratio:.3f}", count, change.verdict.upper()
               if change.verdict == "worse" else change.verdict]


def fraction(text):
    value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not 0 <= value < math.inf:
        raise ValueError(text)
    return value


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
    except (OSError, ValueError) as error:
        raise Uncomparable(f"{path}: {error}") from error
    figures = figures_of(result)
    if not figures:
        raise Uncomparable(f"{path}: holds no figures")
    return figures


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", metavar="A.json")
    parser.add_argument("after", metavar="B.json")
    parser.add_argument("--limit", type=fraction, default=0.05,
                        help="change that is too small to count, as 5%% or 0.05 (5%%)")
    parser.add_argument("--figures", action="append", metavar="PATTERN",
                        help="only these, as 'tickcast*.p99'; may be repeated")
    parser.add_argument("--all", action="store_true", help="show what is not judged too")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    before, after = load(options.before), load(options.after)
    changes = compare(before, after, options.limit)
    if options.figures:
        changes = [change for change in changes
                   if any(fnmatch.fnmatchcase(change.name, glob) for glob in options.figures)]
    judged = [change for change in changes if change.verdict]
    if not judged:
        raise Uncomparable("the files have no figure in common that says what is better")
    print(bench.table(list(rows_of(changes if options.all else judged))))
    missing = sorted(name for name in before if name not in after and direction_of(name))
    if missing:
        print(f"only in {options.before}: {', '.join(missing)}")
    count = {verdict: sum(change.verdict == verdict for change in judged)
             for verdict in ("worse", "better", "noise", "same")}
    print(f"{count['worse']} worse, {count['better']} better, {count['noise']} beyond "
          f"{options.limit:.3g} but within the noise, {count['same']} the same")
    return 1 if count["worse"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Uncomparable as error:
        print(f"compare.py: {error}", file=sys.stderr)
        sys.exit(2)
