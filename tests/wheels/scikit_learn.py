import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(1)
x = rng.normal(size=(200, 4))
y = (x[:, 0] > 0).astype(int)
assert LogisticRegression().fit(x, y).score(x, y) > 0.9
assert RandomForestClassifier(10, random_state=1).fit(x, y).score(x, y) > 0.9
assert KMeans(2, n_init=1, random_state=1).fit(x).cluster_centers_.shape == (2, 4)
