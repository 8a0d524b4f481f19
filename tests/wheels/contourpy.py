import contourpy
import numpy as np

lines = contourpy.contour_generator(z=np.arange(16.0).reshape(4, 4)).lines(7.5)
assert len(lines) == 1 and lines[0].shape[1] == 2
