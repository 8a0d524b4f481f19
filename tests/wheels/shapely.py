from shapely import STRtree, from_wkt
from shapely.geometry import Point

circle = Point(0, 0).buffer(1)
assert 3.1 < circle.area < 3.15
assert circle.intersects(from_wkt("LINESTRING (-2 0, 2 0)"))
assert list(STRtree([Point(n, n) for n in range(10)]).query(circle)) == [0, 1]
