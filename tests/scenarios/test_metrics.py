"""What Prometheus reads at `/metrics`, from the outside."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, configured, running_proxy
from fakes.scripts import message
from fakes.steps import Status
from fakes.stream_checks import complete_text

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


async def scrape(proxy: RunningProxy) -> list[Sample]:
    answer = await proxy.ask("GET", "/metrics")
    assert answer.status == 200
    return [sample for family in parse_text((await answer.read()).decode()) for sample in family.samples]


def value_of(samples: list[Sample], name: str, **labels: str) -> float:
    [value] = [each.value for each in samples if each.name == f"claude_proxy_{name}" and each.labels == labels]
    return value


@async_test
async def test_a_failover_is_told_with_its_tokens_and_times() -> None:
    busy, answering = FakeProvider([Status(529)]), FakeProvider(message("hi"))
    known = configured(answering, own_models=("claude-opus-5-5",))
    async with running_proxy(busy, known) as proxy:
        assert await complete_text(await proxy.post(headers={"x-claude-code-request-class": "main"})) == "hi"
        await proxy.ledger.wait_for_accounts(1)
        samples = await scrape(proxy)
    assert value_of(samples, "requests_total", kind="messages", ending="complete", **{"class": "main"}) == 1
    assert value_of(samples, "attempts_total", provider="minimax", reason="529") == 1
    assert value_of(samples, "attempts_total", provider="moonshot", reason="accepted") == 1
    assert value_of(samples, "failovers_total", provider="minimax", reason="529") == 1
    tokens = {"provider": "moonshot", "model": "claude-opus-5-5"}
    assert value_of(samples, "tokens_total", **tokens, type="input") == 12
    assert value_of(samples, "tokens_total", **tokens, type="output") == 7
    assert value_of(samples, "unpriced_attempts_total", **tokens) == 1
    assert value_of(samples, "time_to_first_byte_seconds_count", provider="moonshot") == 1
    assert value_of(samples, "request_duration_seconds_bucket", kind="messages", provider="moonshot", le="+Inf") == 1
    assert value_of(samples, "provider_state", provider="minimax", state="cooldown") == 1
    assert value_of(samples, "provider_state", provider="minimax", state="ready") == 0
    assert value_of(samples, "provider_state", provider="moonshot", state="ready") == 1
    assert value_of(samples, "requests_in_flight") == 0
    assert not [each for each in samples if each.name == "claude_proxy_cost_dollars_total"]


@async_test
async def test_the_format_is_what_the_client_asks_for() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        plain = await proxy.ask("GET", "/metrics")
        assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
        opened = await proxy.ask("GET", "/metrics", headers={"Accept": OPENMETRICS})
        assert opened.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert list(parse_openmetrics((await opened.read()).decode()))  # type: ignore[no-untyped-call]
        odd = await proxy.ask("GET", "/metrics", headers={"Accept": "\xff;;version=x,"})
        assert odd.status == 200


@async_test
async def test_a_head_has_no_body_and_a_post_is_refused() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        head = await proxy.ask("HEAD", "/metrics")
        assert (head.status, head.headers["content-type"][:10]) == (200, "text/plain")
        posted = await proxy.ask("POST", "/metrics", b"{}")
        assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD")


@async_test
async def test_it_needs_the_token_and_is_not_below_a_provider() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        assert (await proxy.ask("GET", "/metrics", headers={"Authorization": ""})).status == 401
        assert (await proxy.ask("GET", "/metrics", headers={"Origin": "https://a.example"})).status == 403
        assert (await proxy.ask("GET", "/provider/minimax/metrics")).status == 404
