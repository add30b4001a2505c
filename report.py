"""Turns finished runs into the paper's tables, statistics and pictures, or into a submission to XTREME.

python report.py runs --paper --seeds
python report.py runs --xtreme submission
python report.py runs --tidy runs.csv
"""

import sys

from orthoadapters.commands.report import main

if __name__ == "__main__":
    sys.exit(main())
