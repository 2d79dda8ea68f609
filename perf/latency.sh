#!/bin/bash
# Latency from publish to receive at a given rate, the floor beside it in the same run.
#
#   perf/latency.sh [RATE] [options]
#
#   RATE             publications per second (half of what a closed loop reaches)
#   --json FILE      the figures (build/latency.json)
#   --against FILE   an earlier run's: says what got better or worse (perf/compare.py), exit 1 for worse
#   --limit 5%       change that is too small to count
#   others           go to perf/latency.py: --connections, --channels, --payload, --rounds, --seconds,
#                    --server-cpu, --client-cpu, --build, --set KEY=VALUE
#
#   perf/latency.sh 1000 --connections 1000 --json before.json
#   … change something …
#   perf/latency.sh 1000 --connections 1000 --against before.json
#
# Publications are stamped with the moment they were due, so waiting counts (no coordinated omission).
# Give the rate when runs are compared: the half of a closed loop is another one each time. Server and
# clients have a core each; on a machine where something else runs the floor says how much of a
# percentile is the machine's.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  sed -n '4,16s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

json=build/latency.json against='' limit=5% build=build/release
options=()
if [[ ${1:-} =~ ^[0-9]+([.][0-9]+)?$ ]]; then
  options+=(--rate "$1")
  shift
fi
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage ;;
    --json | --against | --limit | --build)
      [ $# -ge 2 ] || usage
      declare "${1#--}=$2"
      shift 2
      ;;
    *)
      options+=("$1")
      shift
      ;;
  esac
done
[ -z "$against" ] || [ -r "$against" ] || {
  echo "latency.sh: $against cannot be read" >&2
  exit 2
}
if [ "$build" = build/release ]; then tools/build release tickcast loadgen floor >/dev/null; fi

# What runs beside it is in every percentile.
read -r load _ </proc/loadavg
if awk -v load="$load" -v cores="$(nproc)" 'BEGIN {exit !(load > cores / 2)}'; then
  echo "latency.sh: the load average is $load on $(nproc) cores: other work is in these figures" >&2
fi

mkdir -p "$(dirname "$json")"
perf/latency.py --build "$build" --json "$json" "${options[@]}"
if [ -n "$against" ]; then
  perf/compare.py "$against" "$json" --limit "$limit" \
    --figures '*.p50' --figures '*.p90' --figures '*.p99' --figures '*.p999' --figures '*.lost'
fi
