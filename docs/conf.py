"""How the site is built: `make docs`."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE / "_extensions"))
os.environ.setdefault("MPLBACKEND", "Agg")

project = "fanin"
author = "the authors of fanin"
release = installed("fanin")
version = release

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "copies",
    "mathml",
    "reference",
    "docstrings",
]
html_math_renderer = "mathml"
exclude_patterns = ["_build", "_extensions"]

# Warnings are errors, and so is a reference that leads nowhere.
nitpicky = True

# Docstrings. Their types are in words, so that signatures stay short.
autosummary_generate = False
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_mock_imports = ["keras"]
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"
default_role = "name"  # `Dense` in a docstring leads to its page, `x` is emphasized

# Pages in Markdown, and notebooks as they are stored: `make notebooks` runs them.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_merge_streams = True

html_theme = "pydata_sphinx_theme"
html_title = "fanin"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "show_prev_next": False,
    "collapse_navigation": True,  # the whole tree in each of 300 pages takes minutes
    "navigation_depth": 3,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
