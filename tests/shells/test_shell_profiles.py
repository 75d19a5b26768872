"""The line in a shell's profile: put in once, loaded by a new shell, taken out again byte for byte."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from claude_proxy.cli import init
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.shell import functions, profiles
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.store.home import Home
from fakes.command_line import PATIENCE, CommandLine
from shells.terminals import PROGRAMS, SHELLS, environment, program

LINE = "eval 'something'"
ADDED = b"eval 'something' # claude-proxy init"

PROFILES = {
    Shell.BASH: ".bash_profile" if sys.platform == "darwin" else ".bashrc",
    Shell.ZSH: ".zshrc",
    Shell.FISH: "fish/config.fish",
    Shell.POWERSHELL: "powershell/profile.ps1",
}
LISTS = {
    Shell.BASH: ["-i", "-c", "type claude-fb claude-switch claude-reset claude-status"],
    Shell.ZSH: ["-i", "-c", "whence -v claude-fb claude-switch claude-reset claude-status"],
    Shell.FISH: ["-c", "type claude-fb claude-switch claude-reset claude-status"],
    Shell.POWERSHELL: [
        "-NonInteractive",
        "-Command",
        "Get-Command claude-fb, claude-switch, claude-reset, claude-status",
    ],
}
BODIES = [
    b"",
    b"a=1\n",
    b"a=1",
    b"a=1\n\n",
    b"a=1\r\nb=2\r\n",
    b"a=1\r\nb=2",
    b"\n",
    b"caf\xe9 \xff\n",
    b"# claude-proxy\n",
]


@pytest.mark.parametrize("before", BODIES)
def test_adds_the_line_once_and_removes_it_byte_for_byte(before: bytes, tmp_path: Path) -> None:
    path = tmp_path / "profile"
    path.write_bytes(before)
    put = profiles.install(path, LINE)
    assert put is not None
    put.write()
    there = path.read_bytes()
    assert ADDED in there
    assert there.startswith(before)
    assert there.endswith(b"\n")
    assert profiles.install(path, LINE) is None
    taken = profiles.uninstall(path)
    assert taken is not None
    taken.write()
    assert (path.read_bytes() if path.exists() else b"") == before
    assert profiles.uninstall(path) is None


def test_keeps_what_was_written_after_it(tmp_path: Path) -> None:
    path = tmp_path / "profile"
    path.write_bytes(b"a=1\n" + ADDED + b"\nb=2\n")
    edit = profiles.uninstall(path)
    assert edit is not None
    assert edit.shown == (f"- {ADDED.decode()}",)
    edit.write()
    assert path.read_bytes() == b"a=1\nb=2\n"


def test_replaces_and_shows_a_line_for_another_place(tmp_path: Path) -> None:
    path = tmp_path / "profile"
    path.write_bytes(b"eval 'old' # claude-proxy init\nb=2\n")
    edit = profiles.install(path, LINE)
    assert edit is not None
    assert edit.shown == ("- eval 'old' # claude-proxy init", f"+ {ADDED.decode()}")
    edit.write()
    assert path.read_bytes() == b"b=2\n" + ADDED + b"\n"


@pytest.mark.skipif(os.name == "nt", reason="modes and links as POSIX has them")
def test_mode_and_link_stay(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "bashrc"
    kept.parent.mkdir()
    kept.write_bytes(b"a=1\n")
    kept.chmod(0o640)
    link = tmp_path / ".bashrc"
    link.symlink_to(kept)
    edit = profiles.install(link, LINE)
    assert edit is not None
    edit.write()
    assert link.is_symlink()
    assert ADDED in kept.read_bytes()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert [path.name for path in kept.parent.iterdir()] == ["bashrc"]


def test_a_file_in_utf_16_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "profile.ps1"
    path.write_bytes("a = 1\n".encode("utf-16"))
    with pytest.raises(CommandError, match="UTF-16") as caught:
        profiles.install(path, LINE)
    assert LINE in caught.value.hint


def test_reports_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    edit = profiles.ProfileEdit(tmp_path / "file" / "profile", b"", b"x", ())
    with pytest.raises(CommandError, match="cannot be read"):
        edit.write()


def test_a_line_added_after_ours_stays_a_line(tmp_path: Path) -> None:
    path = tmp_path / "profile"
    path.write_bytes(b"a=1")
    put = profiles.install(path, LINE)
    assert put is not None
    put.write()
    with path.open("ab") as file:
        file.write(b"b=2\n")
    assert profiles.install(path, LINE) is None
    taken = profiles.uninstall(path)
    assert taken is not None
    taken.write()
    assert path.read_bytes() == b"a=1\nb=2\n"


def test_keeps_a_change_by_another_program(tmp_path: Path) -> None:
    path = tmp_path / "profile"
    path.write_bytes(b"a=1\n")
    put = profiles.install(path, LINE)
    assert put is not None
    path.write_bytes(b"a=1\nb=2\n")
    with pytest.raises(CommandError, match="another program has just changed"):
        put.write()
    assert path.read_bytes() == b"a=1\nb=2\n"


@pytest.mark.parametrize("line", [b"for x in 1; do # claude-proxy init\n", b"# claude-proxy init\n"])
def test_a_line_of_the_users_own_with_our_mark_stays(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "profile"
    path.write_bytes(line)
    assert profiles.uninstall(path) is None


def test_keeps_the_target_of_a_link_that_held_only_our_line(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfile", tmp_path / "profile"
    target.write_bytes(b"")
    link.symlink_to(target)
    for edit in (profiles.install, lambda path, _: profiles.uninstall(path)):
        change = edit(link, LINE)
        assert change is not None
        change.write()
    assert (link.is_symlink(), target.read_bytes()) == (True, b"")


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.value)
def test_a_new_shell_has_the_functions(shell: Shell, cli: CommandLine, tmp_path: Path) -> None:
    executable = program(PROGRAMS[shell])
    environ = environment(cli, tmp_path, {"SHELL": executable})
    done = cli("init", "--install", "--yes", environ=environ)
    assert done.code == 0, done.err
    assert str(tmp_path / PROFILES[shell]) in done.out
    started = subprocess.run(
        [executable, *LISTS[shell]],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert started.returncode == 0, started.stderr
    for name in ("claude-fb", "claude-switch", "claude-reset", "claude-status"):
        assert name in started.stdout
    assert "already loads the functions" in cli("init", "--install", "--yes", environ=environ).out
    assert cli("init", "--uninstall", "--yes", environ=environ).code == 0
    assert not (tmp_path / PROFILES[shell]).exists()


def test_changes_nothing_without_a_yes(cli: CommandLine, tmp_path: Path) -> None:
    environ = environment(cli, tmp_path, {"SHELL": "/bin/bash"})
    done = cli("init", "--install", environ=environ)
    assert done.code != 0
    assert "+ eval" in done.out
    done = cli("init", "--install", environ=environ, stdin="n\n")
    assert done.code == 1
    assert "+ eval" in done.out
    assert f"{tmp_path / PROFILES[Shell.BASH]} was not changed.\n" in done.err
    assert "error" not in done.err
    assert not (tmp_path / PROFILES[Shell.BASH]).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--install", "--uninstall"], "cannot be used together"),
        ([], "bash, zsh, fish, powershell, statusline. `claude-proxy init --install`"),
        (["--install"], "bash, zsh, fish, powershell"),
        (["tcsh"], "tcsh"),
    ],
)
def test_rejects_contradictory_options(arguments: list[str], words: str, cli: CommandLine) -> None:
    done = cli("init", *arguments, environ={"SHELL": "/bin/tcsh"})
    assert done.code == 2
    assert words in done.err


def test_adds_the_status_line_to_claude_codes_settings_and_removes_it(cli: CommandLine, tmp_path: Path) -> None:
    environ = environment(cli, tmp_path, {})
    settings = tmp_path / ".claude" / "settings.json"
    done = cli("init", "statusline", "--yes", environ=environ)
    assert done.code == 0
    assert f"Done: the status line is in {settings}." in done.out
    assert "claude-proxy init statusline --uninstall" in done.out
    assert "statusLine" in settings.read_text(encoding="utf-8")
    assert "already installed" in cli("init", "statusline", "--yes", environ=environ).out
    done = cli("init", "statusline", "--uninstall", "--yes", environ=environ)
    assert done.code == 0
    assert f"Done: the status line is removed from {settings}." in done.out
    assert "statusLine" not in settings.read_text(encoding="utf-8")
    assert "Our status line is not installed" in cli("init", "statusline", "--uninstall", environ=environ).out


# What other systems have


def test_a_terminal_of_macos_starts_a_login_shell(tmp_path: Path) -> None:
    assert profiles._bash(tmp_path, login=True) == tmp_path / ".bash_profile"
    (tmp_path / ".profile").touch()
    assert profiles._bash(tmp_path, login=True) == tmp_path / ".profile"
    assert profiles._bash(tmp_path, login=False) == tmp_path / ".bashrc"


def test_asks_both_powershells_of_windows_for_their_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"C:/pwsh.exe": tmp_path / "é" / "7.ps1", "C:/powershell.exe": tmp_path / "5.ps1"}
    monkeypatch.setattr(shutil, "which", lambda name: f"C:/{name}.exe")
    monkeypatch.setattr(profiles, "_ask", answers.get)
    assert profiles.profiles(Shell.POWERSHELL, {}) == tuple(answers.values())


def test_reports_that_there_is_no_powershell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CommandError, match="no PowerShell"):
        profiles.profiles(Shell.POWERSHELL, {})


def test_ignores_a_program_that_is_no_powershell() -> None:
    assert profiles._ask(sys.executable) is None
    assert profiles._ask("/no/such/program") is None


def test_windows_has_powershell_unless_another_shell_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delenv("SHELL", raising=False)
    assert init._own_shell() is Shell.POWERSHELL
    monkeypatch.setenv("SHELL", "C:/Program Files/Git/usr/bin/bash.exe")
    assert init._own_shell() is Shell.BASH


def test_a_clones_own_venv_is_started_by_proxy_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / "proxy.py").touch()
    monkeypatch.setattr(functions, "CLONE", tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(sys, "_base_executable", "/opt/python3.14", raising=False)
    assert functions.launch_words() == ("/opt/python3.14", str(tmp_path / "proxy.py"))
    monkeypatch.setattr(sys, "prefix", "/elsewhere")
    assert functions.launch_words() == (sys.executable, "-P", "-m", "claude_proxy")


def guarded_import(manifest: Path) -> str:
    """Return the line of a PowerShell profile, which does nothing if the module is gone."""
    path = "'" + str(manifest).replace("'", "''") + "'"
    return f"if (Test-Path -LiteralPath {path}) {{ Import-Module -Name {path} -Force }}"


def test_the_module_of_a_clone_is_imported_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "ClaudeProxy.psd1").touch()
    line = functions.import_line(Home(tmp_path / "home"), tmp_path / "clone", tmp_path)
    assert line == guarded_import(tmp_path / "clone" / "ClaudeProxy.psd1")
    assert not (tmp_path / "home").exists()


def test_copies_a_packages_module_to_the_home_and_replaces_it_with_a_newer_one(tmp_path: Path) -> None:
    shipped, home = tmp_path / "shells", Home(tmp_path / "it's home")
    shipped.mkdir()
    for version in ("old", "new"):
        for name in functions.MODULE_FILES:
            (shipped / name).write_text(version, encoding="utf-8")
        line = functions.import_line(home, tmp_path / "no clone", shipped)
        assert line == guarded_import(home.root / "ClaudeProxy.psd1")
        assert (home.root / "ClaudeProxy.psm1").read_text(encoding="utf-8") == version


def test_reports_a_package_without_the_module(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be copied"):
        functions.import_line(Home(tmp_path / "home"), tmp_path, tmp_path)
