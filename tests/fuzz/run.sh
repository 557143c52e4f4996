#!/usr/bin/env bash
# Runs the libFuzzer programs of a build, one after the other, each for a number of seconds from the seeds and from what
# earlier runs found. Exit status 1 when one of them found something; the inputs are in BUILD/fuzz/<reader>/.
#
#   cmake --preset fuzz && cmake --build build/fuzz --target fuzzers && tests/fuzz/run.sh build/fuzz SECONDS [READER...]
set -euo pipefail
build=$(cd "$1" && pwd)
seconds=$2
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -gt 0 ] || set -- $(cd "$here" && for file in fuzz_*.cpp; do file=${file#fuzz_}; echo "${file%.cpp}"; done)
failed=0
for reader; do
  out=$build/fuzz/$reader
  mkdir -p "$out/corpus"
  # Memory that a file asks for must be in proportion to the file; zstd's largest window alone is 2 GiB.
  if "$build/bin/fuzz_$reader" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -malloc_limit_mb=2200 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$out/" "$out/corpus" "$here/seeds/$reader" >"$out/log" 2>&1; then
    printf '%-20s %s runs, nothing found\n' "$reader" "$(sed -n 's/^stat::number_of_executed_units: //p' "$out/log")"
  else
    printf '%-20s FAILED, see %s\n' "$reader" "$out/log"
    failed=1
  fi
done
exit $failed
