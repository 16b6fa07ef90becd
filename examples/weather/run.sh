#!/bin/sh
# The whole example: gallery, three stages, cascade, report. Names a folder of photographs if one is given.
set -e
cd "$(dirname "$0")"
python render.py charts --workers 2 ${1:+--photos "$1"}
python deal.py charts
sfumato train gate.yaml --out runs/gate
sfumato train elements.yaml --out runs/elements
sfumato crossval elements-folds.yaml --folds 3 --out runs/elements-folds
sfumato train products-light.yaml --out runs/products
sfumato train products-flat.yaml --out runs/flat
sfumato cascade runs/gate runs/elements runs/products --out runs/cascade
sfumato evaluate runs/cascade charts/test.jsonl --flat runs/flat --set data.columns.group=source
