import numpy as np

a = np.arange(12.0).reshape(3, 4)
assert (a @ a.T).shape == (3, 3)
u, s, v = np.linalg.svd(a)
assert np.allclose((u * s) @ v[:3], a)
assert np.sort(np.random.default_rng(1).random(10000))[0] >= 0
assert np.fft.ifft(np.fft.fft(a)).real.round(6).tolist() == a.tolist()
assert np.array(["2026-01-01"], dtype="datetime64[D]").astype(str)[0] == "2026-01-01"
