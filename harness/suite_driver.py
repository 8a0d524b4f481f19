"""Run regrtest inside the interpreter under test and leave one line per test event in a file.

`python suite_driver.py EVENTS [regrtest arguments]` is `python -m test [regrtest arguments]` with a record that
survives a crash: each event is a Python literal (a tuple of strings and floats) on a line of its own, appended and
closed at once. regrtest's own --junit-xml is no substitute, for three reasons: it is written only at the end, so a
crash loses it; it leaves out failures of sub-tests and of setUpClass; and one control character in a message makes
3.11's regrtest die of its own XML.

Only os, sys and time are imported, so that the interpreter is in the state that `-m test` would give it, and no file
stays open between events, since many tests count or close descriptors.
"""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import Any

LIMIT = 6000  # characters kept of one traceback


class Recorder:
    """Appends events to `path`; silent in forked children, which must not speak for their parent."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pid = os.getpid()
        self.calls = (os.getpid, os.open, os.write, os.close, monotonic)  # tests replace some of these

    def __call__(self, *event: object) -> None:
        """Append one event, stamped with the monotonic time in seconds."""
        getpid, open_, write, close, clock = self.calls
        if getpid() != self.pid:
            return
        handle = open_(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            write(handle, (ascii((clock(), *event)) + "\n").encode("ascii"))
        finally:
            close(handle)


def _identity(test: Any) -> str:  # noqa: ANN401
    owner = getattr(test, "test_case", test)  # a sub-test speaks for its method
    try:
        return str(type(owner).id(owner))  # some tests have an attribute `id` of their own
    except AttributeError:
        return str(owner)


def _shorten(text: object) -> str:
    string = str(text)
    if len(string) <= LIMIT:
        return string
    return string[: LIMIT // 2] + "\n[...]\n" + string[-LIMIT // 2 :]


def _record_results(result: Any, record: Recorder) -> None:  # noqa: ANN401
    """Wrap the methods of unittest's result class `result` so that each also records its event."""

    def wrap(name: str, describe: Any) -> None:  # noqa: ANN401
        original = getattr(result, name)

        def method(self: Any, test: Any, *rest: Any) -> None:  # noqa: ANN401
            original(self, test, *rest)
            event = describe(self, test, rest)
            if event is not None:
                record(*event)

        setattr(result, name, method)

    def plain(kind: str) -> Any:  # noqa: ANN401
        return lambda _self, test, _rest: (kind, _identity(test))

    def last(kind: str, store: str) -> Any:  # noqa: ANN401
        return lambda self, test, _rest: (kind, _identity(test), _shorten(getattr(self, store)[-1][1]))

    def sub(self: Any, test: Any, rest: Any) -> tuple[str, str, str] | None:  # noqa: ANN401
        subtest, problem = rest
        if problem is None:
            return None
        failed = issubclass(problem[0], test.failureException)
        text = (self.failures if failed else self.errors)[-1][1]
        return ("fail" if failed else "error", _identity(test), _shorten(f"{subtest}\n{text}"))

    wrap("startTest", plain("start"))
    wrap("stopTest", plain("stop"))
    wrap("addSuccess", plain("pass"))
    wrap("addExpectedFailure", plain("pass"))
    wrap("addUnexpectedSuccess", plain("unexpected"))
    wrap("addSkip", lambda _self, test, rest: ("skip", _identity(test), _shorten(rest[0])))
    wrap("addError", last("error", "errors"))
    wrap("addFailure", last("fail", "failures"))
    wrap("addSubTest", sub)


def _record_file(regrtest: Any, record: Recorder) -> None:  # noqa: ANN401
    """Wrap regrtest's function that runs a test file so that its outcome is recorded too."""
    original = regrtest.runtest

    def runtest(namespace: Any, name: str) -> Any:  # noqa: ANN401
        record("file", name)
        outcome = original(namespace, name)
        record("end", name, type(outcome).__name__)
        return outcome

    regrtest.runtest = runtest


def main() -> None:
    """Install the record, then become `python -m test`."""
    path = sys.argv.pop(1)
    sys.path[0] = os.getcwd()  # noqa: PTH109 # as -m has it
    import importlib
    import runpy

    record = Recorder(path)
    _record_results(importlib.import_module("test.support.testresult").RegressionTestResult, record)
    _record_file(importlib.import_module("test.libregrtest.main"), record)
    runpy._run_module_as_main("test")  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
