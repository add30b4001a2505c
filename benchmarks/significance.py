"""The seconds and peak memory of report/statistics/compare.py: python benchmarks/significance.py [--variants 7] [--seeds 1] ...

The span counts are random; the time does not depend on them.
"""

import argparse
import resource
import time

import numpy as np
from numpy.typing import NDArray

from orthoadapters.report.statistics.compare import compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"variants": 7, "seeds": 1, "languages": 10, "sentences": 10_000, "draws": 10_000}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    size = parser.parse_args()
    rng = np.random.default_rng(0)
    gold = {f"language{i}": rng.poisson(2.0, (1, size.sentences)) for i in range(size.languages)}

    def span_counts(gold: NDArray[np.int64]) -> NDArray[np.int32]:
        everywhere = np.repeat(gold, size.seeds, axis=0)
        right = rng.binomial(everywhere, 0.8)
        return np.stack((right, right + rng.poisson(0.3, right.shape), everywhere), axis=-1).astype(np.int32)

    counts = {f"variant{i}": {name: span_counts(g) for name, g in gold.items()} for i in range(size.variants)}
    before, start = peak_mib(), time.perf_counter()
    comparisons = compare(counts, source="language0", draws=size.draws)
    seconds = time.perf_counter() - start
    print(
        f"{size.variants} variants x {size.seeds} seeds x {size.languages} languages x {size.sentences} sentences x",
        end=" ",
    )
    print(
        f"{size.draws} draws, {len(comparisons)} comparisons: {seconds:.1f} s, peak {peak_mib():.0f} MiB ({before:.0f} before)"
    )


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux: KiB


if __name__ == "__main__":
    main()
