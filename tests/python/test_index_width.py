"""More than 2**32 features: a sliding window over a small buffer has them without the memory."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

import aumann


def test_features_beyond_32_bits_are_addressed() -> None:
    agents, features = 66_000, 65_600
    buffer = np.random.Generator(np.random.Philox(5)).random(agents + features)
    x = as_strided(buffer, (agents, features), (8, 8), writeable=False)
    assert x.size > 2**32
    running = np.concatenate(([0], np.cumsum(buffer)))
    composites = running[features : features + agents] - running[:agents]
    result = aumann.attribute(x, aumann.Mean())
    np.testing.assert_allclose(result.values * agents, composites, rtol=1e-12)
    assert abs(result.relative_residual) < 1e-12
