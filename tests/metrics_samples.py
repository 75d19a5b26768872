"""What Prometheus would read of a proxy."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from fakes.proxy import RunningProxy


async def scrape(proxy: RunningProxy) -> list[Sample]:
    answer = await proxy.ask("GET", "/metrics")
    assert answer.status == 200
    families = text_string_to_metric_families((await answer.read()).decode())
    return [sample for family in families for sample in family.samples]


def value_of(samples: list[Sample], name: str, **labels: str) -> float:
    """Return the value of the sample with exactly these labels."""
    [value] = [each.value for each in samples if each.name == f"claude_proxy_{name}" and each.labels == labels]
    return value


def total_of(samples: list[Sample], name: str, **labels: str) -> float:
    """Return the sum of all samples that have these labels, and any others."""
    found = [each for each in samples if each.name == f"claude_proxy_{name}"]
    return sum(each.value for each in found if labels.items() <= each.labels.items())
