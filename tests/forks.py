"""A process of its own for a piece of work, to see what is left when it is killed."""

import os
import sys
import traceback
from collections.abc import Callable

from django.core.management.base import CommandError
from django.db import connection


def in_a_fork(work: Callable[[], None]) -> int:
    """Run the work in a process of its own and return how it ended: an exit code, or minus the signal."""
    connection.close()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 0
    try:
        work()
    except CommandError as error:
        print(error, file=sys.stderr)
        code = error.returncode
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        os._exit(code)
