# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, never for time to pass."""

import time


def wait_for(what, condition, timeout=20.0, interval=0.01):
    """Returns condition()'s first truthy answer; fails naming `what` after timeout seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(interval)
