"""A fault of one provider, or among several, gets one message with the path of its key."""

from __future__ import annotations

import pytest

from config.folder import Folder

GOOD = {"name": "good", "base_url": "https://good.example", "api_key_env": "MINIMAX_API_KEY"}
URL = 'Write it as "https://host/path".'
HOST = 'Write it as "https://host/path", an IPv6 address in brackets.'


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "a b"}, '.name: "a b" is not a name that fits in a URL path (letters, digits, dots, hyphens and '),
        ({"name": "-a"}, '.name: "-a" is not a name that fits in a URL path'),
        ({"name": ".."}, '.name: ".." is not a name that fits in a URL path'),
        ({"name": "a/b"}, '.name: "a/b" is not a name that fits in a URL path'),
        ({"name": "é"}, ".name: this text is not a name that fits in a URL path"),
        ({"name": ""}, '.name: "" is not a name that fits in a URL path'),
        ({"name": "a" * 65}, ".name: this text is not a name that fits in a URL path"),
        (
            {"auth": "Bearer"},
            '.auth: "Bearer" is not "bearer", "x-api-key", "client" or "none". Did you mean "bearer"?',
        ),
        (
            {"auth": None},
            '.auth: null is not "bearer", "x-api-key", "client" or "none". Write one, such as "bearer".',
        ),
        ({"enabled": "no"}, '.enabled: "no" is not true or false. Write true or false, without quotes.'),
        ({"enabled": "false"}, '.enabled: "false" is not true or false. Write it without the quotes.'),
        ({"enabled": 1}, ".enabled: 1 is not true or false. Write true or false, without quotes."),
        ({"models": 1}, '.models: 1 is not a model\'s name or an object of names. Write one, such as "MiniMax-M3".'),
        ({"models": "a b"}, '.models: "a b" is not a model\'s name or an object of names. '),
        ({"models": {"opus": ""}}, '.models.opus: "" is not a model\'s name of printable ASCII without spaces. '),
        ({"models": {"opsu": "x"}}, '.models.opsu: is an unknown key. Did you mean "opus"?'),
        (
            {"timeouts": {"connect": "5"}},
            '.timeouts.connect: "5" is not a number of seconds above 0 and up to 86400. Write it',
        ),
        (
            {"api_key": "abc"},
            (
                ".api_key: keys do not belong in this file. Put the key into .env, as in MINIMAX_API_KEY=<key>, "
                'and name that variable in "api_key_env".'
            ),
        ),
        ({"apiKey": "abc"}, ".apiKey: keys do not belong in this file. "),
        ({"auth_token": "abc"}, ".auth_token: keys do not belong in this file. "),
        ({"api_key_evn": "X"}, '.api_key_evn: is an unknown key. Did you mean "api_key_env"?'),
        (
            {"api_key_env": "sk-abcdef"},
            (
                ".api_key_env: is not the name of a variable (it is not shown, since it may be a key). Put the key "
                "into .env, as in RELAY_API_KEY=<key>, and write that name here."
            ),
        ),
        ({"api_key_env": ""}, ".api_key_env: is not the name of a variable"),
        ({"api_key_env": "MY KEY"}, ".api_key_env: is not the name of a variable"),
        ({"api_key_env": "$MINIMAX_API_KEY"}, ".api_key_env: is not the name of a variable"),
        ({"api_key_env": "f3a9c1d87e6b4052f3a9c1d87e6b4052"}, ".api_key_env: is not the name of a variable"),
        (
            {"preset": "minimxa"},
            (
                '.preset: "minimxa" is not a known preset. Did you mean "minimax"? '
                "The command `claude-proxy providers --all` lists them."
            ),
        ),
        ({"preset": "qqq"}, '.preset: "qqq" is not a known preset. The command '),
    ],
)
def test_says_what_is_wrong_with_a_providers_setting(home: Folder, settings: dict[str, object], message: str) -> None:
    (found,) = home.faults({"providers": [GOOD | settings]})
    assert found.startswith(f"config.json: providers[0]{message}")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base_url": "ftp://x"}, f'.base_url: "ftp://x" is not an http or https address. {URL}'),
        ({"base_url": "api.x.ai"}, f'.base_url: "api.x.ai" is not an http or https address. {URL}'),
        ({"base_url": ""}, f'.base_url: "" is not an http or https address. {URL}'),
        ({"base_url": "https://"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://a b"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://-.x"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://é.x"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://127.1"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://[a]"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://::1"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://[1::2"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://[10.0.0.1]"}, f".base_url: has no valid host name. {HOST}"),
        ({"base_url": "https://x:0"}, ".base_url: has a port out of range. Write a port from 1 to 65535, or none."),
        ({"base_url": "https://x:99999999"}, ".base_url: has a port out of range. "),
        ({"base_url": "https://x:y"}, f".base_url: has no valid host name. {HOST}"),
        (
            {"base_url": "https://u:p@x"},
            ".base_url: has a user name or a password in it. Remove it: a key belongs into .env.",
        ),
        ({"base_url": "https://x/?a=b"}, '.base_url: has a query or a fragment. Remove what begins at the "?" or "#".'),
        ({"base_url": "https://x#a"}, '.base_url: has a query or a fragment. Remove what begins at the "?" or "#".'),
        ({"base_url": "https://x/a b"}, f".base_url: has a path with characters that no address may have. {URL}"),
        ({"base_url": "https://x\\y"}, f".base_url: has a path with characters that no address may have. {URL}"),
        ({"base_url": "https://x/\n"}, ".base_url: has a line break or another control character. Remove it."),
        (
            {"base_url": "http://api.minimax.io/anthropic"},
            (
                ".base_url: is http:// to a public host, which would send the key and the prompts unencrypted. "
                'Write https://, or add the host to "allow_http_hosts".'
            ),
        ),
        ({"base_url": "http://8.8.8.8"}, ".base_url: is http:// to a public host"),
        ({"base_url": "http://[::ffff:8.8.8.8]"}, ".base_url: is http:// to a public host"),
        ({"base_url": "http://relay"}, ".base_url: is http:// to a public host"),
        ({"base_url": 5}, ".base_url: 5 is not a text. Write a text, in quotes."),
    ],
)
def test_says_why_an_address_cannot_be_used(home: Folder, settings: dict[str, object], message: str) -> None:
    (found,) = home.faults({"providers": [GOOD | settings]})
    assert found.startswith(f"config.json: providers[0]{message}")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"headers": []}, '.headers: this is not an object. Write one, such as {"X-Team": "blue"}.'),
        ({"headers": {"X-A": 5}}, ".headers.X-A: this is not a text. Write a text, in quotes."),
        ({"headers": {"X-A": "a\r\nb"}}, ".headers.X-A: has a line break or another control character. Remove it."),
        ({"headers": {"X-A": "a\x00b"}}, ".headers.X-A: has a line break or another control character. Remove it."),
        ({"headers": {"X-A": "a…"}}, ".headers.X-A: has a character that no header may have. Write it in ASCII."),
        ({"headers": {"X A": "a"}}, ".headers.X A: is not the name of a header. Write letters, digits and hyphens."),
        ({"headers": {"": "a"}}, ".headers.: is not the name of a header. Write letters, digits and hyphens."),
        ({"headers": {"Host": "a"}}, ".headers.Host: is set by claude-proxy itself. Remove it."),
        ({"headers": {"Content-Length": "1"}}, ".headers.Content-Length: is set by claude-proxy itself. Remove it."),
        ({"headers": {"connection": "close"}}, ".headers.connection: is set by claude-proxy itself. Remove it."),
        ({"headers": {"TE": "x"}}, ".headers.TE: is set by claude-proxy itself. Remove it."),
        (
            {"headers": {"Authorization": "Bearer x"}},
            (
                ".headers.Authorization: is set from the provider's key. Remove it, and name the variable that "
                'holds the key in "api_key_env".'
            ),
        ),
        ({"headers": {"X-Api-Key": "x"}}, ".headers.X-Api-Key: is set from the provider's key. "),
        (
            {"headers": {"x-a": "a", "X-A": "b"}},
            ".headers.X-A: is written twice, with different upper and lower case. ",
        ),
        (
            {"headers": {"X-A": "a", "x-a": "b"}},
            ".headers.x-a: is written twice, with different upper and lower case. ",
        ),
    ],
)
def test_says_why_a_header_cannot_be_sent(home: Folder, settings: dict[str, object], message: str) -> None:
    (found,) = home.faults({"providers": [GOOD | settings]})
    assert found.startswith(f"config.json: providers[0]{message}")


