"""What is found in so many tries: the probability that at least one of n succeeds."""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln


def found_within(
    successes: Int[np.ndarray, "*starts"], num_tries: int, counts: Int[np.ndarray, " counts"]
) -> Float[np.ndarray, "*starts counts"]:
    """The probability that n of the tries hold a success, of each start of whose tries so many succeeded.

        1 - C(N - c, n) / C(N, n),

    the unbiased estimate from N ≥ n tries, c of which succeeded (Chen et al., 2021, "Evaluating large language models
    trained on code").
    """
    failures = (num_tries - successes)[..., None].astype(np.float64)
    possible = failures >= counts
    left = np.where(possible, failures - counts, 0.0)
    log_share = gammaln(failures + 1) - gammaln(left + 1) + gammaln(num_tries - counts + 1) - gammaln(num_tries + 1)
    return np.where(possible, 1.0 - np.exp(log_share), 1.0)
