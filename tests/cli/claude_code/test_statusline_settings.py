"""Our line in Claude Code's settings: put in and taken out, and nothing else touched."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from claude_proxy.cli.claude_code import statusline_settings
from claude_proxy.cli.claude_code.statusline_settings import KEY, SettingsEdit, install, uninstall
from claude_proxy.cli.output.exit_codes import CommandError
from fakes.command_line import CommandLine

LINE = "/opt/python -P -m claude_proxy statusline"
SECRET = "sk-ant-secret-of-the-user"

TWO_SPACES = '{\n  "model": "opus",\n  "env": {\n    "A": "b"\n  }\n}\n'
FOUR_SPACES = '{\n    "b": [1, 2],\n\n    "a": {"x": 1.50}\n}\n'
TABS = '{\n\t"model": "opus"\n}'
WINDOWS = '{\r\n  "model": "opus"\r\n}\r\n'
ONE_LINE = '{"model": "opus", "b": "}"}\n'
MARKED = "\ufeff" + TWO_SPACES
STYLES = [
    TWO_SPACES,
    FOUR_SPACES,
    TABS,
    WINDOWS,
    ONE_LINE,
    MARKED,
    "{}\n",
    "{}",
    "{\n}\n",
    '{ "a": 1 }',
    '{"a": 1,\n"b": 2}',
]


def settings(folder: Path, text: str | None = None) -> tuple[Path, dict[str, str]]:
    path = folder / "settings.json"
    if text is not None:
        path.write_bytes(text.encode())
    return path, {"CLAUDE_CONFIG_DIR": str(folder)}


def written(edit: SettingsEdit | None) -> str:
    assert edit is not None
    edit.write()
    return edit.path.read_bytes().decode()


@pytest.mark.parametrize("text", STYLES)
def test_it_is_added_at_the_end_and_the_rest_stays_as_it_was(tmp_path: Path, text: str) -> None:
    path, environ = settings(tmp_path, text)
    after = written(install(environ, LINE))
    before = json.loads(text.removeprefix("\ufeff"))
    document = json.loads(after.removeprefix("\ufeff"))
    assert document == {**before, KEY: {"type": "command", "command": LINE, "refreshInterval": 5}}
    assert list(document) == [*before, KEY]
    assert after.startswith(text.rstrip().removesuffix("}").rstrip())
    assert ("\r" in after) == ("\r" in text)
    assert install(environ, LINE) is None
    removed = written(uninstall(environ))
    assert json.loads(removed.removeprefix("\ufeff")) == before
    if text in {TWO_SPACES, FOUR_SPACES, TABS, WINDOWS, ONE_LINE, MARKED}:
        assert removed == text
    assert uninstall(environ) is None
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_the_style_of_the_file_is_kept(tmp_path: Path) -> None:
    _, environ = settings(tmp_path, TABS)
    member = (
        '\t"statusLine": {\n\t\t"type": "command",\n\t\t"command": "' + LINE + '",\n\t\t"refreshInterval": 5\n\t}\n}'
    )
    assert written(install(environ, LINE)) == '{\n\t"model": "opus",\n' + member


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_creates_the_settings_if_there_are_none(tmp_path: Path, text: str | None) -> None:
    path, environ = settings(tmp_path, text)
    if text is None:
        environ = {"CLAUDE_CONFIG_DIR": str(tmp_path / "new" / "folder")}
        path = tmp_path / "new" / "folder" / "settings.json"
    assert json.loads(written(install(environ, LINE))) == {
        KEY: {"type": "command", "command": LINE, "refreshInterval": 5}
    }
    assert path.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("position", [0, 1, 2])
def test_removes_it_wherever_it_is(tmp_path: Path, position: int) -> None:
    members = ['  "a": {\n    "b": [1]\n  }', '  "c": "d"']
    members.insert(position, '  "statusLine": {"type": "command", "command": "claude-proxy statusline"}')
    _, environ = settings(tmp_path, "{\n" + ",\n".join(members) + "\n}\n")
    members.pop(position)
    assert written(uninstall(environ)) == "{\n" + ",\n".join(members) + "\n}\n"


def test_updates_an_older_one_of_ours_in_its_place(tmp_path: Path) -> None:
    value = '{"type": "command", "command": "/old/py -m claude_proxy statusline", "padding": 2}'
    old = '{\n  "statusLine": ' + value + ',\n  "a": 1\n}'
    _, environ = settings(tmp_path, old)
    document = json.loads(written(install(environ, LINE)))
    assert document == {KEY: {"type": "command", "command": LINE, "padding": 2}, "a": 1}
    assert list(document) == [KEY, "a"]


@pytest.mark.parametrize("own", [{"type": "command", "command": "~/.claude/line.sh"}, {"type": "static"}, "text", 7])
def test_a_status_line_of_the_users_own_stays(tmp_path: Path, own: object) -> None:
    path, environ = settings(tmp_path, json.dumps({KEY: own, "env": {"KEY": SECRET}}))
    before = path.read_bytes()
    with pytest.raises(CommandError) as error:
        install(environ, LINE)
    assert "of your own" in str(error.value)
    assert LINE in error.value.hint
    assert uninstall(environ) is None
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1,}', "is not JSON: line 1, column"),
        ('{\n  // a comment\n  "a": "' + SECRET + '"\n}', "line 2, column 3"),
        ("[1]", "does not contain a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ("{" + '"a":1' * 900_000, "too large for"),
        ('{"a": "\udcff"}', "not UTF-8"),
    ],
)
def test_broken_settings_are_refused_and_left_alone(tmp_path: Path, text: str, why: str) -> None:
    path, environ = settings(tmp_path)
    path.write_bytes(before := text.encode(errors="surrogateescape"))
    for attempt in (partial(install, environ, LINE), partial(uninstall, environ)):
        with pytest.raises(CommandError) as error:
            attempt()
        assert why in str(error.value)
        assert str(path) in str(error.value)
        assert "nothing was changed" in error.value.hint
        assert SECRET not in str(error.value)
    assert path.read_bytes() == before


def test_shows_our_own_lines_only(tmp_path: Path) -> None:
    _, environ = settings(tmp_path, '{\n  "env": {"KEY": "' + SECRET + '"}\n}\n')
    edit = install(environ, LINE)
    assert edit is not None
    assert edit.shown[0] == '+ "statusLine": {'
    assert any(LINE in row for row in edit.shown)
    edit.write()
    removal = uninstall(environ)
    assert removal is not None
    assert removal.shown[0] == '- "statusLine": {'
    assert SECRET not in str(edit.shown + removal.shown)


@pytest.mark.skipif(sys.platform == "win32", reason="modes, and links without a privilege, are POSIX")
def test_a_link_stays_a_link_and_a_mode_stays_a_mode(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text(TWO_SPACES, encoding="utf-8")
    real.chmod(0o640)
    path, environ = settings(tmp_path)
    path.symlink_to(real)
    written(install(environ, LINE))
    assert path.is_symlink()
    assert KEY in real.read_text(encoding="utf-8")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_reports_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    edit = install({"CLAUDE_CONFIG_DIR": str(tmp_path / "file" / "folder")}, LINE)
    assert edit is not None
    with pytest.raises(CommandError, match="cannot be written"):
        edit.write()


@pytest.mark.parametrize("meanwhile", [ONE_LINE, None, "a folder"])
def test_a_file_that_was_changed_since_it_was_shown_stays(tmp_path: Path, meanwhile: str | None) -> None:
    path, environ = settings(tmp_path, TWO_SPACES)
    edit = install(environ, LINE)
    assert edit is not None
    path.unlink()
    if meanwhile == "a folder":
        path.mkdir()
    elif meanwhile is not None:
        settings(tmp_path, meanwhile)
    with pytest.raises(CommandError, match=r"another program has just changed .*; nothing was changed"):
        edit.write()
    assert path.exists() == (meanwhile is not None)
    assert not path.is_file() or path.read_bytes().decode() == meanwhile


def test_rejects_half_a_character(tmp_path: Path) -> None:
    text = '{"statusLine": {"type": "\\ud800", "command": "claude-proxy statusline"}, "a": "\\udfff"}'
    path, environ = settings(tmp_path, text)
    with pytest.raises(CommandError, match="half a character") as error:
        install(environ, LINE)
    assert "nothing was changed" in error.value.hint
    assert path.read_bytes().decode() == text
    assert written(uninstall(environ)) == '{"a": "\\udfff"}'


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        "'/home/R&D; a b/python' -P -m claude_proxy statusline",
        shlex.join(["/it's/py thon", "-P", "-m", "claude_proxy", "statusline"]),
        "C:/Python/python.exe -m claude_proxy statusline",
        "claude-proxy statusline",
        "~/.local/bin/claude-proxy statusline",
        '"C:\\Program Files\\x\\claude-proxy.exe" statusline',
        "/clone/proxy.py statusline",
        "python3 '/a clone/proxy.py' statusline",
    ],
)
def test_recognizes_our_own_command(line: str) -> None:
    assert statusline_settings._is_ours({"type": "command", "command": line})


@pytest.mark.parametrize(
    "line",
    [
        f'in=$(cat); echo "$in" | ~/mine.sh; echo "$in" | {LINE}',
        f"{LINE}; ~/mine.sh",
        f"{LINE} | ~/mine.sh",
        f"{LINE} && ~/mine.sh",
        f"{LINE} > /tmp/log",
        f"~/mine.sh < {LINE}",
        f"~/mine.sh\n{LINE}",
        f"{LINE}\n~/mine.sh",
        f"{LINE}\n",
        f"{LINE} --mine",
        f"~/mine.sh {LINE}",
        f"~/mine.sh '{LINE}'",
        f"$(~/mine.sh) {LINE}",
        "`~/mine.sh` -P -m claude_proxy statusline",
        '"$(~/mine.sh)" -P -m claude_proxy statusline',
        "~/my-claude-proxy statusline",
        "~/mine.py claude-proxy statusline",
    ],
)
def test_a_command_that_merely_includes_ours_stays(tmp_path: Path, line: str) -> None:
    path, environ = settings(tmp_path, json.dumps({KEY: {"type": "command", "command": line}}))
    before = path.read_bytes()
    with pytest.raises(CommandError, match="of your own"):
        install(environ, LINE)
    assert uninstall(environ) is None
    assert path.read_bytes() == before


def test_the_command_runs_as_claude_code_would_run_it(cli: CommandLine, tmp_path: Path) -> None:
    """In a shell, in whatever folder, one with a package of our name in it included."""
    (tmp_path / "claude_proxy").mkdir()
    (tmp_path / "claude_proxy" / "__init__.py").write_text("raise SystemExit('taken over')", encoding="utf-8")
    line = statusline_settings.command()
    assert shlex.split(line)[0] == Path(sys.executable).as_posix()
    done = subprocess.run(  # noqa: S602 - as Claude Code does
        line,
        shell=True,
        cwd=tmp_path,
        env=cli.environ(),
        input=b"{}",
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().split(os.linesep)[0].rstrip() == "claude-proxy: direct"
    assert statusline_settings._is_ours({"type": "command", "command": line})
