"""`python -m claude_proxy` is the command `claude-proxy`."""

import sys


def main() -> int:
    """Run the command line of this process, and return its exit code."""
    if sys.argv[1:] == ["statusline"]:  # started many times a minute: without the library that reads command lines
        from claude_proxy.cli.claude_code import statusline_text  # noqa: PLC0415

        return statusline_text.main()
    from claude_proxy.cli.main import main as run  # noqa: PLC0415

    return run()


if __name__ == "__main__":
    sys.exit(main())
