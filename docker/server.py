"""A Jupyter server for the browser tests."""
import os
import subprocess
import urllib.request

from chromium import free_port, wait


class Server:
    """A running server. command makes its command line from a port and a token; what it says goes to the file log."""

    def __init__(self, log, command):
        self.port, self.token = free_port(), "test"
        self.log = open(log, "w")
        self.process = subprocess.Popen(command(self.port, self.token), stdout=self.log, stderr=self.log)
        wait(self.up, "the Jupyter server", 60)

    def url(self, path):
        return "http://127.0.0.1:%d/%s?token=%s" % (self.port, path, self.token)

    def up(self):
        try:
            urllib.request.urlopen(self.url("api"), timeout=2)
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def descendants(pid):
    """The numbers of the processes that a process has started, and that these have started."""
    parents = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % p) as f:
                parents[int(p)] = int(f.read().rpartition(")")[2].split()[1])
        except OSError:
            pass  # it has ended
    found, new = [], [pid]
    while new:
        new = [p for p, parent in parents.items() if parent in new]
        found += new
    return found
