"""What Prometheus reads at `/metrics`, from the outside."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from claude_proxy.core.types import Policy
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, configured, make_config, make_provider, running_proxy, started_proxy
from fakes.scripts import message
from fakes.steps import Status
from fakes.stream_checks import complete_text
from metrics_samples import scrape, value_of

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


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


@pytest.mark.parametrize(
    "accept",
    [
        "\xff;;version=x,",
        "text/plain;version=abc",
        "application/openmetrics-text;version=1.0.x",
        "application/openmetrics-text;version=1.0.0=5",
        "application/openmetrics-text;version=1.-1;escaping",
        "text/html",
    ],
)
@async_test
async def test_an_odd_accept_gets_the_plain_format(accept: str) -> None:
    async with running_proxy(FakeProvider()) as proxy:
        answer = await proxy.ask("GET", "/metrics", headers={"Accept": accept})
        assert (answer.status, answer.headers["content-type"][:25]) == (200, "text/plain; version=0.0.4")
        assert proxy.ledger.notes == []


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


@async_test
async def test_a_model_of_anthropics_price_list_has_its_name_at_a_relay() -> None:
    async with running_proxy(FakeProvider(message())) as proxy:
        await (await proxy.post(model="claude-sonnet-4-5")).all_events()
        await proxy.ledger.wait_for_accounts(1)
        assert value_of(
            await scrape(proxy), "tokens_total", provider="minimax", model="claude-sonnet-4-5", type="output"
        )


METRICS_TOKEN = "token-that-opens-metrics"


@contextlib.asynccontextmanager
async def proxy_with_metrics_token(token: str = METRICS_TOKEN) -> AsyncIterator[RunningProxy]:
    async with FakeProvider() as provider:
        config = make_config([make_provider("minimax", provider.url)], Policy())
        async with started_proxy(replace(config, metrics_token=token)) as proxy:
            yield proxy


@pytest.mark.parametrize(
    "header", [("Authorization", f"Bearer {METRICS_TOKEN}"), ("x-api-key", METRICS_TOKEN)], ids=lambda header: header[0]
)
@async_test
async def test_a_token_of_its_own_opens_metrics_and_nothing_else(header: tuple[str, str]) -> None:
    headers = {"Authorization": "", header[0]: header[1]}
    async with proxy_with_metrics_token() as proxy:
        assert (await proxy.ask("GET", "/metrics", headers=headers)).status == 200
        assert (await proxy.ask("HEAD", "/metrics", headers=headers)).status == 200
        assert (await proxy.post(headers=headers)).status == 401
        paths = ["/admin/status", "/v1/models", "/provider/minimax/metrics", "/metrics/", "/metrics2", "//metrics"]
        assert {(await proxy.ask("GET", path, headers=headers)).status for path in paths} == {401}
        assert (await proxy.ask("POST", "/admin/stop", b"{}", headers=headers)).status == 401
        assert (await proxy.ask("GET", "/metrics")).status == 200


@pytest.mark.parametrize("sent", ["", METRICS_TOKEN[:-1], f"{METRICS_TOKEN}x", "schlüssel"])
@async_test
async def test_another_token_opens_nothing(sent: str) -> None:
    async with proxy_with_metrics_token() as proxy:
        headers = {"Authorization": f"Bearer {sent}"}
        assert (await proxy.ask("GET", "/metrics", headers=headers)).status == 401


@async_test
async def test_without_a_token_of_its_own_an_empty_one_opens_nothing() -> None:
    async with proxy_with_metrics_token("") as proxy:
        for headers in ({"Authorization": "Bearer "}, {"Authorization": "", "x-api-key": " "}):
            assert (await proxy.ask("GET", "/metrics", headers=headers)).status == 401


@async_test
async def test_a_web_page_with_the_token_reads_no_metrics() -> None:
    async with proxy_with_metrics_token() as proxy:
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}", "Sec-Fetch-Site": "cross-site"}
        assert (await proxy.ask("GET", "/metrics", headers=headers)).status == 403


@async_test
async def test_a_secret_in_a_request_is_in_no_label() -> None:
    secret = "sk-secret-of-the-client"
    async with running_proxy(FakeProvider(message())) as proxy:
        sent = dict.fromkeys(
            (
                "x-claude-code-session-id",
                "x-claude-code-agent-id",
                "x-claude-code-prompt-id",
                "x-claude-code-agent-type",
            ),
            secret,
        )
        await (await proxy.post(model=secret, headers=sent)).all_events()
        await proxy.post(f"/provider/{secret}/v1/messages")
        await proxy.ledger.wait_for_accounts(2)
        text = (await (await proxy.ask("GET", "/metrics")).read()).decode()
    assert 'model="other"' in text
    assert secret not in text
