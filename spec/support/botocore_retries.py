"""What botocore does about retries, as spec/support/retry_vectors.json: for spec/aws_retries_spec.lua.

Written with botocore 1.44.5, whose standard mode has the rules of November 2026 (Debian's is older):
python3 spec/support/botocore_retries.py > spec/support/retry_vectors.json
"""

import json
from types import SimpleNamespace

import botocore
from botocore.retries import adaptive, bucket, standard, throttling
from botocore.retryhandler import delay_exponential


class Detector:
    def __init__(self, throttled):
        self.throttled = throttled

    def is_throttling_error_from_context(self, context):
        return self.throttled

    def is_throttling_error(self, **kwargs):
        return kwargs["throttled"]


def delays():
    for service in ("ecs", "dynamodb"):
        for throttled in (False, True):
            for attempt in range(1, 9):
                for share in (0.0, 0.4, 1.0):
                    for asked in (None, 0, 100, 3000, 60000):
                        headers = {} if asked is None else {"x-amz-retry-after": str(asked)}
                        backoff = standard.ExponentialBackoff(
                            random=lambda share=share: share, service_name=service,
                            throttling_detector=Detector(throttled))
                        yield {
                            "service": service, "throttled": throttled, "attempt": attempt, "share": share,
                            "asked": asked, "delay": backoff.delay_amount(SimpleNamespace(
                                attempt_number=attempt, http_response=SimpleNamespace(headers=headers))),
                        }


class Clock:
    now = 1000.0

    def current_time(self):
        return self.now


def rates():
    """The rate after each of some answers, which come and are throttled as a generator says."""
    clock = Clock()
    limiter = adaptive.ClientRateLimiter(
        rate_adjustor=throttling.CubicCalculator(starting_max_rate=0, start_time=clock.now),
        rate_clocker=adaptive.RateClocker(clock), token_bucket=bucket.TokenBucket(max_rate=1, clock=clock),
        throttling_detector=Detector(None), clock=clock)
    state = 7
    for number in range(120):
        state = (state * 1103515245 + 12345) % 2**31
        clock.now = round(clock.now + 0.01 + (state >> 16) % 40 / 100, 6)
        throttled = number > 10 and (state >> 8) % 9 == 0
        limiter.on_receiving_response(throttled=throttled)
        yield {"at": clock.now, "throttled": throttled, "rate": limiter._token_bucket.max_rate}


print(json.dumps({
    "botocore": botocore.__version__,
    "delays": list(delays()),
    "legacy": [delay_exponential(0.05, 2, attempt) for attempt in range(1, 10)],
    "rates": list(rates()),
}))
