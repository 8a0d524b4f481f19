"""Two interpreters have an array each over the same memory; runs in the fork, with NumPy on its path."""

from __future__ import annotations

from concurrent import interpreters  # type: ignore[attr-defined]

import numpy as np
from endurance import resident

ITEMS = 1 << 25  # of 8 bytes

THERE = """
import numpy as np

array = np.asarray(view)
assert array.dtype == np.float64 and array.shape == (2, items // 2), (array.dtype, array.shape)
assert (array[0, 0], array[1, -1]) == (1, 2)
array += 1
queue.put((array.__array_interface__["data"][0], memoryview(np.frombuffer(view, dtype=np.float64)[:10])))
"""


def main() -> None:
    array = np.zeros((2, ITEMS // 2))
    array[0, 0], array[1, -1] = 1, 2
    array += 0  # all pages are there
    there = interpreters.create()
    there.exec("import numpy")
    queue = interpreters.create_queue()
    before = resident()
    there.prepare_main(view=array.data, items=ITEMS, queue=queue)
    there.exec(THERE)
    grown = resident() - before
    address, back = queue.get()
    assert address == array.__array_interface__["data"][0]
    assert (array[0, 0], array[0, 1], array[1, -1]) == (2, 1, 3)
    assert grown < 8 * ITEMS // 1024 // 2, f"{grown} KiB more"
    returned = np.asarray(back)  # what there is an array of the view of our array
    returned[0] = 7
    assert array[0, 0] == 7
    del returned, back
    there.close()
    print("shared")


if __name__ == "__main__":
    main()
