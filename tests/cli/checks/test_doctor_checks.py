"""The checks of `doctor`, one by one: what a running command cannot show on this machine."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from claude_proxy import __version__
from claude_proxy.cli.checks import (
    clock,
    live,
    private,
    python,
    service,
    settings_conflicts,
    shell_setup,
    windows_access,
)
from claude_proxy.cli.checks.finding import Finding, Verdict, wrong
from claude_proxy.cli.checks.windows_access import WindowsAccess
from claude_proxy.cli.claude_code import settings_files
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.probing.probe import Probe
from claude_proxy.cli.shell.saved import SAVED
from claude_proxy.config.load import Config
from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.egress import Egress
from claude_proxy.core.quota.quota_report import QuotaReport
from claude_proxy.core.reasons import Reason
from claude_proxy.core.status_report import ProviderStatus, StatusReport, TooLarge
from claude_proxy.core.types import Origin, Policy, Provider
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running

ME = "S-1-5-21-1004336348-1177238915-682003330-1001"
INHERITED = f"D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FA;;;{ME})"
NOW = clock.RELEASED + 86_400


class Windows:
    """Plays icacls and whoami, and keeps what they were asked for."""

    def __init__(self, sddl: str) -> None:
        self.sddl = sddl
        self.asked: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> str:
        program = Path(command[0]).name
        if program == "whoami.exe":
            return f'"MACHINE\\Jürgen","{ME}"\r\n'
        assert program == "icacls.exe"
        self.asked.append(list(command[1:]))
        if "/save" in command:
            Path(command[-1]).write_bytes(f".env\r\n{self.sddl}\r\n".encode("utf-16-le"))
        elif "/inheritance:r" in command:
            self.sddl = f"D:PAI(A;;FA;;;{ME})"
        return ""


def windows(sddl: str) -> tuple[Windows, WindowsAccess]:
    plays = Windows(sddl)
    return plays, WindowsAccess(plays, Path("C:/Windows/System32"))


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text("K=v", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("sddl", "others"),
    [
        (INHERITED, ()),
        (f"D:PAI(A;;FA;;;{ME})", ()),
        (INHERITED + "(A;ID;0x1200a9;;;BU)", ("all users",)),
        (INHERITED + "(A;;FR;;;WD)(A;OICI;FA;;;WD)", ("everyone",)),
        (INHERITED + f"(A;;FR;;;{ME[:-4]}1002)", (f"{ME[:-4]}1002",)),
        (INHERITED + "(D;;FA;;;WD)(A;OICIIO;FA;;;CO)", ()),
        (INHERITED + '(XA;;FR;;;AU;(@User.Title=="PM"))', ("all logged-in users",)),
        (INHERITED + "(A;;FA;;;OW)(A;;FA;;;S-1-5-18)", ()),
    ],
)
def test_on_windows_reads_the_access_list(env: Path, sddl: str, others: tuple[str, ...]) -> None:
    _, lists = windows(sddl)
    assert lists.others(env) == others
    (finding,) = private.on_windows((env, env.with_name("missing")), lists)
    assert finding.verdict is (Verdict.WRONG if others else Verdict.OK)
    assert all(name in finding.what for name in others)


def test_on_windows_lets_only_the_current_user_read_the_file(env: Path) -> None:
    plays, lists = windows(INHERITED + "(A;;FR;;;WD)")
    (finding,) = private.on_windows((env,), lists)
    plays.asked.clear()
    assert finding.repaired().verdict is Verdict.FIXED
    assert plays.asked == [[str(env), "/reset"], [str(env), "/inheritance:r", "/grant:r", f"*{ME}:F"]]
    (after,) = private.on_windows((env,), lists)
    assert after.verdict is Verdict.OK


def test_on_windows_reports_a_program_that_fails(env: Path) -> None:
    def fail(command: Sequence[str]) -> str:
        raise CommandError("icacls.exe ended with 5")

    (finding,) = private.on_windows((env,), WindowsAccess(fail, Path("C:/Windows/System32")))
    assert (finding.verdict, "ended with 5" in finding.what) == (Verdict.NOTE, True)
    _, lists = windows(INHERITED)
    nobody = WindowsAccess(lambda command: "" if "whoami" in command[0] else lists.run(command), lists.folder)
    with pytest.raises(CommandError, match="who the current user is"):
        nobody.close(env)


def test_runs_the_systems_programs_and_reports_a_failure() -> None:
    assert windows_access._run([sys.executable, "-c", "print('told')"]).strip() == "told"
    with pytest.raises(CommandError, match="ended with 3"):
        windows_access._run([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(OSError, match=r"No such file|cannot find"):
        windows_access._run([str(Path(sys.executable).with_name("no-such-program"))])


def test_a_repair_that_fails_leaves_the_finding_wrong() -> None:
    def fail() -> None:
        raise PermissionError(1, "Operation not permitted")

    told = wrong("private", "open", "Run: chmod", fail).repaired()
    assert told.verdict is Verdict.WRONG
    assert told.fix == "Run: chmod (--fix tried that, and failed: Operation not permitted)"
    left = Finding("a", Verdict.WRONG, "b")
    assert left.repaired() is left


@pytest.mark.parametrize(
    ("version", "verdict"),
    [((3, 10), "wrong"), ((3, 11), "ok"), ((3, 14), "ok"), ((3, 15), "note")],
)
def test_says_which_pythons_are_supported(version: tuple[int, int], verdict: str) -> None:
    finding = python.assess(version, "python")
    assert finding.verdict.value == verdict
    assert bool(finding.fix) == (verdict != "ok")


def test_finds_a_wrong_clock() -> None:
    assert clock.assess(NOW, {"config.json": NOW + 60}).verdict is Verdict.OK
    assert "before this program was released" in clock.assess(clock.RELEASED - 1, {}).what
    ahead = clock.assess(NOW, {"config.json": NOW - 9, ".env": NOW + 3600})
    assert ".env was changed after that" in ahead.what
    assert clock.compare("zai", 3.0).verdict is Verdict.OK
    assert "300 s behind that of zai" in clock.compare("zai", -300.0).what


def test_a_quota_that_could_not_be_read_is_a_note() -> None:
    def with_quota(unknown: str) -> StatusReport:
        zai = ProviderStatus(name="zai", state="ready", quota=QuotaReport(unknown=unknown))
        return StatusReport(
            version="1", instance="a", pid=1, started_at=0.0, host="127.0.0.1", port=1, providers=(zai,)
        )

    (finding,) = service.assess(with_quota("it answered 503"))
    assert (finding.verdict, finding.what) == (Verdict.NOTE, "zai: quota unknown (it answered 503)")
    for unknown in ("", "turned off", "not asked yet", "no answer told it yet"):
        assert list(service.assess(with_quota(unknown))) == []


def test_reports_what_the_running_proxy_knows_to_be_wrong() -> None:
    closed = ProviderStatus(name="zai", state="ready", key="ZAI_API_KEY", key_source=".env", key_rejected=True)
    empty = ProviderStatus(name="kimi", state="cooldown", out_of_credit=True, unknown_model="kimi-k9\x1b")
    status = StatusReport(
        version="1",
        instance="a",
        pid=1,
        started_at=0.0,
        host="127.0.0.1",
        port=1,
        providers=(closed, empty),
        config_problems=("config.json: broken",),
        too_large=TooLarge(NOW, "a", 10 * 1024 * 1024, 3),
    )
    key, credit, model, size, config = service.assess(status)
    assert (credit.what, credit.fix) == ("kimi has no credit left", "Top up its account.")
    assert model.what == "kimi does not know the model kimi-k9?"
    assert model.fix.endswith("providers models kimi")
    assert "(3 were since the proxy started): it was over 10 MB, the proxy's own limit." in size.what
    assert size.fix == "Raise max_body_mb in config.json, such as to 32; the running proxy uses it at once."
    assert (key.what, key.fix) == ("zai refused the key in ZAI_API_KEY (from .env)", "Replace it there.")
    assert "still uses the one before" in config.what


@pytest.mark.parametrize(
    ("configured", "what"),
    [
        (("127.0.0.1", 18991), "it listens on port 18990, but the configuration says port 18991"),
        (
            ("0.0.0.0", 18990),  # noqa: S104 - compared, not bound
            "it listens on 127.0.0.1, port 18990, but the configuration says 0.0.0.0, port 18990",
        ),
    ],
)
def test_says_which_address_is_used_after_a_restart(configured: tuple[str, int], what: str) -> None:
    running = Running(pid=1, host="127.0.0.1", port=18990, instance="a", started_at=0.0, version=__version__)
    host, port = configured
    config = Config(host, port, (), (), Policy(), Egress(), "info", ())
    _, finding = service.assess_address(running, config)
    assert (finding.verdict, finding.what) == (Verdict.NOTE, what)


def test_an_address_that_cannot_be_listened_on() -> None:
    finding = service.port("192.0.2.1", 8787)  # TEST-NET-1: nobody's own address
    assert finding.verdict is Verdict.WRONG
    assert "cannot listen on 192.0.2.1, port 8787" in finding.what


@pytest.fixture
def place(tmp_path: Path) -> Callable[[], list[Finding]]:
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path / "user"), "CLAUDE_PROXY_HOME": str(tmp_path / "home")}

    def judged() -> list[Finding]:
        found = settings_files.sources(environ, tmp_path / "project", tmp_path / "managed")
        return list(settings_conflicts.assess(found, environ))

    return judged


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("user/settings.json", "user"),
        ("project/.claude/settings.json", "project"),
        ("project/.claude/settings.local.json", "local"),
        ("managed/managed-settings.json", "managed"),
        ("managed/managed-settings.d/10-proxy.json", "managed"),
    ],
)
def test_reads_settings_where_claude_code_does(
    place: Callable[[], list[Finding]], tmp_path: Path, name: str, scope: str
) -> None:
    assert [one.verdict for one in place()] == [Verdict.OK]
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"env": {"CLAUDE_CODE_USE_BEDROCK": 1, "PATH": "/"}, "model": "opus"}), "utf-8")
    (finding,) = place()
    assert finding.verdict is Verdict.WRONG
    assert f"env.CLAUDE_CODE_USE_BEDROCK in {path} ({scope} settings)" in finding.what


@pytest.mark.parametrize("text", ['{"env": {"A": "b"}}', '{"env": []}', "", "{}"])
def test_ignores_settings_that_override_nothing(place: Callable[[], list[Finding]], tmp_path: Path, text: str) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "settings.json").write_text(text, encoding="utf-8")
    assert [one.verdict for one in place()] == [Verdict.OK]


def test_the_home_folder_as_a_project_is_one_place(tmp_path: Path) -> None:
    user = tmp_path / ".claude"
    found = settings_files.sources({"CLAUDE_CONFIG_DIR": str(user)}, tmp_path, tmp_path / "managed")
    assert [source.scope for source in found] == ["user", "local", "managed"]


def test_without_a_working_folder_it_reads_the_users_and_the_administrators_settings(tmp_path: Path) -> None:
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path)}
    found = settings_files.sources(environ, settings_files.NOWHERE, tmp_path / "managed")
    assert [source.scope for source in found] == ["user", "managed"]


def test_takes_a_tilde_name_without_such_a_user_as_a_folder() -> None:
    named = "~nosuchuser/x"
    if sys.platform != "win32":  # which makes up a home for any name
        assert settings_files.config_folder({"CLAUDE_CONFIG_DIR": named}) == Path(named)
    assert settings_files.config_folder({"CLAUDE_CONFIG_DIR": "~/x"}) == Path.home() / "x"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices in folders are POSIX")
@pytest.mark.parametrize("there", ["pipe", "/dev/zero", "link to pipe"])
def test_reports_settings_that_are_no_file_without_waiting(
    place: Callable[[], list[Finding]], tmp_path: Path, there: str
) -> None:
    path = tmp_path / "project" / ".claude" / "settings.json"
    path.parent.mkdir(parents=True)
    pipe = path if there == "pipe" else tmp_path / "pipe"
    os.mkfifo(pipe)
    if there != "pipe":
        path.symlink_to(pipe if there == "link to pipe" else there)
    (finding,) = place()
    assert finding.verdict is Verdict.WRONG
    assert finding.what == f"{path} is no regular file"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are POSIX")
def test_does_not_wait_for_a_pipe_in_place_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, file = tmp_path / "pipe", tmp_path / "file"
    file.touch()
    facts = file.stat()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda _: facts)
    with pytest.raises(settings_files.SettingsError, match="no regular file"):
        settings_files.read_text(path)


@pytest.mark.skipif(sys.platform == "win32", reason="owners and modes are POSIX")
def test_reports_another_users_file_and_does_not_repair_it(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env.chmod(0o644)
    (mine,) = private.on_posix((env,), env.parent)
    assert mine.repair is not None
    monkeypatch.setattr(os, "geteuid", lambda: env.stat().st_uid + 1)
    (finding,) = private.on_posix((env,), env.parent)
    assert (finding.verdict, finding.repair) == (Verdict.WRONG, None)
    assert "not your file" in finding.what
    assert "failed: it is no regular file of yours" in mine.repaired().fix, "it is looked at again"
    assert stat.S_IMODE(env.stat().st_mode) == 0o644


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes are POSIX")
def test_does_not_repair_what_replaced_a_file(env: Path) -> None:
    env.chmod(0o644)
    (finding,) = private.on_posix((env,), env.parent)
    other = env.rename(env.with_name("other"))
    env.symlink_to(other)
    assert finding.repaired().verdict is Verdict.WRONG
    env.unlink()
    env.mkdir(mode=0o755)
    assert finding.repaired().verdict is Verdict.WRONG
    assert [stat.S_IMODE(path.stat().st_mode) for path in (other, env)] == [0o644, 0o755]


@pytest.mark.parametrize(
    ("variables", "what"),
    [
        ({}, "ANTHROPIC_AUTH_TOKEN is not set, so the proxy rejects what claude sends"),
        ({"ANTHROPIC_AUTH_TOKEN": "x"}, "ANTHROPIC_AUTH_TOKEN holds a token that is not the proxy's"),
        (
            {"ANTHROPIC_CUSTOM_HEADERS": "x-claude-proxy-token: x"},
            "ANTHROPIC_CUSTOM_HEADERS holds a token that is not the proxy's",
        ),
    ],
)
def test_says_what_is_wrong_with_the_token(tmp_path: Path, variables: dict[str, str], what: str) -> None:
    home = Home(tmp_path)
    home.prepare()
    Running(pid=1, host="127.0.0.1", port=8787, instance="a", started_at=0.0, version="1").write(home.running)
    environ = {"CLAUDE_PROXY_HOME": str(tmp_path), "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787", **variables}
    findings = [finding.what for finding in shell_setup.mode(environ, "the-token", ())]
    assert findings == ["fallback", what]


@pytest.mark.parametrize(
    ("kept", "named"),
    [
        ({"ANTHROPIC_API_KEY": ["sk-own", "exported"], "API_TIMEOUT_MS": ["1", "exported"]}, ["ANTHROPIC_API_KEY"]),
        ({"ANTHROPIC_BASE_URL": ["https://me:password@gateway.example", "exported"]}, ["ANTHROPIC_BASE_URL"]),
        ({"ANTHROPIC_API_KEY": ["exported"], "ANTHROPIC_BASE_URL": ["https://gateway.example", "exported"]}, []),
    ],
)
def test_says_if_an_older_version_shows_programs_a_secret(
    tmp_path: Path, kept: dict[str, list[str]], named: list[str]
) -> None:
    home = Home(tmp_path)
    home.prepare()
    Running(pid=1, host="127.0.0.1", port=8787, instance="a", started_at=0.0, version="1").write(home.running)
    word = base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()
    environ = {"CLAUDE_PROXY_HOME": str(tmp_path), "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787", SAVED: word}
    findings = list(shell_setup.mode({**environ, "ANTHROPIC_AUTH_TOKEN": "the-token"}, "the-token", ()))
    assert [name for name in (*kept, "API_TIMEOUT_MS") for one in findings[1:] if name in one.what] == named
    assert not [one for one in findings if "sk-own" in one.what or "password" in one.what]


def test_a_rejected_key_is_named_with_the_error_and_the_next_step() -> None:
    rejecting = Provider(
        "auth",
        "https://a.example",
        Origin("https", "a.example", 443),
        Auth.BEARER,
        "",
        "FIRST_API_KEY",
        api_key_source=KeySource.FILE,
    )
    finding = live.assess(Probe(rejecting, "m", 1.0, Reason.STATUS, 401, "invalid x-api-key"))
    assert finding.what == "auth refused the key in FIRST_API_KEY (from .env): 401 invalid x-api-key"
    assert finding.fix == "Replace it there."


def test_says_how_many_settings_files_were_checked(place: Callable[[], list[Finding]], tmp_path: Path) -> None:
    assert [finding.what for finding in place()] == ["there are no settings files yet"]
    for number, name in enumerate(("user/settings.json", "project/.claude/settings.json"), 1):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
        what = "1 settings file" if number == 1 else "2 settings files"
        assert [finding.what for finding in place()] == [f"{what} checked, none would bypass the proxy"]
