"""Label raw text with a finished task run, in any language that has an adapter.

python predict.py runs/xlmr_base/wikiann/lort_tnoo/lr0.0001-seed0-1f0c9a3e --language sw sentences.txt
"""

import sys

from orthoadapters.commands.predict import main

if __name__ == "__main__":
    sys.exit(main())
