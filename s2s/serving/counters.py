"""What a server has done so far, in Prometheus' text form."""

import threading
from collections import defaultdict
from collections.abc import Sequence

from s2s.serving.orders import Served


class Counters:
    """Counts of answers, and the seconds that they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self._answers[path, status] += 1
            self._seconds[path] += seconds

    def text(self, models: Sequence[Served]) -> str:
        """All of it.

        Args:
            models: Whose work is counted too.
        """
        with self._lock:
            answers, seconds = sorted(self._answers.items()), sorted(self._seconds.items())
        metrics = [
            _metric(
                "s2s_requests_total",
                "counter",
                "Requests answered.",
                [({"path": path, "status": str(status)}, count) for (path, status), count in answers],
            ),
            _metric(
                "s2s_request_seconds_total",
                "counter",
                "Seconds from request to answer.",
                [({"path": path}, round(total, 6)) for path, total in seconds],
            ),
            _of_models(models, "s2s_sentences_total", "counter", "Sentences translated.", "n_sentences"),
            _of_models(models, "s2s_batches_total", "counter", "Batches in which they were.", "n_batches"),
            _of_models(models, "s2s_waiting_requests", "gauge", "Requests not begun.", "n_waiting"),
        ]
        return "".join(metrics)


def _of_models(models: Sequence[Served], name: str, kind: str, meaning: str, attribute: str) -> str:
    values = [({"model": model.name}, getattr(model.batcher, attribute)) for model in models]
    return _metric(name, kind, meaning, values)


def _metric(name: str, kind: str, meaning: str, values: Sequence[tuple[dict[str, str], float]]) -> str:
    lines = [f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"]
    for labels, value in values:
        given = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        lines.append(f"{name}{{{given}}} {value}\n")
    return "".join(lines)


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
