"""Train a language adapter (stage=mlm) or a task adapter with zero-shot evaluation (stage=task): one run, or a sweep.

python train.py variant=lort_tnoo task=xnli
"""

import sys

from orthoadapters.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
