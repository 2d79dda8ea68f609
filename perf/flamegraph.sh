#!/bin/bash
# Draws where a process spends its time: perf records stacks, the result is one SVG with tooltips,
# search and zoom that any browser opens.
#
#   perf/flamegraph.sh [options] --pid PID
#   perf/flamegraph.sh [options] -- COMMAND [ARGUMENT ...]
#
#   --seconds N     how long (10). A command is ended by SIGTERM then, unless it has ended before.
#   --off-cpu       not what runs, but what waits: where threads leave the CPU, and for how long
#                   until they run again (a wait that began before or did not end is left out)
#   --rate HZ       samples per second and thread on a CPU (997, so as not to beat with timers)
#   --output FILE   (flamegraph.svg, flamegraph-off-cpu.svg)
#   --folded FILE   keep the folded stacks too
#   --title TEXT
#
#   perf/flamegraph.sh --pid $(pidof tickcast)
#
# It samples by the clock (cpu-clock), which needs no hardware counters and so works in virtual
# machines. That clock is an ordinary interrupt: time that the kernel spends with interrupts off is
# charged to where it turns them on again. Stacks are followed by frame pointers, which our builds
# have; libraries without them make short or wrong stacks. Needs linux-perf and root, or
# kernel.perf_event_paranoid at most 1 and one's own process.
#
# perf's version does not have to be the kernel's: the records are a stable interface, and an older
# perf leaves out what it does not know. An older kernel refuses what a newer perf asks for.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

say() { echo "flamegraph.sh: $*" >&2; }
fail() {
  say "$*"
  exit 1
}
usage() {
  sed -n '5,15s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

pid='' seconds=10 rate=997 output='' folded='' title='' off_cpu=
command=()
while [ $# -gt 0 ]; do
  case $1 in
    --off-cpu) off_cpu=yes ;;
    --)
      shift
      command=("$@")
      break
      ;;
    --pid | --seconds | --rate | --output | --folded | --title)
      [ $# -ge 2 ] || usage
      declare "${1#--}=$2"
      shift
      ;;
    *) usage ;;
  esac
  shift
done
# One of the two, not both.
if [ -n "$pid" ]; then [ ${#command[@]} -eq 0 ] || usage; else [ ${#command[@]} -gt 0 ] || usage; fi
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "--seconds: '$seconds' is no whole number of seconds"
[[ $rate =~ ^[1-9][0-9]*$ ]] || fail "--rate: '$rate' is no number of samples per second"

perf=$(command -v perf) || fail "no perf here: apt-get install linux-perf"
if [ -n "$pid" ]; then
  [ -d "/proc/$pid" ] || fail "no process $pid"
else
  command -v "${command[0]}" >/dev/null || fail "no program ${command[0]}"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A context switch is an event of the scheduler in software, with the stack of the thread that
# leaves; the switch records tell when it is back. Neither needs tracefs or BPF.
name=$(if [ -n "$pid" ]; then cat "/proc/$pid/comm"; else basename "${command[0]}"; fi)
if [ -n "$off_cpu" ]; then
  events=(-e context-switches -c 1 --switch-events)
  fold=(fold --off-cpu)
  unit=us
  output=${output:-flamegraph-off-cpu.svg}
  title=${title:-"off the CPU: $name, $seconds s"}
else
  events=(-e cpu-clock -F "$rate")
  fold=(fold)
  unit=samples
  output=${output:-flamegraph.svg}
  title=${title:-"on the CPU: $name, $seconds s"}
fi
target=(-p "$pid" -- sleep "$seconds")
[ -n "$pid" ] || target=(-- timeout --signal=TERM "$seconds" "${command[@]}")

record() {
  "$perf" record -q -o "$work/perf.data" "${events[@]}" --call-graph fp "${target[@]}" \
    2>"$work/errors"
}
status=0
record || status=$?
# perf passes on the status of the command, and 124 is that of a command that had to be ended.
if [ ! -s "$work/perf.data" ] || grep -qiE 'permission|not supported|paranoid' "$work/errors"; then
  sed 's/^/  /' "$work/errors" | head -20 >&2
  fail "perf was refused (status $status); perf_event_paranoid is $(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo unknown), user $(id -un)"
fi

fields=comm,pid,tid,time,event,ip,sym,dso
options=(--no-inline)
[ -z "$off_cpu" ] || options+=(--show-switch-events)
"$perf" script -i "$work/perf.data" -F "$fields" "${options[@]}" 2>"$work/errors" |
  "$here/flamegraph.py" "${fold[@]}" >"$work/folded" || {
  sed 's/^/  /' "$work/errors" | head -5 >&2
  fail "nothing to draw: $([ -n "$off_cpu" ] && echo 'no thread left the CPU' || echo 'nothing ran') in $seconds s?"
}
"$here/flamegraph.py" draw --title "$title" --unit "$unit" "$work/folded" >"$work/svg"
[ -z "$folded" ] || cp "$work/folded" "$folded"
cp "$work/svg" "$output"
say "$(awk '{sum += $NF} END {print sum}' "$work/folded") $unit in $(wc -l <"$work/folded") stacks: $output"
