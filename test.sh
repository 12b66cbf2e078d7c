#!/usr/bin/env bash
# Runs all tests: Rust, then the output tables through DuckDB, Polars and pandas.
# Needs Rust, Python 3 with venv, and the network once (crates, Python packages). Everything stays in this clone.
set -euo pipefail
cd "$(dirname "$0")"

cargo test --locked
python3 data-samples/make_samples.py --check
out=target/test-out
rm -rf "$out"
cargo run --locked --quiet -- run data-samples/archive --roster data-samples/roster.csv --events data-samples/events/sources.toml --out "$out" --mentions --quiet
python=target/python/bin/python
if [ ! -x "$python" ]; then
  python3 -m venv target/python
fi
"$python" -m pip install --quiet --requirement tests/python/requirements.txt
CHATTAG_OUT="$out" "$python" -m pytest --quiet tests/python
