"""A real browser: the notebook in Debian's classic Jupyter, and the HTML report without a network.

usage: browser_test.py NOTEBOOK REPORTS WORK [SCREENSHOT]
"""
import glob
import os
import shutil
import subprocess
import sys
import time
import unittest
import urllib.request

from chromium import browser, free_port, wait

NOTEBOOK, REPORTS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
SCREENSHOT = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else None
TOKEN = "test"


class Jupyter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.folder = os.path.join(WORK, "jupyter-notebooks")
        os.makedirs(cls.folder, exist_ok=True)
        shutil.copy(NOTEBOOK, os.path.join(cls.folder, "notebook.ipynb"))
        cls.log = open(os.path.join(WORK, "jupyter.log"), "w")
        cls.server = subprocess.Popen(
            ["jupyter-notebook", "--allow-root", "--no-browser", "--ip=127.0.0.1", "--port=%d" % cls.port, "--port-retries=0",
             "--NotebookApp.token=" + TOKEN, "--notebook-dir=" + cls.folder], stdout=cls.log, stderr=cls.log)
        wait(cls.up, "the Jupyter server", 60)
        cls.driver = browser(WORK)
        cls.driver.set_script_timeout(600)

    @classmethod
    def tearDownClass(cls):
        cls.driver.quit()
        cls.server.terminate()
        cls.server.wait(20)
        cls.log.close()

    @classmethod
    def up(cls):
        try:
            urllib.request.urlopen("http://127.0.0.1:%d/api?token=%s" % (cls.port, TOKEN), timeout=2)
            return True
        except OSError:
            return False

    def open(self, name):
        self.driver.get("http://127.0.0.1:%d/notebooks/%s?token=%s" % (self.port, name, TOKEN))
        wait(lambda: self.js("return !!(window.Jupyter && Jupyter.notebook && Jupyter.notebook._fully_loaded"
                             " && Jupyter.notebook.kernel && Jupyter.notebook.kernel.is_connected())"), "the kernel", 60)

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    def code_cells(self):
        return self.js("return Jupyter.notebook.get_cells().map((c, i) => [c, i]).filter(p => p[0].cell_type == 'code').map(p => p[1])")

    def outputs(self, cell):
        return self.js("return Jupyter.notebook.get_cell(arguments[0]).output_area.toJSON()", cell)

    def set_and_run(self, cell, text=None):
        if text is not None:
            self.js("Jupyter.notebook.get_cell(arguments[0]).set_text(arguments[1])", cell, text)
        self.js("Jupyter.notebook.execute_cells([arguments[0]])", cell)

    def finished(self, cell):
        return self.js("var p = Jupyter.notebook.get_cell(arguments[0]).input_prompt_number; return p != '*' && p != null", cell)

    def test_1_cells_state_live_output_interrupt_restart(self):
        nb = os.path.join(self.folder, "scratch.ipynb")
        with open(nb, "w") as f:
            f.write('{"cells": [%s], "metadata": {"kernelspec": {"name": "goalgap", "language": "go", "display_name": "Go"}},'
                    ' "nbformat": 4, "nbformat_minor": 5}' % ", ".join(
                        '{"cell_type": "code", "id": "c%d", "metadata": {}, "source": "", "outputs": [], "execution_count": null}' % i
                        for i in range(4)))
        self.open("scratch.ipynb")
        self.set_and_run(0, "rate := 2\nrate")
        wait(lambda: self.outputs(0), "the first result")
        self.assertEqual(self.outputs(0)[0]["data"]["text/plain"], "2")
        self.set_and_run(1, "rate * 10")
        wait(lambda: self.outputs(1), "a result from the state")
        self.assertEqual(self.outputs(1)[0]["data"]["text/plain"], "20")
        # A changed hyperparameter takes effect by running its cell and those below again.
        self.set_and_run(0, "rate := 3\nrate")
        self.set_and_run(1)
        wait(lambda: (self.outputs(1) or [{}])[0].get("data", {}).get("text/plain") == "30", "the changed value")
        # A display that is updated while the cell runs.
        self.set_and_run(2, 'p := display.NewProgress("work", 100)\nfor i := range 101 { p.Set(float64(i), ""); time.Sleep(20*time.Millisecond) }')
        seen = set()

        def progress():
            for o in self.outputs(2) or []:
                seen.add(o.get("data", {}).get("text/plain", ""))
            return any("100%" in s for s in seen)
        wait(progress, "the end of the progress bar")
        self.assertGreater(len(seen), 3, "the bar did not move while the cell ran: %s" % seen)
        self.assertEqual(len(self.outputs(2)), 1)
        # Interrupt, with the state kept; then restart, with the state gone.
        self.set_and_run(3, 'fmt.Println("on")\nfor {}')
        wait(lambda: self.outputs(3), "the endless cell")
        self.js("Jupyter.notebook.kernel.interrupt()")
        wait(lambda: any(o["output_type"] == "error" for o in self.outputs(3)), "the interrupt", 20)
        time.sleep(0.5)  # what is sent right behind a cell that failed is refused, as the rest of a Run All
        self.set_and_run(1)
        wait(lambda: self.finished(1) and self.outputs(1), "a cell after the interrupt")
        self.assertEqual(self.outputs(1)[0]["data"]["text/plain"], "30")
        self.js("Jupyter.notebook.kernel.restart()")
        time.sleep(1)
        wait(lambda: self.js("return Jupyter.notebook.kernel.is_connected()"), "the restarted kernel")
        self.set_and_run(1)
        wait(lambda: any(o["output_type"] == "error" and "undefined: rate" in o["evalue"] for o in self.outputs(1)), "the lost state")
        self.js("Jupyter.notebook.session.delete()")

    def test_2_the_experiment(self):
        self.open("notebook.ipynb")
        cells = self.code_cells()
        self.js("Jupyter.notebook.execute_all_cells()")
        last = cells[-1]
        wait(lambda: self.finished(last) or any(o["output_type"] == "error" for c in cells for o in self.outputs(c)), "the notebook", 600)
        for c in cells:
            for o in self.outputs(c):
                self.assertNotEqual(o["output_type"], "error", o)
        pictures = wait(lambda: self.js("return $('.output_png img, .output_svg svg, .output_subarea img').length"), "pictures")
        self.assertGreater(pictures, 3)
        if SCREENSHOT:
            self.js("Jupyter.notebook.scroll_to_cell(arguments[0], 0)", cells[-2])
            time.sleep(1)
            self.driver.save_screenshot(SCREENSHOT)
        self.js("Jupyter.notebook.session.delete()")


class Report(unittest.TestCase):
    def test_reports_show_everything_without_a_network(self):
        reports = glob.glob(os.path.join(REPORTS, "*.html"))
        self.assertTrue(reports)
        driver = browser(WORK, offline=True)
        try:
            for path in reports:
                driver.get("file://" + path)
                images = driver.execute_script("return Array.from(document.images).map(i => [i.complete, i.naturalWidth, i.src.slice(0, 40)])")
                self.assertTrue(images, path + " has no pictures")
                for complete, width, src in images:
                    self.assertTrue(complete and width > 0, "%s: picture %s is not shown" % (path, src))
                fetched = driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:'))")
                self.assertEqual(fetched, [], path + " refers to something outside")
                wide = driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth")
                self.assertFalse(wide, path + " is wider than its window")
        finally:
            driver.quit()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
