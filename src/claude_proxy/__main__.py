"""`python -m claude_proxy` is the command `claude-proxy`."""

import sys

from claude_proxy.cli.main import main

sys.exit(main())
