"""Each fault of the configuration gets one message: where it is, what is wrong, how to fix it."""

from __future__ import annotations

import os

import pytest

from claude_proxy.config import document
from claude_proxy.config.load import ConfigError, Problem, load
from config.folder import Folder

GOOD = {"name": "good", "base_url": "https://good.example", "api_key_env": "MINIMAX_API_KEY"}
EXAMPLE = "Write it as config.example.json shows."
PROXY = 'config.json: proxy_url: is not the address of an HTTP proxy. Write it as "http://host:port".'


def general(home: Folder, **settings: object) -> list[str]:
    return home.faults({"providers": [GOOD], **settings})


def test_a_problem_is_one_line_with_or_without_a_key() -> None:
    assert str(Problem("config.json", "host", "is bad", "Mend it.")) == "config.json: host: is bad. Mend it."
    assert str(Problem(".env", "", "is bad", "Mend it.")) == ".env: is bad. Mend it."


def test_says_what_to_copy_if_the_file_is_missing(home: Folder) -> None:
    with pytest.raises(ConfigError) as caught:
        load(home.path / "absent", {})
    assert [str(problem) for problem in caught.value.problems] == [
        (
            f"config.json: there is no such file in {home.path / 'absent'}. "
            "Copy config.example.json there as config.json and name your providers in it, or let "
            "`claude-proxy providers add NAME` make it."
        )
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"is empty. {EXAMPLE}"),
        (" \n", f"is empty. {EXAMPLE}"),
        ("[]", 'is not an object. Begin the file with "{" and end it with "}", as config.example.json does.'),
        (
            '{"a": 1,\n}',
            "is not JSON at line {}: there is a comma before the end of a list or object. Remove that comma.",
        ),
        (
            '{"a": [1 , ]}',
            "is not JSON at line {}: there is a comma before the end of a list or object. Remove that comma.",
        ),
        ('{\n  /* why\n  "a": 1}', 'is not JSON at line {}: a comment that does not end. End it with "*/".'),
        ('{"a": 1 # why\n}', 'is not JSON at line {}: a comment. Begin it with "//".'),
        (
            '{"a": 1, // why\n}',
            "is not JSON at line {}: there is a comma before the end of a list or object. Remove that comma.",
        ),
        ("// nothing but this", f"is empty. {EXAMPLE}"),
        ("{'a': 1}", "is not JSON at line {}: a text in single quotes. Write it in double quotes."),
        (
            '{"a": 1\n "b": 2}',
            "is not JSON at line {}: a comma or a closing bracket is missing before it. Add it.",
        ),
        ("[" * 100_000, f"nests too deeply. {EXAMPLE}"),
        ('{"a":' * 3_000 + "1" + "}" * 3_000, f"nests too deeply. {EXAMPLE}"),
    ],
)
def test_says_where_a_text_is_no_json_object(home: Folder, text: str, message: str) -> None:
    (found,) = home.faults(text)
    before, place, after = message.partition("{}")
    assert found.startswith(f"config.json: {before}")
    assert found.endswith(after if place else before)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  "a": nothing\n}', "line 2, column 8"),
        ('{\n  "a": 1\n  "b": 2}', "line 3, column 3"),
        ('{"providers": [],\n  # why\n}', "line 2, column 3"),
        ('{"a": "b\n"}', "line 1, column 9"),
        ('{ // one\n  /* two\n */ "a": nothing\n}', "line 3, column 10"),
        ('{"a": "//", "b": "/*", "c\\"": nothing, "*/": 1}', "line 1, column 31"),
    ],
)
def test_names_the_line_and_column_of_a_syntax_error(home: Folder, text: str, place: str) -> None:
    (found,) = home.faults(text)
    assert found.startswith(f"config.json: is not JSON at {place}")


def test_says_how_to_fix_an_unusual_mistake(home: Folder) -> None:
    (found,) = home.faults('{"a": nothing}')
    assert (
        found == "config.json: is not JSON at line 1, column 7 (expecting value). Compare it with config.example.json."
    )


def test_names_the_path_of_a_repeated_key(home: Folder) -> None:
    text = '{"providers": [{"preset": "minimax", "name": "a", "name": "b"}], "host": "::1", "host": "::1"}'
    assert home.faults(text) == [
        "config.json: host: is written twice. Keep one of the two.",
        "config.json: providers[0].name: is written twice. Keep one of the two.",
    ]


@pytest.mark.parametrize("file", ["config.json", ".env"])
def test_rejects_a_file_in_another_encoding(home: Folder, file: str) -> None:
    home.write({"providers": [GOOD]})
    (home.path / file).write_bytes("MINIMAX_API_KEY=abc".encode("utf-16"))
    with pytest.raises(ConfigError) as caught:
        load(home.path, {})
    assert [str(problem) for problem in caught.value.problems] == [f"{file}: is not UTF-8 text. Save it as UTF-8."]


