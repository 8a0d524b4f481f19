"""Stands in for argparse under cachegrind: perf/benchmarks/ name it in annotations only, and its import is long."""


class Namespace:
    """Named in annotations."""
