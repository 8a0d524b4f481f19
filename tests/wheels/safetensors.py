import numpy as np
from safetensors.numpy import load, save

assert load(save({"x": np.arange(6).reshape(2, 3)}))["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
