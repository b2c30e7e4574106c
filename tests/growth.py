"""How the cost of some work grows with its size."""

import time


def growth(work, size):
    """How many times the CPU of `work(size)` is that of `work(10 * size)`: about 10 if linear, 100 if quadratic.

    The quickest of several runs of each counts: what else a machine does only makes some of them slower.
    """
    return min(_cpu(work, 10 * size) for _ in range(3)) / min(_cpu(work, size) for _ in range(5))


def _cpu(work, size):
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
