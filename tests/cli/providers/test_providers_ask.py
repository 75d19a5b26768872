"""A provider that is tried, and one that is asked for its models: what it answered, and never its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fakes.command_line import KEYS, CommandLine, Done, free_port
from fakes.provider import FakeProvider
from fakes.scripts import MESSAGE, json_answer
from fakes.server_connection import Request
from fakes.steps import Event, Script, Stream
from fakes.threaded import serving

KEY = KEYS["MINIMAX_API_KEY"]
CALL = {**MESSAGE, "content": [{"type": "tool_use", "id": "t", "name": "add", "input": {"a": 12, "b": 30}}]}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
]


def streaming(events: list[dict[str, Any]]) -> Script:
    return [Stream(), *(Event(event["type"], event) for event in events)]


def capable(**instead: Script) -> FakeProvider:
    """Return a provider that answers each kind of request, with other answers for the kinds in `instead`."""
    scripts = {
        "message": json_answer(200),
        "stream": streaming(EVENTS),
        "count_tokens": json_answer(200, {"input_tokens": 9}),
        "tool": json_answer(200, CALL),
        **instead,
    }

    def answer(request: Request) -> Script:
        body = request.json()
        kind = "tool" if "tools" in body else "stream" if body.get("stream") else "message"
        return scripts["count_tokens" if request.path.endswith("/count_tokens") else kind]

    return FakeProvider(answer)


def tried(cli: CommandLine, **instead: Script) -> tuple[Done, list[Any]]:
    provider = capable(**instead)
    with serving(provider) as url:
        cli.configure(url)
        return cli("providers", "test", "minimax"), [request.json() for request in provider.requests]


def row(done: Done, name: str) -> str:
    return next(line.rstrip() for line in done.out.splitlines() if line.startswith(f"{name} "))


def test_sends_each_kind_of_request_once(cli: CommandLine) -> None:
    done, bodies = tried(cli)
    assert (done.code, done.err) == (0, "")
    assert "costs a few tokens" in done.out
    assert [line.split()[0] for line in done.out.splitlines()[2:]] == ["message", "stream", "count_tokens", "tool"]
    assert row(done, "message").split()[2] == "200"
    assert row(done, "count_tokens").endswith("9 tokens")
    assert row(done, "tool").endswith("called the tool")
    assert len(bodies) == 4
    assert [body.get("stream", False) for body in bodies] == [False, True, False, False]
    assert bodies[3]["tool_choice"] == {"type": "auto"}
    assert "max_tokens" not in bodies[2]


def test_says_that_the_running_proxy_goes_another_way(cli: CommandLine) -> None:
    with serving(capable()) as url:
        cli.configure(url)
        assert cli("start", environ={"HTTPS_PROXY": "http://proxy.corp:3128"}).code == 0
        done = cli("providers", "test", "minimax")
    assert done.code == 0
    assert "the running proxy takes another way: through the proxy http://proxy.corp:3128" in done.out


def test_an_answer_without_the_tool_is_no_failure(cli: CommandLine) -> None:
    done, _ = tried(cli, tool=json_answer(200))
    assert done.code == 0
    assert row(done, "tool").endswith("answered without the tool")


@pytest.mark.parametrize("which", ["message", "stream"])
def test_fails_without_a_message_or_a_stream(cli: CommandLine, which: str) -> None:
    done, _ = tried(cli, **{which: json_answer(529)})
    assert done.code == 1
    assert "scripted 529" in row(done, which)
    assert f"{which} failed" in done.out


def test_does_not_fail_without_token_counts_or_tools(cli: CommandLine) -> None:
    done, _ = tried(cli, count_tokens=json_answer(404), tool=json_answer(400))
    assert done.code == 0
    assert "not supported; the proxy estimates instead" in row(done, "count_tokens")
    assert "scripted 400" in row(done, "tool")


@pytest.mark.parametrize(
    ("events", "label"),
    [
        (EVENTS[:3], "truncated"),
        ([], "empty"),
        (EVENTS[:1], "truncated"),
        ([{"type": "error", "error": {"type": "overloaded_error", "message": "too busy"}}], "overloaded_error"),
        ([*EVENTS[:3], {"type": "error", "error": {"type": "api_error", "message": "broken"}}], "error"),
    ],
)
def test_fails_if_the_stream_does_not_end_properly(cli: CommandLine, events: list[Any], label: str) -> None:
    done, _ = tried(cli, stream=streaming(events))
    assert done.code == 1
    assert row(done, "stream").split()[2] == label


def test_names_the_variable_of_a_rejected_key_and_never_shows_the_key(cli: CommandLine) -> None:
    error = {"type": "error", "error": {"type": "authentication_error", "message": f"{KEY} is not valid"}}
    done, _ = tried(cli, message=json_answer(401, error), stream=json_answer(401, error))
    assert done.code == 1
    assert "minimax refused the key in MINIMAX_API_KEY (from .env). Replace it there." in row(done, "message")


def test_sends_nothing_without_a_key(cli: CommandLine) -> None:
    cli.home.config.write_text('{"providers": [{"preset": "zai"}, {"preset": "anthropic", "auth": "client"}]}')
    for name, words in [("zai", "ZAI_API_KEY is not set"), ("anthropic", "Claude Code's own login"), ("zia", '"zai"')]:
        for command in ("test", "models"):
            done = cli("providers", command, name)
            assert done.code == 2
            assert words in done.err


# Its own list of models

Ask = Callable[..., tuple[Done, list[Request]]]


def listing(*names: str) -> Script:
    return json_answer(200, {"data": [{"id": name, "object": "model"} for name in names]})


@pytest.fixture
def asked(cli: CommandLine) -> Ask:
    """Ask a provider with some settings for its models; gives what was printed, and the provider's requests."""

    def ask(script: Script, **settings: Any) -> tuple[Done, list[Request]]:
        provider = FakeProvider(script)
        with serving(provider) as url:
            cli.configure(f"{url}/api")
            document = json.loads(cli.home.config.read_text(encoding="utf-8"))
            document["providers"][0] |= settings
            cli.home.config.write_text(json.dumps(document), encoding="utf-8")
            return cli("providers", "models", "minimax"), provider.requests

    return ask


