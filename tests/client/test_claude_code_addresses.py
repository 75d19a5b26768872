"""The real Claude Code with base URLs, models and limits that a user may have set."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest

from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, configured, running_proxy
from fakes.scripts import answers


@pytest.mark.parametrize("path", ["/v1", "/provider/minimax/v1", "/v1/provider/minimax"])
@async_test
async def test_a_base_url_that_ends_in_the_version_is_answered(path: str, tmp_path: Path) -> None:
    fake = FakeProvider(answers("hello from here"))
    async with running_proxy(fake) as proxy:
        result = await claude_code(tmp_path).run(proxy.url + path, TOKEN, "hi")
    assert (result.code, result.out) == (0, "hello from here"), result.err
    assert {request.target.partition("?")[0] for request in fake.requests} == {"/v1/messages"}


@pytest.mark.parametrize("model", ["claude-mythos-5", "claude-nova-7"])
@async_test
async def test_a_model_of_a_family_without_a_mapping_is_asked_for_as_the_most_able(model: str, tmp_path: Path) -> None:
    fake = FakeProvider(answers("hello from here"))
    mapped = configured(fake, models=MappingProxyType({"opus": "big", "haiku": "small"}))
    async with running_proxy(mapped) as proxy:
        result = await claude_code(tmp_path).run(proxy.url, TOKEN, "--model", model, "hi")
    assert (result.code, result.out) == (0, "hello from here"), result.err
    assert "big" in {request.json()["model"] for request in fake.requests}


@async_test
async def test_what_it_says_of_a_request_over_the_limit_is_its_own_and_the_state_says_whose_limit_it_is(
    tmp_path: Path,
) -> None:
    async with running_proxy(FakeProvider(answers("hello")), max_body_bytes=1000) as proxy:
        result = await claude_code(tmp_path).run(proxy.url, TOKEN, "hi")
        report = proxy.proxy.status()
    assert result.code != 0
    assert "Request too large" in result.out + result.err
    assert report.too_large is not None
    assert (report.too_large.limit, len(report.too_large.session)) == (1000, 36)
