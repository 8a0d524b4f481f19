"""Run regrtest in an interpreter with a GIL of its own and leave the record of `suite_driver.py`.

`python suite_isolated_driver.py EVENTS [regrtest arguments]` is `suite_driver.py` with the same arguments, but all of
it in a fresh own-GIL interpreter, on the main thread of the process. The main interpreter keeps what only it can have
(faulthandler with its watchdog), waits, ends the other one and exits with the status that regrtest gave.

regrtest itself sets up faulthandler, of which a process has one, and that is main's. It gets an empty stand-in; a
test that imports faulthandler gets the module.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys

SCRIPT = """
import sys, types

def _prepare(argv):
    sys.argv[:] = argv
    sys.path.insert(0, "")  # suite_driver puts the current directory there
    stand_in = types.ModuleType("faulthandler")
    for name in ("enable", "disable", "register", "unregister", "dump_traceback", "dump_traceback_later",
                 "cancel_dump_traceback_later", "is_enabled"):
        setattr(stand_in, name, lambda *args, **options: None)
    sys.modules["faulthandler"] = stand_in
    import test.libregrtest.main
    del sys.modules["faulthandler"]
    return sys.modules["test.libregrtest.main"].__file__

def _run(driver, argv):
    # In main the record is part of the module that `-m test` runs; trace and others then take it for the library's.
    names = {"__name__": "suite_driver", "__file__": _prepare(argv)}
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


def _watch(arguments: list[str]) -> None:
    """What regrtest does with faulthandler, done for the whole process."""
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, chain=True)
    if "--timeout" in arguments:
        seconds = float(arguments[arguments.index("--timeout") + 1])
        faulthandler.dump_traceback_later(seconds, exit=True)


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
    import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]

    driver = os.path.join(os.path.dirname(os.path.abspath(__file__)), "suite_driver.py")  # noqa: PTH100,PTH118,PTH120
    _watch(sys.argv)
    made = interpreters.create(own_gil=True, isolated=False)
    interpreters.run_string(made, f"{SCRIPT}\n_run({driver!r}, {sys.argv!r})\n")
    interpreters.destroy(made)
    sys.exit(exit_status(sys.argv[1]))


if __name__ == "__main__":
    main()
