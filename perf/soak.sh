#!/bin/bash
# Soak: a server under mixed clients for a long time; what is lost, closed or leaked shows at the end.
#
#   perf/soak.sh [options] [-- OPTION ...]           options after -- go to loadgen, and win
#
#   --duration TIME      of the measured time (10m)
#   --connections N      (5000)
#   --rate R             events per second of the server's built-in market (20000)
#   --mix LIST           kinds of clients (fast=90%,slow=5%:rate=4000,reconnecting=5%:every=20s)
#   --expect LIST        more that must hold, as p99<2s
#   --growth BYTES       most growth of the server's memory per hour, by least squares (16777216)
#   --json FILE          the figures (build/soak.json)
#   --build FOLDER       (build/release)
#   --server HOST:PORT --server-pid PID      a server that runs already, with that market
#   --set KEY=VALUE      for the server that is started here; may be repeated
#
#   perf/soak.sh --duration 60s                      a minute, before a commit
#   perf/soak.sh --duration 8h --connections 20000   a night
#
# Each client has 20 of 1,000 tickers, popular ones more often, at most one value a second each
# (--interval). Every value has the market's number, so whatever the client misses must be what the
# server counts as conflated. Memory's slope is judged from five minutes on: before, tables and
# slabs still fill. Compare two nights with perf/compare.py.
#
# Exit status: 0, 1 when an expectation does not hold or the server ended, 2 for wrong usage.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  sed -n '4,19s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
fail() {
  echo "soak.sh: $*" >&2
  exit 1
}

duration=10m connections=5000 rate=20000 growth=16777216 expect='' build=build/release
mix='fast=90%,slow=5%:rate=4000,reconnecting=5%:every=20s'
json=build/soak.json server='' server_pid=''
sets=() rest=()
while [ $# -gt 0 ]; do
  case $1 in
    --)
      shift
      rest=("$@")
      break
      ;;
    --set)
      [ $# -ge 2 ] || usage
      sets+=(--set "$2")
      ;;
    --duration | --connections | --rate | --mix | --expect | --growth | --json | --build | --server | --server-pid)
      [ $# -ge 2 ] || usage
      name=${1#--}
      declare "${name//-/_}=$2"
      ;;
    *) usage ;;
  esac
  shift 2
done
# Both or none: without its pid there is no memory to look at.
if [ -n "$server" ]; then [ -n "$server_pid" ] || usage; else [ -z "$server_pid" ] || usage; fi

# loadgen takes ms and s; people also think in minutes and hours.
[[ $duration =~ ^([0-9]+)(s|m|h)$ ]] || fail "--duration: '$duration' is no 90s, 10m or 8h"
case ${BASH_REMATCH[2]} in
  s) seconds=${BASH_REMATCH[1]} ;;
  m) seconds=$((BASH_REMATCH[1] * 60)) ;;
  h) seconds=$((BASH_REMATCH[1] * 3600)) ;;
esac

loadgen=$build/tools/loadgen/loadgen
[ -x "$loadgen" ] && [ -x "$build/tickcast" ] || fail "$build is not built: tools/build release"

log=$(mktemp)
started=
finish() {
  if [ -n "$started" ] && kill -0 "$started" 2>/dev/null; then
    kill -TERM "$started" 2>/dev/null || true
    for _ in $(seq 50); do
      kill -0 "$started" 2>/dev/null || break
      sleep 0.2
    done
    kill -KILL "$started" 2>/dev/null || true
  fi
  rm -f "$log"
}
trap finish EXIT

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

if [ -z "$server" ]; then
  for _ in $(seq 20); do
    port=$((20000 + RANDOM % 10000))
    listens || break
  done
  "$build/tickcast" --config perf/bench.toml --set "http_server.port=$port" \
    --set feeds.sim.enabled=true --set feeds.sim.symbols=1000 --set "feeds.sim.rate=$rate" \
    --set client.ping_interval=25s "${sets[@]}" >"$log" 2>&1 &
  started=$! server_pid=$!
  for _ in $(seq 100); do
    listens && break
    kill -0 "$started" 2>/dev/null || fail "the server did not start: $(tail -3 "$log")"
    sleep 0.1
  done
  server=127.0.0.1:$port
  # loadgen subscribes to tickers that have a value.
  for _ in $(seq 100); do
    [ "$(curl -s "http://$server/v1/tickers" | grep -o '"seq"' | wc -l)" -lt 1000 ] || break
    sleep 0.2
  done
fi

must='lost=0,duplicate=0,reordered=0,misdirected=0,errors=0,closed=0,unknown_lines=0'
if [ "$seconds" -ge 300 ]; then must+=",server_rss_per_hour<$growth"; fi
if [ -n "$expect" ]; then must+=",$expect"; fi

status=0
"$loadgen" "$server" --feed --connections "$connections" --channels 1000 --subscriptions 20 \
  --spread zipf --interval 1000 --mix "$mix" --duration "${seconds}s" --warmup 5s \
  --server-pid "$server_pid" --json "$json" --expect "$must" "${rest[@]}" || status=$?
if [ -n "$started" ] && ! kill -0 "$started" 2>/dev/null; then
  tail -5 "$log" >&2
  fail "the server has ended"
fi
if [ "$status" = 0 ]; then
  echo "soak.sh: $connections clients for $duration: held ($must); figures in $json"
fi
exit "$status"
