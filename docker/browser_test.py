"""A real browser: the notebook in Debian's classic Jupyter, and the HTML report without a network.

usage: browser_test.py NOTEBOOK REPORTS WORK [SCREENSHOT]
"""
import glob
import json
import os
import shutil
import sys
import time
import unittest

from selenium.webdriver.common.keys import Keys

from chromium import browser, wait
from server import Server, descendants

NOTEBOOK, REPORTS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
SCREENSHOT = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else None


class Jupyter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = os.path.join(WORK, "jupyter-notebooks")
        os.makedirs(cls.folder, exist_ok=True)
        shutil.copy(NOTEBOOK, os.path.join(cls.folder, "notebook.ipynb"))
        cls.server = Server(os.path.join(WORK, "jupyter.log"), lambda port, token: [
            "jupyter-notebook", "--allow-root", "--no-browser", "--ip=127.0.0.1", "--port=%d" % port, "--port-retries=0",
            "--NotebookApp.token=" + token, "--notebook-dir=" + cls.folder])
        cls.driver = browser(WORK)
        cls.driver.set_script_timeout(600)

    @classmethod
    def tearDownClass(cls):
        cls.driver.quit()
        cls.server.stop()

    def write(self, name, cells):
        """Writes a notebook of code cells."""
        with open(os.path.join(self.folder, name), "w") as f:
            json.dump({"cells": [{"cell_type": "code", "id": "c%d" % i, "metadata": {}, "source": c, "outputs": [], "execution_count": None}
                                 for i, c in enumerate(cells)],
                       "metadata": {"kernelspec": {"name": "goalgap", "language": "go", "display_name": "Go"}},
                       "nbformat": 4, "nbformat_minor": 5}, f)

    def open(self, name):
        self.driver.get(self.server.url("notebooks/" + name))
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
        self.write("scratch.ipynb", [""] * 4)
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
        self.set_and_run(1)
        wait(lambda: self.finished(1) and self.outputs(1), "a cell after the interrupt")
        self.assertEqual(self.outputs(1)[0]["data"]["text/plain"], "30")
        self.js("Jupyter.notebook.kernel.restart()")
        time.sleep(1)
        wait(lambda: self.js("return Jupyter.notebook.kernel.is_connected()"), "the restarted kernel")
        self.set_and_run(1)
        wait(lambda: any(o["output_type"] == "error" and "undefined: rate" in o["evalue"] for o in self.outputs(1)), "the lost state")
        self.js("Jupyter.notebook.session.delete()")

    def test_2_widgets_and_a_live_chart(self):
        self.write("widgets.ipynb", [
            's := widget.NewSlider("rate", 0, 10, 3)\nbar := widget.NewProgress("bar", 10)\n'
            "s.OnChange(func(v int) { bar.Set(float64(v)) })\nwidget.NewHBox(s, bar)",
            "s.Value(), bar.Value()",
            'live := plots.NewLiveCurves("return", "return")\n'
            'for i := range 20 { live.Add("ppo", float64(i), math.Sqrt(float64(i))); time.Sleep(50 * time.Millisecond) }'])
        self.open("widgets.ipynb")
        self.set_and_run(0)

        def element(selector):
            return self.js("return Jupyter.notebook.get_cell(0).element[0].querySelector(arguments[0])", selector)
        handle = wait(lambda: element(".ui-slider-handle"), "the slider", 30)
        for _ in range(4):
            handle.send_keys(Keys.ARROW_RIGHT)
        wait(lambda: element(".widget-readout").text == "7", "the slider's number", 10)
        wait(lambda: "70%" in (element(".progress-bar").get_attribute("style") or ""), "the bar to follow", 10)
        self.set_and_run(1)
        wait(lambda: (self.outputs(1) or [{}])[0].get("data", {}).get("text/plain") == "7 7", "the values in Go", 10)
        self.set_and_run(2)

        def chart():
            return next((d[k] for o in self.outputs(2) for d in [o.get("data", {})] for k in ("image/png", "image/svg+xml") if k in d), None)
        first = wait(chart, "the chart", 30)
        wait(lambda: chart() != first, "the chart to change", 30)
        wait(lambda: self.finished(2), "the end of the cell", 30)
        self.assertEqual(1, len(self.outputs(2)))
        if SCREENSHOT:
            self.driver.save_screenshot(SCREENSHOT.replace(".png", "-widgets.png"))
        self.js("Jupyter.notebook.session.delete()")

    def test_3_the_experiment(self):
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

    def test_4_a_killed_server_leaves_nothing(self):
        self.write("killed.ipynb", [""])
        self.open("killed.ipynb")
        self.set_and_run(0, 'exec.Command("sleep", "1000").Start()\nfmt.Println("on")\nfor {}')
        wait(lambda: self.outputs(0), "the endless cell")
        left = descendants(self.server.process.pid)
        self.assertGreaterEqual(len(left), 3, "the kernel, its worker and what the cell started")
        self.server.process.kill()
        self.server.process.wait(20)
        wait(lambda: not any(os.path.exists("/proc/%d" % pid) for pid in left), "the processes of the killed server to end", 20)


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
