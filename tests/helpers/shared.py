"""Where the real data lie. Without them these tests fail: `make test-real` says so and runs none."""

import os
from pathlib import Path

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / ".." / "shared")).resolve()
