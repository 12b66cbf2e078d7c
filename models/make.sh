#!/usr/bin/env bash
# Makes the shipped models again, byte for byte: models/make.sh DATA
#
# DATA holds two public sets as JSONL (gzip): chat.jsonl.gz (LCCC, MIT; CrossWOZ, Apache-2.0: `text`, `src`) and
# ads.jsonl.gz (QQ group messages, MIT: `text`, `src`, `y`). Without DATA only the models that need none are made.
# labels.jsonl (messages labelled by hand: `complaint`, `price_interest`) and ads.jsonl.gz also give the cards their figures.
# The last four numbers of a line were fitted by `chattag calibrate`; see models/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
chattag="${CHATTAG:-target/release/chattag}"
data="${1:-}"
make() {
  local label="$1"; shift
  "$chattag" train --label "$label" --out "models/$label.model" --made 2026-11-26 --quiet "$@"
}
make complaint models/training/complaint.txt --licence "MIT, invented for this project" --longest 3 --draws 8 \
  --epochs 4 --slope 1.4 --offset=-2.8 --evidence 1.6 --threshold 0.38
make price_interest models/training/price_interest.txt --licence "MIT, invented for this project" --longest 4 --draws 6 \
  --slope 1.95 --offset=-5.2 --evidence 3.1 --threshold 0.20
if [ -n "$data" ]; then
  make ad models/training/ad.txt "$data/chat.jsonl.gz" "$data/ads.jsonl.gz" --label-field y --unlabelled-are-not \
    --source lccc --source crosswoz --source qq_group \
    --licence "MIT (exercises, LCCC, QQ group), Apache-2.0 (CrossWOZ)" --longest 3 --draws 6 --epochs 2 \
    --slope 1.15 --offset=-0.25 --evidence 2.7 --threshold 0.82
fi
record() {
  local label="$1"; shift
  "$chattag" eval "$@" --label "$label" --model "models/$label.model" --dict dictionaries --record --json --quiet > /dev/null
}
if [ -n "$data" ] && [ -e "$data/labels.jsonl" ]; then
  record complaint "$data/labels.jsonl"
  record price_interest "$data/labels.jsonl"
  record ad "$data/ads.jsonl.gz" --label-field y
fi
