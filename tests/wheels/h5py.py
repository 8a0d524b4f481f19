import io

import h5py
import numpy as np

data = io.BytesIO()
with h5py.File(data, "w") as file:
    file.create_dataset("x", data=np.arange(1000), compression="gzip")
    file["x"].attrs["unit"] = "m"
with h5py.File(data, "r") as file:
    assert file["x"][10] == 10 and file["x"].attrs["unit"] == "m"
