"""Methods for the tests of the timing comparison, imported by its processes."""

import sys
import time

import numpy as np


def quick(x, name):
    print("not an event")
    return x.sum(axis=1)


def slow(x, name):
    time.sleep(1e-5 * len(x))


def stuck(x, name):
    time.sleep(60)


def stuck_if_large(x, name):
    time.sleep(60 if len(x) > 80 else 1e-3 * len(x))


def broken(x, name):
    raise KeyError(f"no {name} here")


def refusing(x, name):
    raise ValueError("at most 24 agents")


def dying(x, name):
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def leaving(x, name):
    sys.exit("gone")


def writing(x, name):
    x[0] = 0


def large(x, name):
    np.ones(100 * 2**17)  # 100 MiB


def sampled(x, name, samples):
    time.sleep(0.02 + 0.001 * samples)
