"""Run regrtest in an interpreter with a GIL of its own and leave the record of `suite_driver.py`.

`python suite_isolated_driver.py EVENTS [regrtest arguments]` is `suite_driver.py` with the same arguments, but all of
it in a fresh own-GIL interpreter, on the main thread of the process. The main interpreter waits, ends the other one
and exits with the status that regrtest gave. Extension modules that are not made for it are private copies.
"""

from __future__ import annotations

import os
import sys

SCRIPT = """
import sys

def _run(driver, argv):
    sys.argv[:] = argv
    # The directory of this script, where runpy's tests would find a module; suite_driver puts the current one there.
    sys.path[0] = ""
    import test.libregrtest.main
    # In main the record is part of the module that `-m test` runs; trace and others then take it for the library's.
    names = {"__name__": "suite_driver", "__file__": sys.modules["test.libregrtest.main"].__file__}
    with open(driver, encoding="utf-8") as stream:
        exec(compile(stream.read(), driver, "exec"), names)
    record = names["Recorder"](argv[1])
    try:
        names["main"]()
    except SystemExit as leaving:
        code = leaving.code
        record("exit", code if isinstance(code, int) else int(code is not None))
        sys.stdout.flush()
"""


def exit_status(events: str) -> int:
    """The status that the run left in its record; 1 if it left none."""
    with open(events, "rb") as stream:  # noqa: PTH123 # pathlib is not loaded yet, and should not be
        lines = stream.read().splitlines()
    for line in reversed(lines):
        _before, found, rest = line.partition(b", 'exit', ")
        if found:
            return int(rest.removesuffix(b")"))
    return 1


def main() -> None:
    """Run the suite's driver in a fresh interpreter, end that one, exit as regrtest did."""
    from concurrent import interpreters  # type: ignore[attr-defined]

    driver = os.path.join(os.path.dirname(os.path.abspath(__file__)), "suite_driver.py")  # noqa: PTH100,PTH118,PTH120
    made = interpreters.create(extensions="isolate")
    made.exec(f"{SCRIPT}\n_run({driver!r}, {sys.argv!r})\n")
    made.close()
    sys.exit(exit_status(sys.argv[1]))


if __name__ == "__main__":
    main()