@pytest.mark.parametrize("file", ["config.json", ".env"])
def test_rejects_a_file_that_is_too_large(home: Folder, file: str) -> None:
    home.write({"providers": [GOOD]})
    path = home.path / file
    path.write_bytes(path.read_bytes() + b"\n" * document.MAX_FILE_BYTES)
    with pytest.raises(ConfigError) as caught:
        load(home.path, {})
    assert [str(problem) for problem in caught.value.problems] == [
        f"{file}: is larger than 1 MiB. Remove what does not belong there."
    ]


@pytest.mark.parametrize("file", ["config.json", ".env"])
def test_says_that_a_file_cannot_be_read(home: Folder, file: str) -> None:
    home.write({"providers": [GOOD]})
    path = home.path / file
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError) as caught:
        load(home.path, {})
    (problem,) = caught.value.problems
    assert (problem.file, problem.key) == (file, "")
    assert problem.what.startswith("cannot be read (")
    assert problem.fix == f"Make {path} a file that you may read."


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such file")
@pytest.mark.parametrize("file", ["config.json", ".env"])
def test_rejects_a_device(home: Folder, file: str) -> None:
    home.write({"providers": [GOOD]})
    path = home.path / file
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ConfigError) as caught:
        load(home.path, {})
    assert [str(problem) for problem in caught.value.problems] == [
        f"{file}: is no regular file. Make {path} a file with text in it."
    ]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom a file's mode can stop")
def test_says_that_an_env_file_of_another_user_cannot_be_read(home: Folder) -> None:
    home.write({"providers": [GOOD]})
    (home.path / ".env").chmod(0)
    with pytest.raises(ConfigError, match=r"^\.env: cannot be read \(Permission denied\)\. "):
        load(home.path, {})


def test_accepts_a_byte_order_mark(home: Folder) -> None:
    assert home.loads('\ufeff{"providers": [{"preset": "minimax"}]}').providers


NONE = 'config.json: providers: there are none. Add at least one, such as "providers": [{"preset": "minimax"}].'


