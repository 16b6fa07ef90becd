"""Stands in for a training in a process of its own where a test is about those who start it: it reads a learning rate,
and writes a history by which rates near 1e-2 are good; a rate of 1 or more fails; run as a program.

usage: pretended_training.py RECIPE OUT
"""

import math
import re
import sys
import time
from pathlib import Path


def score(lr: float, epoch: int) -> float:
    return (1 - min(1, abs(math.log10(lr) + 2) / 4)) * (epoch + 1) / 4


def main() -> int:
    recipe, run = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
    lr, epochs = (float(re.search(rf"\b{name}: (\S+)", recipe).group(1)) for name in ("lr", "epochs"))
    if lr >= 1:
        print("Traceback of nobody's interest\nRunError: the loss is not finite", file=sys.stderr)
        return 1
    run.mkdir(parents=True, exist_ok=True)
    with (run / "history.csv").open("w") as history:
        history.write("epoch,val_macro_f1,ema_macro_f1\n")
        for epoch in range(int(epochs)):
            history.write(f"{epoch},{score(lr, epoch)},\n")
            history.flush()
            time.sleep(0.06)
    if "for ever" in recipe:
        time.sleep(600)
    (run / "bundle").mkdir(exist_ok=True)
    (run / "report.html").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
