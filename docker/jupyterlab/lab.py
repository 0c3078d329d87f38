"""Serves the JupyterLab that docker/install-jupyterlab.sh has built beside this file.

The options are those of jupyter_server: lab.py --ServerApp.root_dir=notebooks --ServerApp.port=8888
"""

import os

from jupyterlab_server import LabServerApp

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "build")
DATA = os.environ.get("JUPYTER_DATA_DIR", os.path.expanduser("~/.local/share/jupyter"))


def folder(name):
    path = os.path.join(DATA, "lab", name)
    os.makedirs(path, exist_ok=True)
    return path


class Lab(LabServerApp):
    name = __name__
    app_name = "JupyterLab"
    app_version = "3.6.8"
    extension_url = app_url = default_url = "/lab"
    load_other_extensions = False
    static_dir = BUILD
    templates_dir = os.path.join(HERE, "templates")
    schemas_dir = os.path.join(BUILD, "schemas")
    themes_dir = os.path.join(BUILD, "themes")
    app_settings_dir = os.path.join(BUILD, "settings")
    user_settings_dir = folder("settings")
    workspaces_dir = folder("workspaces")


def _jupyter_server_extension_points():
    return [{"module": __name__, "app": Lab}]


if __name__ == "__main__":
    Lab.launch_instance()
