import greenlet


def other(x):
    return greenlet.getcurrent().parent.switch(x + 1) * 2


one = greenlet.greenlet(other)
assert one.switch(1) == 2
assert one.switch(5) == 10
assert one.dead
chain = [greenlet.greenlet(lambda n=n: n) for n in range(100)]
assert sum(g.switch() for g in chain) == 4950
