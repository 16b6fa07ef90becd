"""Cross-validates, and is killed with SIGKILL at a given optimiser step, counted over all folds; run as a program.

usage: killed_in_fold.py RECIPE OUT STEP
"""

import sys

from killing import die_after  # beside this file, which is run as a program

from sfumato.folds.cross_validation import crossval


def main() -> None:
    recipe, out, kill_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
    die_after(kill_at)
    crossval(recipe, folds=3, out=out, quiet=True)


if __name__ == "__main__":
    main()
