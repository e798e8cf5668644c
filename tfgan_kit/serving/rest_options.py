"""How the REST side serves."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class RestOptions:
    """How the REST side serves; the first three are tensorflow_model_server's flags.

    Args:
        num_threads: requests worked on at one time; None: 4 a core. Four times as many may wait,
            the rest is refused at once with 429.
        timeout_in_ms: until a request is answered 504.
        enable_cors_support: adds the headers that let a page of another origin read the answers.
        monitoring_path: where Prometheus finds the metrics, or None.
        max_body_bytes: of one body, packed or unpacked; more is refused with 413. All bodies
            together hold at most eight times as much, then requests are refused with 503.
        read_timeout_seconds: until a body must be here, and an answer taken.
        idle_timeout_seconds: until the first line and headers must be here, and how long a
            connection may wait for its next request.

    Raises:
        ValueError: a number is below 1, or the path does not start with "/".
    """

    num_threads: int | None = None
    timeout_in_ms: int = 30_000
    enable_cors_support: bool = False
    monitoring_path: str | None = None
    max_body_bytes: int = 32 * 2**20
    read_timeout_seconds: float = 30.0
    idle_timeout_seconds: float = 60.0

    def __post_init__(self):
        for name in ("num_threads", "timeout_in_ms", "max_body_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1. Received: {name}={value}")
        for name in ("read_timeout_seconds", "idle_timeout_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0. Received: {name}={getattr(self, name)}")
        if self.monitoring_path is not None and not self.monitoring_path.startswith("/"):
            raise ValueError(f'monitoring_path must start with "/". Received: monitoring_path={self.monitoring_path!r}')

    def threads(self) -> int:
        """Requests worked on at one time."""
        return self.num_threads or 4 * (os.cpu_count() or 1)
