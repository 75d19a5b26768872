"""A key as users paste it: what is around it goes with a word, what is no key is rejected, and neither is repeated."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.config.pasted_key import MAX_KEY, InvalidKey, PastedKey, describe, read_key
from config.folder import Folder

KEY = "sk-4Jd81kQm2xV7Lp0aZs"

AROUND = [
    "{},", "{};", '"{}"', "'{}'", "`{}`", "\u201c{}\u201d", "\u2018{}\u2019", '"{}",', "{}'", "<{}>", "[{}]",
    "MINIMAX_API_KEY={}", "export MINIMAX_API_KEY='{}'", "set MINIMAX_API_KEY={}", "setx MINIMAX_API_KEY {}",
    "set -gx MINIMAX_API_KEY {}", '$env:MINIMAX_API_KEY = "{}"', '"MINIMAX_API_KEY": "{}",', "MINIMAX_API_KEY: {}",
    '{{"apiKey": "{}"}}', "OTHER_KEY=Bearer {}", "Bearer {}", "bearer  {}", "Authorization: Bearer {}",
    "-H 'x-api-key: {}'", '--header "Authorization: Bearer {}"', "-e MINIMAX_API_KEY={}", "{} # mine",
    "const key = '{}';",
]  # fmt: skip


@pytest.mark.parametrize("form", AROUND)
def test_what_is_around_a_key_is_left_out_with_a_word(form: str) -> None:
    found = read_key(f" {form.format(KEY)}\n")
    assert isinstance(found, PastedKey)
    assert found.key == KEY
    assert found.note.startswith("Not part of the key, and left out: ")
    assert KEY not in found.note + repr(found)


@pytest.mark.parametrize("form", ["{}", " {}\r\n", "\ufeff{}", "{}\u200b ", "\u00a0{}\u00a0"])
def test_blanks_and_invisible_characters_around_a_key_go_without_a_word(form: str) -> None:
    assert read_key(form.format(KEY)) == PastedKey(KEY)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        *[(text, "is a placeholder") for text in (
            "your-key", "YOUR_KEY", "<your key>", "<api-key>", "yourApiKey", "yourapikeyhere", "sk-your-key", "{key}",
            "sk-xxxx", "xxxxxxxx", "sk-ant-api03-XXXXXXXXXXXX", "sk-abcxxxxxxxx", "paste-key-here", "change_me",
            "api-key", "MINIMAX_API_KEY=your-key", "'your-key-1'", "sk-",
        )],
        *[(text, "refers to a key that is kept elsewhere") for text in (
            "$MINIMAX_API_KEY", "${MINIMAX_API_KEY}", "$env:MINIMAX_API_KEY", "%MINIMAX_API_KEY%",
            "op://vault/minimax/key", "https://platform.example/keys", "file:///run/secrets/key",
            "arn:aws:secretsmanager:eu-west-1:1:secret:k", "{{ secrets.MINIMAX }}", "!secret minimax", "NAME=$OTHER",
            "env:MINIMAX_API_KEY", "$(pass show minimax)", "vault:secret/minimax",
        )],
        *[(text, "is the name of a variable") for text in (
            "MINIMAX_API_KEY", "process.env.MINIMAX_API_KEY", "os.environ['MINIMAX_API_KEY']", "MINIMAX_API_KEY=",
        )],
        *[(text, "is a shortened or hidden form") for text in (
            "sk-\u2026abc", "sk-...abc", "sk-4Jd8****aZs", "\u2022\u2022\u2022\u2022", "***", "sk-4Jd8...",
        )],
        *[(text, "has a space, a control character or one that is not ASCII") for text in (
            "sk-4Jd8 1kQm", "sk-4Jd8\n1kQm", "schl\u00fcssel", "sk-\u00a01", "sk-4\u200bJd8", f"{KEY} {KEY}", "a\x00b",
        )],
        *[(text, "is empty") for text in ("", " \n", '""', "','")],
        ("k" * (MAX_KEY + 1), "is too long for a key"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_rejected_and_not_repeated(text: str, what: str) -> None:
    found = read_key(text)
    assert isinstance(found, InvalidKey)
    assert found.what.startswith(what)
    assert len(text) < 7 or text not in found.what + found.fix


@pytest.mark.parametrize(
    "key",
    ["sk-1", "key", "ollama", "lm-studio", "not-needed", "dummy", "sk-1234", "abcdEFGH1234==", "f3a9.Qm2x", "a=b",
     "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "9b1c:77af", "k" * MAX_KEY],
)  # fmt: skip
def test_a_plain_key_stays_as_it_is(key: str) -> None:
    found = read_key(key)
    assert isinstance(found, PastedKey)
    assert key.endswith(found.key)
    assert key == "a=b" or (found.key, found.note) == (key, "")


@given(st.text(string.ascii_letters + string.digits, min_size=20, max_size=60), st.sampled_from(["", "sk-", "ms-"]))
def test_no_random_key_is_changed_or_rejected(text: str, prefix: str) -> None:
    if "xxx" not in text.lower() and not text.lower().startswith("your") and any(map(str.isdigit, text)):
        assert read_key(prefix + text) == PastedKey(prefix + text)


@given(st.text(max_size=60))
def test_any_text_is_read_to_an_end(text: str) -> None:
    assert isinstance(read_key(text), PastedKey | InvalidKey)


@pytest.mark.parametrize("unit", ["'", "((", "A=", "Bearer ", "-H ", "a:", " #", "\u200b ", "*", "x", "$", "-e "])
def test_a_long_nasty_text_is_read_at_once(unit: str) -> None:
    read_key(unit * (MAX_KEY // len(unit)))


def test_describes_a_key_by_its_length_and_end_and_a_short_one_by_its_length() -> None:
    assert describe(KEY) == f"{len(KEY)} characters, ending in aZs"[:-3] + KEY[-4:]
    assert describe("sk-1234") == "7 characters"


GOOD = {"name": "good", "base_url": "https://good.example", "api_key_env": "MINIMAX_API_KEY"}


@pytest.mark.parametrize("key", ["your-key", "sk-...abc", "op://vault/key", "$OTHER_KEY"])
def test_a_configuration_with_such_a_key_warns_with_the_variable_and_its_place(home: Folder, key: str) -> None:
    start = "MINIMAX_API_KEY: the key in it "
    config = home.loads({"providers": [GOOD]}, env=f"MINIMAX_API_KEY='{key}'")
    assert [text for text in config.warnings if text.startswith(f".env: {start}") and key not in text]
    config = home.loads({"providers": [GOOD]}, environ={"MINIMAX_API_KEY": key})
    assert [text for text in config.warnings if text.startswith(f"environment: {start}") and key not in text]


@pytest.mark.parametrize("key", ["<your key>", "sk-\u2026abc", "$(pass show minimax)"])
def test_a_configuration_with_a_key_that_no_header_can_hold_is_not_used(home: Folder, key: str) -> None:
    (fault,) = home.faults({"providers": [GOOD]}, env=f"MINIMAX_API_KEY='{key}'")
    assert fault.startswith(".env: MINIMAX_API_KEY: the key in it ")


@pytest.mark.parametrize("form", ["{},", '"\u201c{}\u201d"', "'Bearer {}'", "MINIMAX_API_KEY={}"])
def test_a_configuration_takes_a_key_without_what_is_around_it_and_warns(home: Folder, form: str) -> None:
    config = home.loads({"providers": [GOOD]}, env=f"MINIMAX_API_KEY={form.format(KEY)}\n")
    assert config.providers[0].api_key == KEY
    assert [warning for warning in config.warnings if warning.startswith(".env: MINIMAX_API_KEY: Not part of the key")]


def test_a_bad_key_is_a_warning_if_another_variable_holds_a_good_one(home: Folder) -> None:
    env = f"ZAI_API_KEY={KEY}\nGLM_API_KEY=your-key\n"
    config = home.loads({"providers": [{"preset": "zai"}]}, env=env)
    assert config.providers[0].api_key == KEY
    assert any(warning.startswith(".env: GLM_API_KEY: the key in it is a placeholder") for warning in config.warnings)
