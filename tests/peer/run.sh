#!/bin/sh
# run.sh [MODULE]: runs parity tests with the peers' own Python; 77 = skipped.
python=$(dirname "$0")/../../.deps/peers/bin/python
if [ ! -x "$python" ]; then
  echo "skipped: the Python peers are not installed (./dev setup --peers)"
  exit 77
fi
exec "$python" -m unittest -v "${1:-test_parity}"
