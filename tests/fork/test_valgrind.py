"""Valgrind can follow interpreters and what they load, and Memcheck has nothing to say about it."""

from __future__ import annotations

import pytest

from harness import proc
from harness.build import Built
from harness.runner import for_build

pytestmark = [pytest.mark.build]

# In a container Memcheck takes what was read from a file for undefined, in upstream, too.
MEMCHECK = ("valgrind", "--quiet", "--error-exitcode=9", "--undef-value-errors=no")
# A module that all interpreters share, one of single-phase init, and one that does not declare support of own GILs
CODE = """
from concurrent import interpreters
for _ in range(2):
    interp = interpreters.create()
    interp.exec('''
import _struct, _testcapi, xxlimited_35
print(_struct.calcsize("i"), xxlimited_35.foo(3, 4), _testcapi.INT_MAX)
''')
    interp.close()
"""


def test_private_copies_under_memcheck(built_fork_fast: Built) -> None:
    """Mapping a shared object before it is loaded made Valgrind 3.19 crash; nothing else is wrong either."""
    with for_build(built_fork_fast.prefix) as runner:
        # With its own allocator, Memcheck sees an arena, not the objects in it.
        command = runner.argv([*MEMCHECK, str(built_fork_fast.python), "-c", CODE], env={"PYTHONMALLOC": "malloc"})
        done = proc.run(command, check=False, echo=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
    assert [line for line in done.stdout.splitlines() if line.startswith("4 ")] == ["4 7 2147483647"] * 2
