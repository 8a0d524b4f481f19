"""Measurement: benchmarks, the A/B runner, the statistics, the gate, the ledger and bisect.

It imports `harness`; nothing in `harness` imports it.
"""
