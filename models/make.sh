#!/usr/bin/env bash
# Makes the shipped models again, byte for byte: models/make.sh DATA
#
# DATA holds two public sets as JSONL (gzip): chat.jsonl.gz (LCCC, MIT; CrossWOZ, Apache-2.0: `text`, `src`) and
# ads.jsonl.gz (QQ group messages, MIT: `text`, `src`, `y`). Without DATA only the models that need none are made.
# The last four numbers of a line were fitted by `chattag calibrate`; see models/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
chattag="${CHATTAG:-target/release/chattag}"
data="${1:-}"
make() {
  local label="$1"; shift
  "$chattag" train --label "$label" --out "models/$label.model" --made 2026-11-25 --quiet "$@"
}
make complaint models/training/complaint.txt --licence "MIT, invented for this project" --longest 4 \
  --slope 1.41 --offset=-1.74 --evidence 1.25 --threshold 0.347
make price_interest models/training/price_interest.txt --licence "MIT, invented for this project" --longest 4 \
  --slope 2.5 --offset=-4.2 --evidence 3.0 --threshold 0.40
if [ -n "$data" ]; then
  make ad models/training/ad.txt "$data/chat.jsonl.gz" "$data/ads.jsonl.gz" --label-field y --unlabelled-are-not \
    --source lccc --source crosswoz --source qq_group \
    --licence "MIT (exercises, LCCC, QQ group), Apache-2.0 (CrossWOZ)" --longest 3 --epochs 6 \
    --slope 1.2 --offset 1.5 --evidence 3.0 --threshold 0.70
fi
