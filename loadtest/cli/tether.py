"""A program of its own: ties a child to its parent's life, then becomes the child. It imports nothing of ours.

`python tether.py PARENT COMMAND…`. It stands between fork and exec in place of subprocess's preexec_fn, which is unsafe
once there are threads. Only Linux can do the tying (PR_SET_PDEATHSIG, prctl(2)); elsewhere the parent's own clean-up
has to do, and a parent that is killed leaves its children behind.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Be killed when the parent ends, even if it is killed; then exec."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be tied
        sys.exit(1)
    # A shell that starts us in the background makes us ignore SIGINT, and exec would hand that on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