@pytest.mark.parametrize("name", ["OPENROUTER_API_KEY_2", "KEY", "_k", "MONKEYJAR_API_KEY", "openrouter_api_key_2"])
def test_does_not_mistake_the_name_of_a_variable_for_a_key(home: Folder, name: str) -> None:
    config = home.loads({"providers": [GOOD | {"api_key_env": name}]}, environ={name: "abc"})
    assert config.providers[0].api_key_env == name


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        (
            {},
            ['base_url: is missing. Write it as "https://host/path", or name a preset, such as "preset": "minimax".'],
        ),
        (
            {"name": "deepsek"},
            ['base_url: is missing. Write it as "https://host/path", or name a preset, such as "preset": "deepseek".'],
        ),
        (
            {"base_url": "https://relay.example"},
            [
                (
                    "name: is missing, and the catalogue does not know this address. Give it a name, such as "
                    '"name": "relay".'
                ),
                (
                    "api_key_env: is missing, and the catalogue does not know this address. Name the variable that "
                    'holds the key, such as "api_key_env": "RELAY_API_KEY".'
                ),
            ],
        ),
    ],
)
def test_asks_for_what_the_catalogue_does_not_have(home: Folder, given: object, messages: list[str]) -> None:
    found = home.faults({"providers": [given]})
    assert [message.removeprefix("config.json: providers[0].") for message in found][: len(messages)] == messages


