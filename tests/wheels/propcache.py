from propcache._helpers_c import cached_property, under_cached_property


class A:
    def __init__(self):
        self._cache = {}

    @under_cached_property
    def x(self):
        return object()

    @cached_property
    def y(self):
        return object()


a = A()
assert a.x is a.x and a.y is a.y
