"""Scores a finished run, or a task adapter that was trained elsewhere, on any languages and data, without training.

python evaluate.py RUN_DIR languages=[qu,ilo]
"""

import sys

from orthoadapters.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
