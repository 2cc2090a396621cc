"""What is counted: every metric of the process. Those of single tokens are in `collector`.

Whoever has something to count gets the `Metrics` handed in. Label values are closed sets, names of allowed hosts the
only ones that an administrator chooses; none comes from an answer.
"""

import platform
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client import disable_created_metrics as leave_creation_times_out

ACQUISITION_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 10)
"""Seconds. A provider is given up after ten; three are all that a connection may take of them."""

LAG_BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 3600)
"""Seconds. A retry budget is 20 minutes at most."""


class Metrics:
    """The metrics, in a registry of their own.

    Attributes:
        registry: what `/metrics` shows.
    """

    def __init__(self, version: str) -> None:
        leave_creation_times_out()  # else each counter and histogram has a second series that says when it was made
        self.registry = registry = CollectorRegistry()
        self.acquisitions = Counter(
            "tokensync_acquisitions_total",
            "Token requests that ended, by the reason that a condition would show.",
            ("provider", "outcome", "reason"),
            registry=registry,
        )
        self.acquisition_duration = Histogram(
            "tokensync_acquisition_duration_seconds",
            "Time from the wish for a token to the provider's answer, failures included.",
            buckets=ACQUISITION_BUCKETS,
            registry=registry,
        )
        self.renewal_lag = Histogram(
            "tokensync_renewal_lag_seconds",
            "Time from the renewal time of a token to the write of its successor.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        self.token_gap = Counter(
            "tokensync_token_gap_seconds_total",
            "Time during which a published token was expired, summed over tokens, as the leader saw it.",
            registry=registry,
        )
        self.queue_depth = Gauge(
            "tokensync_queue_depth", "Resources that are due and that no worker has taken.", registry=registry
        )
        self.workers_busy = Gauge(
            "tokensync_workers_busy", "Workers that have a resource in their hands.", registry=registry
        )
        self.leader = Gauge(
            "tokensync_leader", "1 on the replica that works, 0 on those that stand by.", registry=registry
        )
        self.watch_activity = Gauge(
            "tokensync_watch_last_activity_timestamp_seconds",
            "When something last came from the API server, of the stream that has been silent longest.",
            ("resource",),
            registry=registry,
        )
        self.kubernetes_requests = Counter(
            "tokensync_kubernetes_requests_total",
            "Calls of the Kubernetes API. The code is HTTP's; error where no answer came.",
            ("verb", "resource", "code"),
            registry=registry,
        )
        self.clock_skew = Gauge(
            "tokensync_provider_clock_skew_seconds",
            "How far our clock was ahead of the provider's at its last answer, to the second.",
            ("host",),
            registry=registry,
        )
        build = Info("tokensync_build", "What runs here.", registry=registry)
        build.info({"version": version, "python_version": platform.python_version()})
        ProcessCollector(registry=registry)

    def count_acquisition(
        self, provider: str, outcome: Literal["success", "failure"], reason: str, seconds: float
    ) -> None:
        """Count a token request that has ended after so many seconds."""
        self.acquisitions.labels(provider, outcome, reason).inc()
        self.acquisition_duration.observe(seconds)

    def count_call(self, verb: str, resource: str, code: int | None) -> None:
        """Count a call of the Kubernetes API; a code of None stands for no answer."""
        self.kubernetes_requests.labels(verb, resource, str(code or "error")).inc()
