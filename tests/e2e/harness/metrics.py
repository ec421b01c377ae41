# SPDX-License-Identifier: Apache-2.0
"""Reading the text format of Prometheus."""

import re

_SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape: samples by name and labels."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            match = _SAMPLE.match(line)
            if match:
                labels = dict(_LABEL.findall(match.group(2) or ""))
                self.samples.append((match.group(1), labels, float(match.group(3))))

    def sum(self, name, **wanted):
        """The sum over all series with these labels; 0 when there is none."""
        return sum(value for sample, labels, value in self.samples
                   if sample == name and all(labels.get(key) == want for key, want in wanted.items()))

    def has(self, name):
        return any(sample == name or sample.startswith(name + "_") for sample, _, _ in self.samples)

    def drops(self, reason):
        return self.sum("bulkhead_drops_total", reason=reason)

    def imbalance(self):
        """Per worker: received + generated - sent - dropped - consumed, 0 when each packet left once."""
        workers = {labels["worker"] for name, labels, _ in self.samples if name == "bulkhead_packets_total"}

        def outcome(worker, name):
            return self.sum("bulkhead_packets_total", worker=worker, outcome=name)
        return {worker: outcome(worker, "received") + outcome(worker, "generated") - outcome(worker, "sent")
                - outcome(worker, "dropped") - outcome(worker, "consumed") for worker in sorted(workers)}