def test_lists_the_models_with_those_that_they_replace(asked: Ask) -> None:
    settings = {"preset": "minimax", "models": {"opus": "big", "haiku": "gone"}}
    done, (request,) = asked(listing("MiniMax-M3", "big", "MiniMax-M2.7", "other"), **settings)
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["MiniMax-M3", "sonnet,", "fable", "yes"],
        ["big", "opus", "-"],
        ["MiniMax-M2.7", "-", "yes"],
        ["other", "-", "-"],
        ["warning:", "gone,", "which", "is", "used", "for", "haiku,", "is", "not", "in", "the", "list."],
    ]
    # a relay has a list of its own; the catalogue's address belongs to another host, which must not get this key
    assert (request.method, request.target) == ("GET", "/api/v1/models")
    assert request.header("authorization") == f"Bearer {KEY}"
    assert request.header("anthropic-version")


def test_warns_if_claudes_own_names_are_used_and_are_not_in_the_list(asked: Ask) -> None:
    warning = "minimax has no models in config.json, so it gets Claude's own names, and none of them is in the list."
    done, _ = asked(listing("glm-5.3"))
    assert f"warning: {warning}\n" in done.out
    done, _ = asked(listing("claude-opus-5-5", "glm-5.3"))
    assert "warning" not in done.out


def test_sends_the_key_in_the_header_that_the_provider_accepts(asked: Ask) -> None:
    _, (request,) = asked(listing("a"), auth="x-api-key")
    assert (request.header("x-api-key"), request.header("authorization")) == (KEY, None)


@pytest.mark.parametrize("status", [404, 405])
def test_says_that_a_provider_has_no_list_of_models(asked: Ask, status: int) -> None:
    done, _ = asked(json_answer(status))
    assert done.code == 1
    assert "minimax has no list of models at http://127.0.0.1" in done.err
    assert f"{status} scripted {status}" in done.err


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (json_answer(401), "minimax refused the key in MINIMAX_API_KEY (from .env): scripted 401\nReplace it there."),
        (json_answer(503), "minimax gave no list of models: 503 scripted 503"),
        (json_answer(200, {"models": []}), "nonsense the answer is no list of models"),
        (json_answer(200, [1]), "nonsense"),
        (json_answer(302), "302"),
    ],
)
def test_says_that_the_answer_is_no_list_of_models(asked: Ask, script: Script, words: str) -> None:
    done, _ = asked(script)
    assert done.code == 1
    assert words in done.err


def test_a_key_that_is_quoted_is_not_repeated(asked: Ask) -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": f"who is {KEY}?"}}
    done, _ = asked(json_answer(500, error))
    assert "who is ***?" in done.err


def test_shows_a_list_safely_and_up_to_a_limit(asked: Ask) -> None:
    names = [f"m{number}" for number in range(600)]
    done, _ = asked(listing("\x1b[31mred", "x" * 5000, *names))
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "x" * 250 not in done.out
    assert "102 more are not shown." in done.out
    assert len(done.out.splitlines()) < 520


def test_says_that_a_provider_cannot_be_reached(cli: CommandLine) -> None:
    cli.configure(f"http://127.0.0.1:{free_port()}")
    done = cli("providers", "models", "minimax")
    assert done.code == 1
    assert "gave no list of models: refused" in done.err
