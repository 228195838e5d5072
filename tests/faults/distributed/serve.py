"""`bizenv` with a clock that jumps (`jumping`); the first argument names the file that says how far.

python -m tests.faults.distributed.serve CLOCK serve project_tracking
"""

from __future__ import annotations

import sys
from pathlib import Path

from services.cli import main
from tests.faults.distributed.jumping import let_jump

if __name__ == "__main__":
    let_jump(Path(sys.argv.pop(1)))
    main()
