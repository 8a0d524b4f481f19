"""Test results as JUnit XML: one file a test file while running, merged into one a variant at the end.

A file reads back to exactly what was written (only characters that XML cannot hold are replaced); one that is cut
short, or holds fewer tests than it says, is reported as damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import junitparser

from harness import atomic
from harness.errors import ResultDamagedError, ResultMissingError
from harness.suite_model import Case, FileResult, Status

_WHOLE = "(file)"  # the name of the case that stands for the file itself
_OTHER = " (other)"
_METHOD = re.compile(r"\w+(\.\w+)+")
_FLAKY = "[failed, then passed when run again] "
_ILLEGAL = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RESULTS: dict[Status, type[junitparser.Result]] = {
    Status.SKIPPED: junitparser.Skipped,
    Status.NO_TESTS: junitparser.Skipped,
    Status.FAILED: junitparser.Failure,
    Status.ERROR: junitparser.Error,
    Status.TIMED_OUT: junitparser.Error,
    Status.CRASHED: junitparser.Error,
}


def clean(text: str) -> str:
    """Replace the characters that XML 1.0 cannot hold by their escapes."""
    return _ILLEGAL.sub(lambda match: ascii(match.group())[1:-1], text)


def _names(file: str, test: str) -> tuple[str, str]:
    """classname and name of a test: its class and method; a name of another form is kept whole under its file."""
    if test == file:
        return file, _WHOLE
    if _METHOD.fullmatch(test):
        owner, _, name = test.rpartition(".")
        return owner, name
    return file + _OTHER, test


def _test(classname: str, name: str) -> str:
    if name == _WHOLE:
        return classname
    return name if classname.endswith(_OTHER) else f"{classname}.{name}"


def _element(file: str, case: Case) -> junitparser.TestCase:
    classname, name = _names(file, clean(case.test))
    element = junitparser.TestCase(name, classname, round(case.seconds, 6))
    kind = _RESULTS.get(case.status)
    if kind is not None:
        outcome = kind(telling_line(case.message), str(case.status))
        outcome.text = clean(case.message)
        element.result = [outcome]
    if case.flaky:
        element.system_err = _FLAKY + clean(case.flaky)
    return element


def telling_line(message: str) -> str:
    """The line that says most: the last of a traceback, else the first."""
    lines = [line.strip() for line in clean(message).splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[-1 if "Traceback (most recent call last)" in message else 0][:300]


def suite(result: FileResult) -> junitparser.TestSuite:
    """The JUnit suite of one test file."""
    element = junitparser.TestSuite(result.file)
    element.add_testcases([_element(result.file, case) for case in result.cases])
    element.add_property("seconds", f"{result.seconds:.6f}")  # of the process; `time` is the sum over its tests
    element.add_property("cases", str(len(result.cases)))
    element.add_property("environment changed", "yes" if result.environment_changed else "no")
    return element


def write(path: Path, results: Iterable[FileResult]) -> None:
    """Write the results of test files into one JUnit file, whole or not at all."""
    root = junitparser.JUnitXml("CPython's test suite")
    for result in results:
        root.append(suite(result))
    root.update_statistics()
    atomic.write_bytes(path, root.tostring())


def read(path: Path) -> list[FileResult]:
    """Read a JUnit file that `write` wrote.

    ResultMissingError if there is none, ResultDamagedError if it is cut short or does not hold what it says.
    """
    try:
        root = junitparser.JUnitXml.fromstring(path.read_bytes())
        return [_result(element) for element in root]
    except FileNotFoundError:
        raise ResultMissingError(f"there is no result {path}", remedy="Run `./noxw -s test` first.") from None
    except (SyntaxError, ValueError, KeyError, TypeError, junitparser.JUnitXmlError) as problem:
        raise ResultDamagedError(f"{path} is cut short or damaged: {problem}") from None


def _result(element: junitparser.TestSuite) -> FileResult:
    properties = {item.name: item.value for item in element.properties()}
    cases = tuple(_case(item) for item in element)
    if len(cases) != int(properties["cases"]) or not cases or cases[0].test != element.name:
        raise ValueError(f"{element.name} holds {len(cases)} of {properties['cases']} tests")
    return FileResult(element.name, cases, float(properties["seconds"]), properties["environment changed"] == "yes")


def _case(item: junitparser.TestCase) -> Case:
    status, message = Status.PASSED, ""
    for outcome in item.result:
        status, message = Status(outcome.type), outcome.text or ""
    flaky = (item.system_err or "").removeprefix(_FLAKY)
    return Case(_test(item.classname, item.name), status, float(item.time), message, flaky)
