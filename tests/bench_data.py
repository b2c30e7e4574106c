"""What putting a data frame into a prompt costs, beside pandas' own `df.dtypes` and `df.isna().sum()`.

Run it by hand: `python tests/bench_data.py`. Times are the best of five, in milliseconds.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import polars as pl

from nbchat.data.describe import describe
from nbchat.data.interpolation.interpolate import interpolate
from nbchat.data.privacy.guard import check
from nbchat.data.privacy.private_columns import private

MILLION = 1_000_000


def best(work: Callable[[], object], times: int = 5) -> float:
    """Milliseconds of the fastest of some runs."""
    runs = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        runs.append(time.perf_counter() - start)
    return min(runs) * 1000


def frames() -> dict[str, object]:
    """Frames of a million rows, and one of ten million."""
    random = np.random.default_rng(0)
    floats = pd.DataFrame(random.random((MILLION, 100)), columns=[f"x_{i}" for i in range(100)])
    floats.iloc[::7, 3] = np.nan
    words = np.array(["rome", "oslo", "bern", None], dtype=object)
    mixed = pd.DataFrame({f"f{i}": random.random(MILLION) for i in range(10)})
    for place in range(10):
        mixed[f"s{place}"] = words[random.integers(0, 4, MILLION)]
        mixed[f"o{place}"] = pd.Series(words[random.integers(0, 4, MILLION)], dtype=object)
    long = pd.DataFrame({"a": random.random(10 * MILLION), "b": np.arange(10 * MILLION)})
    return {
        "1M x 100 floats": floats,
        "1M x 30 mixed": mixed,
        "10M x 2": long,
        "1M x 100 polars": pl.DataFrame({name: floats[name].to_numpy() for name in floats}),
        "1M x 100 pyarrow": pl.DataFrame({name: floats[name].to_numpy() for name in floats}).to_arrow(),
    }


def main() -> None:
    """Print the table."""
    print(f"{'frame':<20}{'{df}':>9}{':stats':>9}{':head 5':>9}{'pandas':>9}{'ratio':>8}{'peak MB':>9}")
    for name, frame in frames().items():
        space = {"df": frame}
        own = [best(partial(interpolate, f"See {{df{rung}}}.", space)) for rung in ("", ":stats", ":head 5")]
        theirs = float("nan")
        if isinstance(frame, pd.DataFrame):
            theirs = best(lambda frame=frame: (frame.dtypes, frame.isna().sum()), 3)
        tracemalloc.start()
        describe(frame)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        times = "".join(f"{spent:9.1f}" for spent in own)
        print(f"{name:<20}{times}{theirs:9.1f}{own[0] / theirs:8.2f}{peak:9.1f}")
    people = pd.DataFrame({"email": [f"user{i}@example{i % 97}.com" for i in range(MILLION)]})
    print(f"private(), 1M different values: {best(lambda: private(people, 'email'), 1):,.0f} ms")
    text = "the quick brown fox jumps over the lazy dog 12345 " * 2_000
    print(f"guard, 100 kB of text against them: {best(lambda: check([('the message', text)], {})):.1f} ms")
    plain = "Write JSON like {'a': [1, {'b': 2}]} and `code {x}`.\n" * 200
    print(f"10 kB of text with braces and code, no names: {best(lambda: interpolate(plain, {'df': people})):.1f} ms")


if __name__ == "__main__":
    main()
