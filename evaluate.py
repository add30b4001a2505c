"""Scores a finished run, or a task adapter that was trained elsewhere, on any languages and data, without training.

python evaluate.py RUN_DIR languages=[wo,yo]
"""

import sys

from orthoadapters.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
