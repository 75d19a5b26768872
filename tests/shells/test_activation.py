"""The variables of a terminal's mode, as values."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.activation import (
    BASE_URL,
    BYPASS_VARIABLES,
    DISCOVERY,
    HEADERS,
    HINTS,
    MANAGED,
    NO_PROXY_NAMES,
    TIMEOUT,
    TOKEN,
    TOOL_SEARCH,
    UNEXPORTED,
    UNIVERSAL,
    WINDOW,
    Activation,
    Change,
    activate,
    activated_environment,
    apply_changes,
    deactivate,
    lacks_shell_part,
    not_restored,
    original_environment,
    readonly,
)
from claude_proxy.cli.shell.saved import SAVED, SAVED_SHELL, SECRETS, Scope, Variable
from claude_proxy.core.client_requirements import ClientRequirements

URL = "http://127.0.0.1:8787"
NEEDS = ClientRequirements(timeout_ms=3_000_000, window=262_144, tool_search=False, models=("kimi-k3",))
TO = Activation(URL, "127.0.0.1", "token", None, NEEDS)
PINNED = Activation(URL, "127.0.0.1", "token", "moonshot", ClientRequirements())
BY_LOGIN = Activation(URL, "127.0.0.1", "token", None, ClientRequirements(own_login=True))
OUR_LINE = "x-claude-proxy-token: token"

values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
environments = st.dictionaries(st.sampled_from([*MANAGED, "PATH", "HTTPS_PROXY"]), values)


ways = st.sampled_from([TO, PINNED, BY_LOGIN])
headers = st.lists(
    st.sampled_from(["X-Team: blue", OUR_LINE, "X-Claude-Proxy-Token:old", "", "x: \r", "y"]), max_size=4
)
environments = st.tuples(environments, st.none() | headers.map("\n".join)).map(
    lambda made: made[0] if made[1] is None else {**made[0], HEADERS: made[1]}
)


def typed(environ: dict[str, str], changes: tuple[Change, ...]) -> dict[str, str]:
    """Return what the shell's function shows the program after these steps: the unexported variables too."""
    own = {one.name: one.variable.value for one in changes if one.variable and one.variable.scope is Scope.SHELL}
    return {**apply_changes(environ, changes), **own}


@given(environments, st.lists(ways, min_size=1, max_size=4))
@settings(max_examples=300)
def test_every_activation_can_be_undone(before: dict[str, str], ways: list[Activation]) -> None:
    environ = before
    for way in ways:
        environ = typed(environ, activate(environ, way))
    assert apply_changes(environ, deactivate(environ)) == before
    assert original_environment(environ) == before
    assert not_restored(environ, universal=False) == ()


@given(environments, ways, ways)
def test_an_earlier_activation_makes_no_difference(before: dict[str, str], one: Activation, other: Activation) -> None:
    direct = typed(before, activate(before, other))
    by_detour = typed(before, activate(before, one))
    by_detour = typed(by_detour, activate(by_detour, other))
    for environ in (direct, by_detour):  # what is kept may name more, unset, variables
        environ.pop(SAVED)
        environ.pop(SAVED_SHELL, None)
    assert by_detour == direct


@given(environments, st.lists(ways, min_size=1, max_size=3), st.lists(ways, max_size=2))
@settings(max_examples=300)
def test_a_shell_below_restores_all_but_secrets(
    before: dict[str, str], ways: list[Activation], below: list[Activation]
) -> None:
    environ = before
    for way in ways:
        environ = typed(environ, activate(environ, way))
    environ = {name: value for name, value in environ.items() if name != SAVED_SHELL}  # a program is not told
    for way in below:
        environ = typed(environ, activate(environ, way))
    after, lost = apply_changes(environ, deactivate(environ)), not_restored(environ, universal=False)
    assert set(lost) <= SECRETS | {BASE_URL}
    assert not set(lost) & set(after)
    rest = {*lost, HEADERS}  # the headers are restored from those that Claude Code is sent, in their usual form
    assert {n: v for n, v in after.items() if n not in rest} == {n: v for n, v in before.items() if n not in rest}


SECRET = "sk-own-0f1e2d3c4b5a"


