"""A real browser: goalgap in JupyterLab.

usage: lab_test.py LAB WORK [SCREENSHOT]
LAB is the folder that docker/install-jupyterlab.sh has made; the kernel is installed where JUPYTER_DATA_DIR says.
"""
import json
import os
import sys
import time
import unittest

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from chromium import browser, wait
from server import Server

LAB, WORK = (os.path.abspath(p) for p in sys.argv[1:3])
SCREENSHOT = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None

CELLS = [
    "x := 21\nx * 2",
    's := widget.NewSlider("rate", 0, 10, 3)\nbar := widget.NewProgress("bar", 10)\n'
    "s.OnChange(func(v int) { bar.Set(float64(v)) })\nwidget.NewHBox(s, bar)",
    "s.Value(), bar.Value()",
    "live := plots.NewLiveCurves(\"return\", \"return\")\n"
    "for i := range 20 { live.Add(\"ppo\", float64(i), math.Sqrt(float64(i))); time.Sleep(50 * time.Millisecond) }",
    "n := 0\nfor { n++ }",
    "n > 1000, x",
]


class JupyterLab(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = os.path.join(WORK, "lab-notebooks")
        os.makedirs(cls.folder, exist_ok=True)
        cells = [{"cell_type": "code", "source": c, "metadata": {}, "outputs": [], "execution_count": None} for c in CELLS]
        with open(os.path.join(cls.folder, "notebook.ipynb"), "w") as f:
            json.dump({"cells": cells, "nbformat": 4, "nbformat_minor": 4,
                       "metadata": {"kernelspec": {"name": "goalgap", "display_name": "Go (goalgap)", "language": "go"}}}, f)
        cls.server = Server(os.path.join(WORK, "lab.log"), lambda port, token: [
            "/usr/bin/python3", os.path.join(LAB, "lab.py"), "--ServerApp.allow_root=True", "--ServerApp.open_browser=False",
            "--ServerApp.ip=127.0.0.1", "--ServerApp.port=%d" % port, "--ServerApp.port_retries=0",
            "--ServerApp.token=" + token, "--ServerApp.root_dir=" + cls.folder])
        cls.driver = browser(WORK)
        cls.driver.get(cls.server.url("lab/tree/notebook.ipynb"))
        wait(lambda: cls.status() == "idle", "the kernel", 90)

    @classmethod
    def tearDownClass(cls):
        cls.driver.quit()
        cls.server.stop()

    @classmethod
    def js(cls, script, *args):
        return cls.driver.execute_script(script, *args)

    @classmethod
    def status(cls):
        return cls.js("const w = window.lab && lab.shell.currentWidget;"
                      "return w && w.sessionContext && w.sessionContext.session && w.sessionContext.session.kernel"
                      " && w.sessionContext.session.kernel.status")

    def run_cell(self, i):
        self.js("const c = lab.shell.currentWidget.content; c.activeCellIndex = arguments[0]; c.deselectAll();"
                "lab.commands.execute('notebook:run-cell')", i)

    def outputs(self, i):
        return self.js("return lab.shell.currentWidget.content.widgets[arguments[0]].model.outputs.toJSON()", i)

    def text(self, i):
        for o in self.outputs(i):
            if o["output_type"] == "execute_result":
                return o["data"]["text/plain"]
        return None

    def element(self, i, selector):
        found = self.js("return lab.shell.currentWidget.content.widgets[arguments[0]].node.querySelector(arguments[1])", i, selector)
        return found

    def test_1_cells_run(self):
        self.run_cell(0)
        wait(lambda: self.text(0) == "42", "the result of the first cell", 30)

    def test_2_a_slider_moves_a_bar(self):
        self.run_cell(1)
        handle = wait(lambda: self.element(1, ".ui-slider-handle"), "the slider", 30)
        for _ in range(4):
            handle.send_keys(Keys.ARROW_RIGHT)
        wait(lambda: self.element(1, ".widget-readout").text == "7", "the slider's number", 10)
        wait(lambda: "70%" in (self.element(1, ".progress-bar").get_attribute("style") or ""), "the bar to follow", 10)
        self.run_cell(2)
        wait(lambda: self.text(2) == "7 7", "the values in Go", 10)

    def test_3_a_live_chart_grows(self):
        self.run_cell(3)
        first = wait(lambda: self.image(3), "the chart", 30)
        wait(lambda: self.image(3) != first, "the chart to change", 30)
        wait(lambda: self.status() == "idle", "the end of the cell", 30)
        self.assertEqual(1, len(self.outputs(3)))

    def image(self, i):
        for o in self.outputs(i):
            data = o.get("data", {})
            for kind in ("image/png", "image/svg+xml"):
                if kind in data:
                    return data[kind]
        return None

    def test_4_interrupt_keeps_the_state(self):
        self.run_cell(4)
        wait(lambda: self.status() == "busy", "the loop to run", 30)
        time.sleep(1)  # until it is compiled
        self.js("lab.commands.execute('notebook:interrupt-kernel')")
        wait(lambda: any(o["output_type"] == "error" and o["ename"] == "interrupted" for o in self.outputs(4)), "the interrupt", 10)
        wait(lambda: self.status() == "idle", "the kernel to be idle", 10)
        self.run_cell(5)
        wait(lambda: self.text(5) == "true 21", "the state", 10)

    def test_5_completion(self):
        self.js("const c = lab.shell.currentWidget.content; c.activeCellIndex = 5; c.mode = 'edit';"
                "c.activeCell.model.value.text = 'strings.ToUp';"
                "c.activeCell.editor.setCursorPosition({line: 0, column: 12}); c.activeCell.editor.focus()")
        self.js("lab.commands.execute('completer:invoke-notebook')")
        # One match is put in at once, several are listed.
        wait(lambda: self.js("return lab.shell.currentWidget.content.activeCell.model.value.text") == "strings.ToUpper"
             or "ToUpper" in (self.driver.find_elements(By.CSS_SELECTOR, ".jp-Completer") or [None])[0].text, "the completion", 20)

    def test_6_restart(self):
        self.js("lab.shell.currentWidget.sessionContext.session.kernel.restart()")
        wait(lambda: self.status() == "idle", "the restarted kernel", 60)
        self.js("lab.shell.currentWidget.content.widgets[5].model.value.text = 'x'")
        self.run_cell(5)
        wait(lambda: any(o["output_type"] == "error" and "undefined: x" in o["evalue"] for o in self.outputs(5)),
             "the names to be gone", 30)
        if SCREENSHOT:
            self.js("lab.shell.currentWidget.content.activeCellIndex = 0")
            self.driver.save_screenshot(SCREENSHOT)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
