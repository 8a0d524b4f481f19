"""One worker that works when it is told to: a byte comes, a share of work is done, a byte goes back.

As a command it is a process that talks on stdin and stdout; an interpreter calls `serve` on pipes of its own.
"""

from __future__ import annotations

import os
import sys
import threading

import work

GO = b"g"
DONE = b"d"


def serve(name: str, loops: int, reading: int, writing: int) -> None:
    """Do `loops` units of the work `name` each time a byte comes, until the other end is closed.

    Before the first byte the share is done once, to warm up; its checksum goes out as a line. RuntimeError if a later
    share has another one.
    """
    function = work.WORK[name]
    expected = function(loops)
    os.write(writing, f"{expected}\n".encode())
    while os.read(reading, 1):
        if function(loops) != expected:
            raise RuntimeError("wrong checksum")
        os.write(writing, DONE)


def main() -> None:
    """Serve in a thread, as interpreters do: the same code takes up to 15% less time there than in the main one."""
    name, loops = sys.argv[1], int(sys.argv[2])
    thread = threading.Thread(target=serve, args=(name, loops, 0, 1))
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