def test_says_that_a_presets_address_has_a_placeholder(home: Folder) -> None:
    assert home.faults({"providers": [{"preset": "bedrock-mantle"}]}) == [
        (
            "config.json: providers[0].base_url: is missing, and the address of bedrock-mantle holds your own "
            '{region}. Write "base_url": "https://bedrock-mantle.{region}.api.aws/anthropic" with it filled in.'
        )
    ]


def test_rejects_two_names_that_differ_only_in_case(home: Folder) -> None:
    providers = [GOOD, {"preset": "minimax"}, GOOD | {"name": "Good"}, {"preset": "minimax", "enabled": False}]
    fix = 'Give each provider a "name" of its own.'
    assert home.faults({"providers": providers}) == [
        f'config.json: providers[2].name: "Good" is also the name of providers[0]. {fix}',
        f'config.json: providers[3].name: "minimax" is also the name of providers[1]. {fix}',
    ]


def test_names_each_variable_and_its_file_if_no_provider_has_a_key(home: Folder) -> None:
    providers = [
        {"preset": "minimax"},
        {"preset": "minimax-cn"},
        {"preset": "zai"},
        {"preset": "moonshot", "enabled": False},
    ]
    assert home.faults({"providers": [*providers]}, env=None) == [
        (
            "config.json: providers: no provider has its key (MINIMAX_API_KEY, ZAI_API_KEY not set). "
            f"Write MINIMAX_API_KEY=<key> into {home.path / '.env'}, or set it in the environment."
        )
    ]


def test_rejects_only_disabled_providers(home: Folder) -> None:
    assert home.faults({"providers": [GOOD | {"enabled": False}]}) == [
        'config.json: providers: all providers are disabled. Remove "enabled": false from at least one.'
    ]
