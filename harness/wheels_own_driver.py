"""Run a package's own tests under pytest in the main interpreter or in an own-GIL one, and leave a record.

`python wheels_own_driver.py MODE RECORD PACKAGE MODULE` calls the function `test` of PACKAGE (numpy.test()) with
its defaults for the tests of MODULE. MODE is `main` or `one` (an own-GIL interpreter on the main thread of the
process). RECORD gets a line a test, a Python literal: (name, outcome, message), written and closed at once; the
outcomes are pytest's: passed, failed, skipped, xfailed, xpassed, and error. The last line, of the name "", says that
pytest ended by itself, with its exit code. `started` stands before a test, so that a crash has a culprit.
"""

from __future__ import annotations

import sys

TEXT = 2000  # characters of a message

SCRIPT = """
import sys

def _rwt_own(record, package, module, length):
    import importlib, types

    def note(name, outcome, message=""):
        with open(record, "a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(repr((name and module + name, outcome, message[-length:])) + "\\n")

    def pytest_runtest_logstart(nodeid):
        note(nodeid, "started")

    def pytest_runtest_logreport(report):
        message = str(report.longrepr) if report.longrepr else ""
        if hasattr(report, "wasxfail"):
            note(report.nodeid, "xfailed" if report.skipped else "xpassed", message)
        elif report.when == "call":
            note(report.nodeid, report.outcome, message)
        elif report.outcome != "passed":
            note(report.nodeid, "skipped" if report.skipped else "error", message)

    def pytest_collectreport(report):
        if report.outcome != "passed":
            note(report.nodeid, "skipped" if report.skipped else "error", str(report.longrepr))

    def pytest_sessionfinish(exitstatus):
        note("", "ended", str(int(exitstatus)))

    plugin = types.ModuleType("rwt_record")
    for hook in (pytest_runtest_logstart, pytest_runtest_logreport, pytest_collectreport, pytest_sessionfinish):
        setattr(plugin, hook.__name__, hook)
    sys.modules["rwt_record"] = plugin
    tested = importlib.import_module(package)
    tested.test(extra_argv=["-p", "rwt_record", "-p", "no:cacheprovider"], tests=[module])
"""


def main(mode: str, record: str, package: str, module: str) -> None:
    """Run the tests there."""
    script = f"{SCRIPT}\n_rwt_own({record!r}, {package!r}, {module!r}, {TEXT})\n"
    if mode == "main":
        exec(script, {"__name__": "__main__"})
        return
    from concurrent import interpreters  # type: ignore[attr-defined]

    made = interpreters.create(extensions="isolate")
    made.exec(script)
    made.close()


if __name__ == "__main__":
    main(*sys.argv[1:5])
