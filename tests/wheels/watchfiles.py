import os
import tempfile

from watchfiles import Change
from watchfiles._rust_notify import RustNotify

with tempfile.TemporaryDirectory() as folder, RustNotify([folder], False, False, 0, True, False) as watcher:
    with open(os.path.join(folder, "new"), "w"):
        pass
    changes = watcher.watch(50, 10, 5000, None)
assert (Change.added, "new") in {(kind, os.path.basename(path)) for kind, path in changes}
