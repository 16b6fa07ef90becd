#!/bin/sh
# Gallery, three stages, cascade, report. Names a folder of photographs if one is given.
set -e
cd "$(dirname "$0")"
python render.py charts --workers 2 ${1:+--photos "$1"}
python deal.py charts
sfumato train gate.yaml --out runs/gate
sfumato train elements-cnn-rnn.yaml --out runs/elements-cnn-rnn
sfumato train elements-clip.yaml --out runs/elements-clip
sfumato ensemble runs/elements-cnn-rnn runs/elements-clip --kind weighted --out runs/elements
sfumato crossval elements-folds.yaml --folds 3 --out runs/elements-folds
sfumato train products-light.yaml --out runs/products
sfumato cascade runs/gate runs/elements runs/products --out runs/cascade
sfumato evaluate runs/cascade charts/test.jsonl --set data.columns.group=source --out runs/test-evaluated
