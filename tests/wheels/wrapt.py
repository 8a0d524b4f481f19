import wrapt


@wrapt.decorator
def twice(wrapped, instance, args, kwargs):
    return wrapped(*args, **kwargs) * 2


class A:
    @twice
    def f(self, x):
        return x


assert A().f(2) == 4
assert wrapt.ObjectProxy([1, 2])[1] == 2
