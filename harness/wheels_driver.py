"""Exercise one wheel in interpreters of one process, inside the interpreter under test.

`python wheels_driver.py MODE SITE EXERCISE REPORT`: the code of the file EXERCISE runs with the directory SITE on its
path. MODE is `main` (the main interpreter), `one` (an own-GIL interpreter), `four` (four of them at once, each in a
thread of its own) or `fifty` (fifty, made, used and ended one after the other). REPORT gets a Python literal: a dict
of `outcome` (passed, fallback, refused, failed), `text` (a traceback), `policy` of the interpreters and `kib` (growth
of resident memory from the second to the last of fifty). `refused`: the interpreter did not take an extension module,
and the exercise failed (many wheels hide the cause, so the loader tells). `fallback`: the exercise passed all the
same, with the Python code that some wheels have for this case.

Where the build has private copies of extension modules (the policy `isolate`), they are used.
"""

from __future__ import annotations

import os
import sys
from typing import Any

REFUSALS = ("does not support loading in subinterpreters", "from a copy that belongs to this interpreter")
SEVERITY = ("passed", "fallback", "refused", "failed")
GOOD = SEVERITY[:2]
COUNTS = {"one": 1, "four": 4, "fifty": 50}

# Runs in every interpreter, main included. The report: the modules that were refused, then the traceback, if any.
SCRIPT = """
def _rwt_run(site, path, report, refusals):
    import importlib.machinery, sys, traceback
    sys.path.insert(0, site)
    refused, own, loader = [], [], importlib.machinery.ExtensionFileLoader
    def create(self, spec, create=loader.create_module):
        try:
            return create(self, spec)
        except ImportError as problem:
            if any(refusal in str(problem) for refusal in refusals):
                refused.append(spec.name)
                if spec.origin.startswith(site):
                    own.append(spec.name)
            raise
    loader.create_module = create
    text = ""
    try:
        with open(path, encoding="utf-8") as stream:
            source = stream.read()
        exec(compile(source, path, "exec"), {"__name__": "exercise"})
    except BaseException:
        text = traceback.format_exc()
    with open(report, "w", encoding="utf-8") as stream:
        # Where all went well, a module of the standard library that was refused is none of the wheel's.
        stream.write("refused: " + ", ".join(refused if text else own) + "\\n" + text)
"""


def _script(site: str, path: str, report: str) -> str:
    return f"{SCRIPT}\n_rwt_run({site!r}, {path!r}, {report!r}, {REFUSALS!r})\n"


def maker() -> tuple[str, Any]:
    """The policy in force, and a function that runs a script in a fresh own-GIL interpreter and ends it."""
    try:
        from concurrent import interpreters as high  # type: ignore[attr-defined]

        high.create(extensions="isolate").close()
    except (ImportError, TypeError, AttributeError):
        return "refuse", _run_low

    def run(script: str) -> None:
        made = high.create(extensions="isolate")
        try:
            made.exec(script)
        finally:
            made.close()

    return "isolate", run


def _run_low(script: str) -> None:
    import _xxsubinterpreters as low  # type: ignore[import-not-found]

    made = low.create(own_gil=True, isolated=False)
    try:
        low.run_string(made, script)
    finally:
        low.destroy(made)


def told(report: str) -> tuple[str, str]:
    """What became of one interpreter: the outcome, and its traceback or what else is to say."""
    try:
        with open(report, encoding="utf-8") as stream:  # noqa: PTH123
            first, _, text = stream.read().partition("\n")
    except FileNotFoundError:
        return "failed", "the interpreter left no report"
    refused = first.removeprefix("refused: ")
    if not text:
        return ("fallback", first) if refused else ("passed", "")
    return ("refused", f"{first}\n{text}") if refused else ("failed", text)


def resident() -> int:
    """Resident memory of this process in KiB."""
    with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def at_once(run: Any, scripts: list[str]) -> None:  # noqa: ANN401
    """Run each script in an interpreter of its own, all at the same time."""
    import threading

    barrier = threading.Barrier(len(scripts))

    def work(script: str) -> None:
        barrier.wait()
        run(script)

    threads = [threading.Thread(target=work, args=(script,)) for script in scripts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(mode: str, site: str, path: str, report: str) -> dict[str, Any]:
    """Run the exercise in `mode`; what REPORT gets."""
    parts = [f"{report}.{number}" for number in range(COUNTS.get(mode, 1))]
    scripts = [_script(site, path, part) for part in parts]
    if mode == "main":
        exec(scripts[0], {"__name__": "__main__"})
        return _document(parts, "main", 0)
    policy, run = maker()
    grown = 0
    if mode == "four":
        at_once(run, scripts)
    else:
        for number, script in enumerate(scripts):
            if number == 2:
                grown = resident()
            run(script)
            if told(parts[number])[0] not in GOOD:
                parts = parts[: number + 1]  # what fails once need not fail 49 more times
                break
        grown = resident() - grown if len(parts) > 2 else 0
    return _document(parts, policy, grown)


def _document(parts: list[str], policy: str, grown: int) -> dict[str, Any]:
    found = [told(part) for part in parts]
    outcome, text = max(found, key=lambda one: SEVERITY.index(one[0]))
    alike = sum(one[0] == outcome for one in found)
    if text and len(parts) > 1:
        text = f"in {alike} of {len(parts)} interpreters:\n{text}"
    return {"outcome": outcome, "text": text, "policy": policy, "kib": grown, "interpreters": len(parts)}


if __name__ == "__main__":
    found = measure(*sys.argv[1:5])
    with open(sys.argv[4], "w", encoding="utf-8") as output:  # noqa: PTH123
        output.write(repr(found) + "\n")
