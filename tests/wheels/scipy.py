import numpy as np
from scipy import integrate, linalg, optimize, sparse, stats

assert abs(integrate.quad(np.sin, 0, np.pi)[0] - 2) < 1e-9
assert abs(optimize.brentq(lambda x: x * x - 2, 0, 2) - 2**0.5) < 1e-9
assert np.allclose(linalg.inv(np.eye(3) * 2), np.eye(3) / 2)
assert sparse.csr_matrix(np.eye(4)).sum() == 4
assert abs(stats.norm.cdf(0) - 0.5) < 1e-12
