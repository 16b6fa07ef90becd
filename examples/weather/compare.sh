#!/bin/sh
# One classifier over all products and what is no chart, beside the cascade that run.sh built.
set -e
cd "$(dirname "$0")"
sfumato train products-flat.yaml --out runs/flat
sfumato evaluate runs/cascade charts/test.jsonl --flat runs/flat --set data.columns.group=source --out runs/compared
