"""Settings of the documentation site, for Sphinx: make docs, or python -m sphinx -W -c docs/site . build/site.

The source folder is the repository itself, so that the relative links of the pages work on the site as on GitHub.
Nothing is fetched, neither when the site is built nor when it is read: `site_tools` renders formulas as MathML.
"""

import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
sys.path[:0] = [str(FOLDER), str(ROOT)]  # this checkout's tf3dlocal, wherever another one is installed

import api_pages  # noqa: E402

import tf3dlocal  # noqa: E402
from tf3dlocal.cli.console import start_tensorflow  # noqa: E402

start_tensorflow()  # without its messages

project = "tf3dlocal"
release = version = tf3dlocal.__version__
project_copyright = "the authors of tf3dlocal, Apache-2.0"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docstrings", "site_tools"]

# What the site shows. Everything else in the repository (environments, runs, data sets) is not even searched.
SHOWN = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "notebooks", "configs", "saved_models")
root_doc = "README"
exclude_patterns = [path.name for path in ROOT.iterdir() if path.name not in SHOWN]
exclude_patterns += ["docs/site", "**/.ipynb_checkpoints"]
api_pages.write(ROOT / "docs" / "api")

# Notebooks are shown with the outputs that they carry.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # the default fetches RequireJS and Jupyter's widgets
nb_mime_priority_overrides = [("html", "image/gif", 5)]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4  # the anchors that GitHub gives

# Docstrings: `docstrings` turns their Markdown into reStructuredText first.
napoleon_google_docstring, napoleon_numpy_docstring, napoleon_use_rtype = True, False, False
napoleon_custom_sections = [("Call arguments", "params_style")]
autodoc_typehints, autodoc_typehints_format = "signature", "short"
python_maximum_signature_line_length = 90
highlight_language = "text"  # what a command prints is no Python; blocks of code name their language
smartquotes = False  # "paper" is to be copied with the quotes that Python knows
html_math_renderer = "mathml"

html_theme = "furo"
html_title = f"tf3dlocal {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
html_theme_options = {"top_of_page_buttons": []}
