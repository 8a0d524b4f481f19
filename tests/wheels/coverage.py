import os
import tempfile

import coverage

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "measured.py")
    with open(path, "w") as stream:
        stream.write("def f(n):\n    return n + 1\nf(1)\n")
    cover = coverage.Coverage(data_file=None, include=[path])
    cover.start()
    exec(compile(open(path).read(), path, "exec"), {})
    cover.stop()
    assert sorted(cover.get_data().lines(path)) == [1, 2, 3]
