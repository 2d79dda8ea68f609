"""Folded stacks from what `perf script` prints.

A folded stack is its frames, outermost first, and a weight: samples, or microseconds off the CPU.
The outermost frame is the thread's name; frames of the kernel end in "_[k]", as FlameGraph's tools
write them, so that other tools can read the file too.
"""

import collections
import os
import re

# comm pid/tid time: event:      and, of a switch:      comm pid/tid time: PERF_RECORD_SWITCH IN
HEADER = re.compile(r"^\s*(?P<comm>\S.*?)\s+(?P<pid>\d+)/(?P<tid>\d+)\s+(?P<time>\d+\.\d+):\s*"
                    r"(?P<event>.*?)\s*$")
FRAME = re.compile(r"^\s+(?P<address>[0-9a-f]+)\s+(?P<symbol>.+?)\s+\((?P<object>[^()]*)\)$")
SWITCH = re.compile(r"^PERF_RECORD_SWITCH(?:_CPU_WIDE)?\s+(?P<way>IN|OUT)\s*(?P<preempt>preempt)?")

KERNEL_BEGINS = 1 << 63
PREEMPTED = "[ready, another thread runs]"


class StackError(Exception):
    """The input is not what perf script prints; the text is for people."""


def without_return_type(symbol):
    """Demangled templates begin with what they return: `void a::b<int>`."""
    if "operator" in symbol:
        return symbol
    depth = begin = 0
    for at, letter in enumerate(symbol):
        depth += (letter in "<([{") - (letter in ">)]}")
        if letter == " " and depth == 0:
            begin = at + 1
    return symbol[begin:]


def short_symbol(symbol):
    """A function's name without return type, parameters and clones: what fits into a frame."""
    symbol = re.sub(r"(\s*\[clone [^]]*\])+$", "", symbol)
    symbol = re.sub(r"\)(\s(const|volatile|&|&&))+$", ")", symbol)
    if symbol.endswith(")") and not symbol.endswith("operator()"):
        depth = 0
        for at in range(len(symbol) - 1, -1, -1):
            depth += {")": 1, "(": -1}.get(symbol[at], 0)
            if depth == 0:
                break
        # What begins with a parenthesis is "(anonymous namespace)::f" cut too far.
        if at > 0 and not symbol[:at].endswith(("::", "operator")):
            symbol = symbol[:at]
    return without_return_type(symbol).replace(";", ":")


def frame_name(match):
    kernel = int(match["address"], 16) >= KERNEL_BEGINS
    name = short_symbol(match["symbol"])
    if name == "[unknown]":
        library = os.path.basename(match["object"])
        name = f"[{library.strip('[]') or 'unknown'}]"
    return name + ("_[k]" if kernel else "")


def events(lines):
    """Each event: comm, tid, time in microseconds, text, frames with the outermost first."""
    header, frames, time_us = None, [], 0
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\n")
        if not line.strip():
            continue
        found = HEADER.match(line)
        if found:
            if header:
                yield header["comm"], int(header["tid"]), time_us, header["event"], frames[::-1]
            header, frames = found, []
            seconds, _, fraction = found["time"].partition(".")
            time_us = int(seconds) * 1_000_000 + int(fraction.ljust(9, "0")[:9]) / 1_000
        elif header and (frame := FRAME.match(line)):
            frames.append(frame_name(frame))
        elif header and re.match(r"^\s+[0-9a-f]+ ", line):
            frames.append("[unknown]")
        else:
            raise StackError(f"line {number} is neither an event nor a frame: {line[:100]!r}")
    if header:
        yield header["comm"], int(header["tid"]), time_us, header["event"], frames[::-1]


def fold_on_cpu(lines):
    """Samples per stack. Events of another kind are left out."""
    stacks = collections.Counter()
    for comm, _, _, text, frames in events(lines):
        if not text.startswith("PERF_RECORD"):
            stacks[(comm, *frames)] += 1
    return stacks


def fold_off_cpu(lines):
    """Microseconds per stack between leaving a CPU and running again.

    A context-switches sample has the stack of the thread that leaves; the record IN says when it
    is back. What was still off the CPU at the end is not counted: nobody knows for how long.
    """
    stacks = collections.Counter()
    left = {}  # By thread: when, and with which stack.
    preempted = set()
    for comm, tid, time_us, text, frames in events(lines):
        switch = SWITCH.match(text)
        if switch is None:
            if not text.startswith("PERF_RECORD"):
                left[tid] = (time_us, (comm, *frames))
        elif switch["way"] == "OUT":
            preempted.discard(tid)
            if switch["preempt"]:
                preempted.add(tid)
        elif tid in left:
            since_us, stack = left.pop(tid)
            if tid in preempted:
                stack += (PREEMPTED,)
            stacks[stack] += max(round(time_us - since_us), 0)
    return +stacks


def write_folded(stacks, file):
    for stack in sorted(stacks):
        file.write(f"{';'.join(stack)} {stacks[stack]}\n")


def read_folded(lines):
    """Stacks and weights of a folded file."""
    stacks = collections.Counter()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        stack, _, weight = line.rstrip("\n").rpartition(" ")
        if not stack or not weight.isdigit():
            raise StackError(f"line {number} is no folded stack: {line.rstrip()[:100]!r}")
        stacks[tuple(stack.split(";"))] += int(weight)
    return stacks
