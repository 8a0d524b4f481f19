import os

import psutil

me = psutil.Process()
assert me.pid == os.getpid()
assert me.memory_info().rss > 0
assert psutil.cpu_count() >= 1 and psutil.virtual_memory().total > 0
assert me.cpu_times().user >= 0 and me.name()
