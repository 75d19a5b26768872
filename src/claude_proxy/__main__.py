"""`python -m claude_proxy` is the command `claude-proxy`."""

import sys


def main() -> int:
    """Run the command line of this process, and return its exit code."""
    if sys.argv[1:] == ["statusline"]:  # started many times a minute: without the library that reads command lines
        from claude_proxy.cli.claude_code import statusline_text  # noqa: PLC0415

        return statusline_text.main()
    try:
        from claude_proxy.cli.main import main as run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("claude_proxy"):
            raise
        text = f"claude-proxy: {sys.executable} lacks the package {error.name}, which claude-proxy needs.\n"
        sys.stderr.write(f"{text}In a clone, start it with: python3 proxy.py. Otherwise install claude-proxy again.\n")
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
