"""What the browser tests share: Debian's Chromium without a window, and waiting."""
import socket
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service


def browser(work, offline=False):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,1600",
                 "--user-data-dir=" + tempfile.mkdtemp(dir=work)):
        options.add_argument(flag)
    if offline:
        options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def wait(condition, what, seconds=120):
    end = time.time() + seconds
    while time.time() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError("waited %d s in vain for %s" % (seconds, what))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
