# SPDX-License-Identifier: GPL-2.0-or-later
"""The same test once more through a daemon: where NWFD of the environment names one, with options after blanks, it runs
below the test's root as long as the block does, and nwfctl finds it there by itself. `inside` is a command before both,
for a test whose host is another network namespace."""
import contextlib
import os
import subprocess
import time


@contextlib.contextmanager
def through_nwfd(nwfctl, root, inside=()):
    if "NWFD" not in os.environ:
        yield
        return
    daemon = subprocess.Popen(list(inside) + os.environ["NWFD"].split() + ["--root", root], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while subprocess.run(list(inside) + [nwfctl, "--root", root, "top", "--interval", "0.01"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode != 0:
            assert daemon.poll() is None and time.monotonic() < end, "nwfd does not come to answer"
            time.sleep(0.01)
        yield
        assert daemon.poll() is None, "nwfd ended before the test"
        daemon.terminate()
        assert daemon.wait(30) == 0, "nwfd failed at its end"
    finally:
        daemon.kill()
        daemon.wait()