@pytest.mark.parametrize("way", [TO, PINNED, BY_LOGIN], ids=["all", "pinned", "login"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANTHROPIC_API_KEY", SECRET),
        (TOKEN, SECRET),
        (BASE_URL, f"https://me:{SECRET}@gateway.example"),
        (BASE_URL, f"https://gateway.example/?key={SECRET}"),
    ],
)
def test_programs_are_not_shown_a_secret_that_is_overridden(way: Activation, name: str, value: str) -> None:
    environ = {name: value, TIMEOUT: "1"}
    for _ in range(2):
        environ = typed(environ, activate(environ, way))
        below = {name: value for name, value in environ.items() if name != SAVED_SHELL}
        if (name, way) != (TOKEN, BY_LOGIN):
            assert not_restored(below, universal=False) == (name,)
        assert SECRET not in str(below)
        assert SECRET.encode() not in urlsafe_b64decode(below[SAVED])
    started = activated_environment(environ, way)
    assert not {SAVED, SAVED_SHELL} & set(started)
    assert SECRET not in str(started)


def test_headers_of_the_users_are_restored_from_those_beside_ours_in_a_shell_below() -> None:
    before = {HEADERS: "X-Team: blue\nX-Key: of mine"}
    environ = apply_changes(before, activate(before, BY_LOGIN))
    assert not_restored(environ, universal=False) == ()
    assert apply_changes(environ, deactivate(environ)) == before
    again = apply_changes(environ, activate(environ, PINNED))
    assert again[HEADERS] == before[HEADERS]


def test_a_key_that_was_set_again_in_a_shell_below_stays() -> None:
    environ = apply_changes({"ANTHROPIC_API_KEY": SECRET}, activate({"ANTHROPIC_API_KEY": SECRET}, TO))
    environ["ANTHROPIC_API_KEY"] = "newer"
    environ = typed(environ, activate(environ, TO))
    assert apply_changes(environ, deactivate(environ)) == {"ANTHROPIC_API_KEY": "newer"}


def test_a_universal_key_needs_no_value_to_be_shown_again_in_fish() -> None:
    before = {UNIVERSAL: "ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY": SECRET}
    environ = apply_changes(before, activate(before, TO))
    assert not_restored(environ, universal=True) == ()
    assert not_restored(environ, universal=False) == ("ANTHROPIC_API_KEY",)


def test_asks_for_what_only_the_shell_knows_once_and_only_if_it_matters() -> None:
    key = {"ANTHROPIC_API_KEY": SECRET}
    led_by_key = apply_changes(key, activate(key, TO))
    assert lacks_shell_part(led_by_key)
    assert not lacks_shell_part({**led_by_key, SAVED_SHELL: ""})
    assert not lacks_shell_part({**led_by_key, UNEXPORTED: ""})
    assert not lacks_shell_part(apply_changes({}, activate({}, TO)))
    assert not lacks_shell_part({})


def test_names_the_readonly_variables_that_are_to_change() -> None:
    fixed = {activation.READONLY: f"{BASE_URL} {DISCOVERY} ANTHROPIC_API_KEY {TIMEOUT} PATH", DISCOVERY: "1"}
    environ = {**fixed, BASE_URL: "https://gateway.example", TIMEOUT: "9000000"}
    assert readonly(environ, activate(environ, TO)) == (BASE_URL,)
    assert readonly({}, activate({}, TO)) == ()


# What version 0.1 has saved: everything, in the exported variable.


def of_the_first_version(before: dict[str, str]) -> dict[str, str]:
    changes = activate(before, TO)
    environ, names = apply_changes(before, changes), [change.name for change in changes if change.name in MANAGED]
    plain = {name: [before[name], "exported"] if name in before else None for name in names}
    return {**environ, SAVED: urlsafe_b64encode(json.dumps(plain).encode()).decode()}


BEFORE_0_1 = {"ANTHROPIC_API_KEY": SECRET, BASE_URL: "https://gateway.example", TOKEN: "of a gateway", TIMEOUT: ""}


def test_a_terminal_of_the_first_version_is_restored_exactly() -> None:
    environ = {**of_the_first_version(BEFORE_0_1), "PATH": "/bin"}
    changes = deactivate(environ)
    assert apply_changes(environ, changes) == {**BEFORE_0_1, "PATH": "/bin"}
    assert Change(SAVED, None) in changes
    assert not lacks_shell_part(environ)


def test_a_terminal_of_the_first_version_gives_its_secrets_back_to_the_shell() -> None:
    environ = of_the_first_version(BEFORE_0_1)
    environ = typed(environ, activate(environ, PINNED))
    assert SECRET.encode() not in urlsafe_b64decode(environ[SAVED])
    assert apply_changes(environ, deactivate(environ)) == BEFORE_0_1


def led(before: dict[str, str], to: Activation = TO) -> dict[str, str]:
    environ = apply_changes(before, activate(before, to))
    del environ[SAVED]
    environ.pop(SAVED_SHELL, None)
    return environ