@pytest.mark.parametrize("config", [{}, {"providers": []}])
def test_asks_for_at_least_one_provider(home: Folder, config: object) -> None:
    assert home.faults(config) == [NONE]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"providers": "minimax"}, 'providers: "minimax" is not a list of providers. '),
        ({"providers": {"name": "x"}}, "providers: an object is not a list of providers. "),
        ({"providers": None}, "providers: null is not a list of providers. "),
        ({"providers": [3]}, 'providers[0]: 3 is not an object. Write one, such as {"preset": "minimax"}.'),
        ({"proxy_port": 0}, "proxy_port: 0 is not a whole number from 1 to 65535. Write one, such as 8787."),
        ({"proxy_port": 65536}, "proxy_port: 65536 is not a whole number from 1 to 65535. Write one, such as 8787."),
        ({"proxy_port": -1}, "proxy_port: -1 is not a whole number from 1 to 65535. Write one, such as 8787."),
        ({"proxy_port": 1.5}, "proxy_port: 1.5 is not a whole number from 1 to 65535. Write one, such as 8787."),
        ({"proxy_port": True}, "proxy_port: true is not a whole number from 1 to 65535. Write one, such as 8787."),
        ({"proxy_port": "80"}, 'proxy_port: "80" is not a whole number from 1 to 65535. Write it without the quotes.'),
        ({"proxy_port": "0"}, 'proxy_port: "0" is not a whole number from 1 to 65535. Write one, such as 8787.'),
        ({"proxy_port": 10**50}, "proxy_port: 1e+50 is not a whole number"),
        (
            {"cooldown_minutes": -1},
            "cooldown_minutes: -1 is not a number of minutes from 0 to 10080. Write one, such as 30.",
        ),
        ({"cooldown_minutes": 1e9}, "cooldown_minutes: 1000000000.0 is not a number of minutes from 0 to 10080. "),
        ({"cooldown_minutes": []}, "cooldown_minutes: a list is not a number of minutes"),
        ({"host": 1}, "host: 1 is not a text. Write a text, in quotes."),
        (
            {"host": "a b"},
            'host: "a b" is not an IP address or a host name. Write one without scheme and port, such as',
        ),
        ({"host": "127.0.0.1:80"}, 'host: "127.0.0.1:80" is not an IP address or a host name. '),
        ({"host": "127.0.0"}, 'host: "127.0.0" is not an IP address or a host name. '),
        ({"host": ""}, 'host: "" is not an IP address or a host name. '),
        ({"host": "\ud800"}, "host: has a line break or another control character. Remove it."),
        ({"proxy_port": "\ud800"}, "proxy_port: has a line break or another control character. Remove it."),
        ({"proxy_port": "[" * 9999}, "proxy_port: this text is not a whole number from 1 to 65535. Write one, such as"),
        ({"host": "::1\n"}, "host: has a line break or another control character. Remove it."),
        ({"retry_statuses": 429}, "retry_statuses: 429 is not a list. Write one, such as [429, 500]."),
        (
            {"retry_statuses": [399]},
            "retry_statuses[0]: 399 is not an HTTP status from 400 to 599. Write one, such as 429.",
        ),
        ({"retry_statuses": [429, 600]}, "retry_statuses[1]: 600 is not an HTTP status from 400 to 599. "),
        ({"max_body_mb": 0}, "max_body_mb: 0 is not a number of megabytes from 0.01 to 1024. Write one, such as 10."),
        ({"timeouts": 5}, 'timeouts: 5 is not an object. Write one, such as {"connect": 10}.'),
        ({"timeouts": {"stall": 0}}, "timeouts.stall: 0 is not a number of seconds above 0 and up to 86400. "),
        ({"timeouts": {"stall": -0.5}}, "timeouts.stall: -0.5 is not a number of seconds above 0 and up to 86400. "),
        ({"timeouts": {"stal": 1}}, 'timeouts.stal: is an unknown key. Did you mean "stall"?'),
        ({"ping_after_seconds": -5}, "ping_after_seconds: -5 is not a number of seconds from 0 to 86400. "),
        (
            {"log_level": "warn"},
            'log_level: "warn" is not "debug", "info", "warning" or "error". Did you mean "warning"?',
        ),
        ({"log_level": "x"}, 'log_level: "x" is not "debug", "info", "warning" or "error". Write one, such as "info".'),
        ({"allow_http_hosts": [1]}, "allow_http_hosts[0]: 1 is not a text. Write a text, in quotes."),
        (
            {"allow_http_hosts": ["relay.example", "http://x"]},
            (
                'allow_http_hosts[1]: "http://x" is not an IP address or a host name. '
                'Write one without scheme and port, such as "relay.example".'
            ),
        ),
        (
            {"allowed_hosts": ["devbox.example", "devbox.example:8787"]},
            (
                'allowed_hosts[1]: "devbox.example:8787" is not an IP address or a host name. '
                'Write one without scheme and port, such as "devbox.example".'
            ),
        ),
        ({"allow_http_hosts": "a"}, 'allow_http_hosts: "a" is not a list. Write one, such as ["relay.example"].'),
        ({"cooldown_minuts": 1}, 'cooldown_minuts: is an unknown key. Did you mean "cooldown_minutes"?'),
        ({"Proxy_Port": 1}, 'Proxy_Port: is an unknown key. Did you mean "proxy_port"?'),
        ({"zzz": 1}, "zzz: is an unknown key. Remove it; the keys known here are $schema, proxy_port, providers, "),
        ({"$schema": 1}, "$schema: 1 is not a text. Write a text, in quotes."),
    ],
)
def test_says_what_is_wrong_with_a_general_setting(home: Folder, settings: dict[str, object], message: str) -> None:
    (found,) = general(home, **settings)
    assert found.startswith(f"config.json: {message}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_rejects_numbers_outside_every_range(home: Folder, number: str) -> None:
    (found,) = home.faults('{"providers": [{"preset": "minimax"}], "cooldown_minutes": ' + number + "}")
    assert found.endswith(" is not a number of minutes from 0 to 10080. Write one, such as 30.")


@pytest.mark.parametrize(
    "url", ["https://proxy:1", "socks5://proxy", "proxy:3128", "http://", "http://p:0", "http://p/x"]
)
def test_rejects_a_proxy_that_is_no_http_proxy(home: Folder, url: str) -> None:
    assert general(home, proxy_url=url) == [PROXY]


def test_reports_all_faults_of_both_files_at_once(home: Folder) -> None:
    first = {"base_url": "ftp://x", "timeouts": {"stall": -1}}
    config = {"prot": 1, "proxy_port": 0, "host": "a b", "proxy_url": "x", "providers": [first, GOOD | {"models": 1}]}
    found = home.faults(config, env="nonsense\nMINIMAX_API_KEY=a")
    assert [message.split(": ")[1] for message in found] == [
        "line 1",
        "prot",
        "proxy_port",
        "providers[0].timeouts.stall",
        "providers[1].models",
        "host",
        "proxy_url",
        "providers[0].base_url",
    ]
