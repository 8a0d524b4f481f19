"""The harness: source, series, builds, test-suite diff, globals, ABI, provenance and report.

It is imported by `perf` and by the noxfile and imports neither of them.
"""