def test_sets_the_variables_that_the_providers_need() -> None:
    assert led({"PATH": "/bin"}) == {
        "PATH": "/bin",
        BASE_URL: URL,
        TOKEN: "token",
        DISCOVERY: "1",
        HINTS: "1",
        TIMEOUT: "3000000",
        WINDOW: "262144",
        TOOL_SEARCH: "false",
    }


def test_puts_a_pin_into_the_address_and_sets_nothing_unneeded() -> None:
    assert led({}, PINNED) == {BASE_URL: f"{URL}/provider/moonshot", TOKEN: "token", DISCOVERY: "1", HINTS: "1"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, [OUR_LINE]),
        ("", [OUR_LINE]),
        ("X-Team: blue", ["X-Team: blue", OUR_LINE]),
        ("X-Team: blue\nX-Of:  a: b \n", ["X-Team: blue", "X-Of:  a: b ", OUR_LINE]),
        ("X-Team: blue\r\n", ["X-Team: blue", OUR_LINE]),
        ("X-Claude-Proxy-Token:old\nX-Team: blue", ["X-Team: blue", OUR_LINE]),
        ("x-claude-proxy-token: a\n x-claude-proxy-token : b", [OUR_LINE]),
        ("x-claude-proxy-tokens: a", ["x-claude-proxy-tokens: a", OUR_LINE]),
    ],
)
def test_adds_our_token_to_the_users_headers_if_the_login_is_needed(before: str | None, after: list[str]) -> None:
    environ = {TOKEN: "of another gateway"} if before is None else {HEADERS: before}
    assert led(environ, BY_LOGIN) == {BASE_URL: URL, HEADERS: "\n".join(after), DISCOVERY: "1", HINTS: "1"}


def test_claude_codes_own_token_is_left_alone() -> None:
    assert led({"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-x"}, BY_LOGIN)["CLAUDE_CODE_OAUTH_TOKEN"] == "sk-ant-oat01-x"


@pytest.mark.parametrize(
    ("before", "after"),
    [("X-Team: blue", "X-Team: blue"), (OUR_LINE, None), (f"{OUR_LINE}\nX-Team: blue\n", "X-Team: blue")],
)
def test_removes_our_header_if_the_login_is_not_needed(before: str, after: str | None) -> None:
    assert led({HEADERS: before}).get(HEADERS) == after
    environ = apply_changes({HEADERS: before}, activate({HEADERS: before}, BY_LOGIN))
    assert led(environ).get(HEADERS) == after


@pytest.mark.parametrize("own", ["0", "", "1", "true"])
def test_a_value_of_the_users_own_decides_whether_claude_code_sends_hints(own: str) -> None:
    environ = apply_changes({HINTS: own}, activate({HINTS: own}, TO))
    assert environ[HINTS] == own
    environ = apply_changes(environ, activate(environ, PINNED))
    assert environ[HINTS] == own
    assert apply_changes(environ, deactivate(environ)) == {HINTS: own}


def test_hints_that_are_turned_off_in_a_led_terminal_stay_off_until_it_is_reset() -> None:
    environ = {**apply_changes({}, activate({}, TO)), HINTS: "0"}
    environ = apply_changes(environ, activate(environ, PINNED))
    assert environ[HINTS] == "0"
    assert apply_changes(environ, deactivate(environ)) == {}


def test_unsets_variables_that_would_bypass_the_proxy() -> None:
    assert not set(led(dict.fromkeys(BYPASS_VARIABLES, "1"))) & set(BYPASS_VARIABLES)


@pytest.mark.parametrize(
    ("model", "stays"),
    [
        ("claude-opus-5-5", True),
        ("opusplan", True),
        ("sonnet[1m]", True),
        ("default", True),
        ("kimi-k3", True),
        ("kimi-k3[1m]", True),
        ("kimi-k3[1M]", True),
        ("claude-proxy/moonshot/kimi-k2.6", True),
        ("MiniMax-M3", False),
        ("", False),
    ],
)
def test_unsets_a_model_that_not_all_providers_have(model: str, stays: bool) -> None:
    assert ("ANTHROPIC_MODEL" in led({"ANTHROPIC_MODEL": model})) is stays


@pytest.mark.parametrize(
    ("before", "after"),
    [("9000000", "9000000"), ("1000", "3000000"), ("", "3000000"), ("soon", "3000000"), ("٣٣٣٣٣٣٣", "3000000")],
)
def test_a_longer_timeout_of_the_users_stays(before: str, after: str) -> None:
    assert led({TIMEOUT: before})[TIMEOUT] == after


@pytest.mark.parametrize(("before", "after"), [("150000", "150000"), ("900000", "262144"), ("x", "262144")])
def test_a_smaller_window_of_the_users_stays(before: str, after: str) -> None:
    assert led({WINDOW: before})[WINDOW] == after


@pytest.mark.parametrize(
    ("before", "past"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "127.0.0.1"),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "corp.example"}, "corp.example,127.0.0.1"),
        ({"ALL_PROXY": "http://proxy:3128", "NO_PROXY": "a,b"}, "a,b,127.0.0.1"),
        ({"HTTPS_PROXY": ""}, None),
        ({}, None),
    ],
)
def test_requests_to_this_machine_bypass_the_companys_proxy(before: dict[str, str], past: str | None) -> None:
    once = led(before)
    assert {once.get(name) for name in NO_PROXY_NAMES} == {past}
    again = apply_changes(
        apply_changes(before, activate(before, TO)), activate(apply_changes(before, activate(before, TO)), TO)
    )
    assert {again.get(name) for name in NO_PROXY_NAMES} == {past}


def test_this_machine_is_excepted_from_a_proxy_in_claude_codes_settings() -> None:
    to = replace(TO, settings_proxy=True)
    led = apply_changes({}, activate({}, to))
    assert {led.get(name) for name in NO_PROXY_NAMES} == {"127.0.0.1"}


def test_an_exception_of_everything_stays_as_it_is() -> None:
    before = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}
    assert apply_changes(before, activate(before, TO))["NO_PROXY"] == "*"


def test_on_windows_no_proxy_is_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "NO_PROXY_NAMES", ("NO_PROXY",))
    names = [change.name for change in activate({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "a"}, TO)]
    assert [name for name in names if name.upper() == "NO_PROXY"] == ["NO_PROXY"]


def test_keeps_unexported_values_out_of_exported_variables() -> None:
    before = {UNEXPORTED: "ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY": "secret", TIMEOUT: "1"}
    changes = {change.name: change.variable for change in activate(before, TO)}
    kept, alone = changes[SAVED], changes[SAVED_SHELL]
    assert kept is not None
    assert alone is not None
    assert (kept.scope, alone.scope) == (Scope.EXPORTED, Scope.SHELL)
    assert b"secret" not in urlsafe_b64decode(kept.value)
    back = deactivate({SAVED: kept.value, SAVED_SHELL: alone.value})
    assert Change("ANTHROPIC_API_KEY", Variable("secret", Scope.SHELL)) in back
    assert Change(SAVED_SHELL, None) in back
    in_a_shell_below = deactivate({SAVED: kept.value})
    assert Change("ANTHROPIC_API_KEY", None) in in_a_shell_below


def test_the_proxy_gets_unset_variables_but_no_unexported_ones() -> None:
    before = {"ANTHROPIC_API_KEY": "key", "ANTHROPIC_MODEL": "hidden", UNEXPORTED: "ANTHROPIC_MODEL", UNIVERSAL: "X"}
    assert original_environment(before) == {"ANTHROPIC_API_KEY": "key"}
    assert original_environment(typed(before, activate(before, TO))) == {"ANTHROPIC_API_KEY": "key"}


@pytest.mark.parametrize(
    "kept",
    ["", "nonsense", "%", urlsafe_b64encode(b"[1]").decode(), urlsafe_b64encode(b'{"PATH": 5').decode()]
    + [urlsafe_b64encode(json.dumps({BASE_URL: [value, "exported"]}).encode()).decode() for value in ("\ud800", "\0")],
)
def test_unreadable_saved_values_unset_our_variables_without_an_error(kept: str) -> None:
    environ = {**led({"PATH": "/bin"}), SAVED: kept}
    back = apply_changes(environ, deactivate(environ))
    assert SAVED not in back
    assert back["PATH"] == "/bin"
    assert BASE_URL in led(environ)


def test_saved_values_can_set_only_our_variables() -> None:
    kept = urlsafe_b64encode(json.dumps({"PATH": ["/evil", "exported"], "x; id": ["", "exported"]}).encode()).decode()
    assert [change.name for change in deactivate({SAVED: kept})] == [SAVED]


def test_no_value_shows_in_a_repr() -> None:
    text = repr(activate({"ANTHROPIC_API_KEY": "sk-secret"}, TO)) + repr(TO)
    assert "sk-secret" not in text
    assert "'token'" not in text
