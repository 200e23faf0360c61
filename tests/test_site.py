"""The documentation site is built without a warning and without a network, and has everything that it should have."""

import html.parser
import importlib
import pathlib
import pkgutil
import re
import subprocess
import sys

import pytest

import tf3dlocal

ROOT = pathlib.Path(__file__).resolve().parents[1]
SITE = ROOT / "docs" / "site"
PAGES = [
    path
    for folder in ("", "docs", "notebooks", "configs", "configs/*", "saved_models")
    for path in ROOT.glob(f"{folder}/*.md" if folder else "*.md")
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Sphinx, in a process in which nothing can be reached.
OFFLINE = """
import socket, sys
def refuse(*address): raise OSError(f"the site must be built without a network: {address}")
socket.socket.connect = socket.getaddrinfo = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of the built site."""
    out = tmp_path_factory.mktemp("site")
    options = [
        "--fail-on-warning",
        "--quiet",
        "-d",
        str(out / "doctrees"),
        "-c",
        str(SITE),
        str(ROOT),
        str(out / "html"),
    ]
    command = [sys.executable, "-c", OFFLINE, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.fixture
def site_module(monkeypatch):
    """Import a module of docs/site."""
    monkeypatch.syspath_prepend(str(SITE))
    return importlib.import_module


class Links(html.parser.HTMLParser):
    """The anchors of a page, what it links to, and what a browser fetches to show it."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.targets, self.fetched = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag == "a" and values.get("href"):
            self.targets.add(values["href"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "preconnect", "dns-prefetch"):
            self.fetched.add(values["href"])
        elif tag in ("script", "img", "iframe", "source", "video", "object") and values.get("src"):
            self.fetched.add(values["src"])


@pytest.fixture(scope="module")
def pages(site):
    """{path: Links} of all pages of the site."""
    return {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def on_site(path):
    return path.relative_to(ROOT).with_suffix(".html").as_posix()


@pytest.mark.slow
def test_the_site_has_every_page_and_every_notebook_and_starts_with_the_readme(site):
    missing = [on_site(path) for path in [*PAGES, *NOTEBOOKS] if not (site / on_site(path)).is_file()]
    assert not missing
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()
    assert (site / "searchindex.js").is_file()


@pytest.mark.slow
def test_every_link_inside_the_site_leads_to_a_page_and_an_anchor_that_exist(pages):
    broken = []
    for page, links in pages.items():
        for target in links.targets | links.fetched:
            if re.match(r"(https?|mailto|data|javascript):", target):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name.partition("?")[0]).resolve() if name else page
            if not file.is_file() or (anchor and file in pages and anchor not in pages[file].anchors):
                broken.append(f"{page.name}: {target}")
    assert not broken


@pytest.mark.slow
def test_a_reader_without_a_network_sees_the_whole_site(site, pages):
    fetched = {f"{page.name}: {each}" for page, links in pages.items() for each in links.fetched if "//" in each[:8]}
    fetched |= {
        f"{path.name}: {address}"
        for path in site.rglob("*.css")
        for address in re.findall(r"(?:url\(|@import )[\"']?(https?:[^\"')]+)", path.read_text(encoding="utf-8"))
    }
    assert not fetched


def public_names():
    """(package, name) of all names in the packages' `__all__`."""
    modules = [
        tf3dlocal.__name__,
        *(m.name for m in pkgutil.walk_packages(tf3dlocal.__path__, "tf3dlocal.") if m.ispkg),
    ]
    return [(name, each) for name in modules for each in getattr(importlib.import_module(name), "__all__", ())]


@pytest.mark.slow
def test_every_public_name_is_described(pages):
    anchors = set().union(*(links.anchors for links in pages.values()))

    def is_described(package, name):
        outer = package.rpartition(".")[0]
        return f"{package}.{name}" in anchors or bool(outer) and is_described(outer, name)

    names = public_names()
    assert len(names) > 200
    assert [f"{package}.{name}" for package, name in names if not is_described(package, name)] == []


@pytest.mark.slow
def test_names_of_public_objects_in_the_text_are_links_to_their_description(pages, site):
    targets = pages[site / "docs" / "faq.html"].targets
    assert "api/tf3dlocal.models.html#tf3dlocal.models.ThreeDLocal" in targets


def test_the_index_lists_every_page(site_module):
    listed = {page for _, pages in site_module("site_tools").contents(ROOT) for page in pages}
    expected = {path.relative_to(ROOT).with_suffix("").as_posix() for path in PAGES}
    assert expected - listed == {"README", "docs/README"}  # the first page, and the index itself
    assert listed <= expected


def test_docstrings_keep_their_code_tables_and_formulas(site_module):
    docstring = [
        "Compute d(a, b) = |a - b|, for `a` and `b`s.",
        "",
        "    d = |a - b| * 2",
        "",
        "| name | value |",
        "|---|---|",
        "| `a` | 256* |",
        "",
        "Args:",
        "    *args: Values.",
        "",
        "Example:",
        "    >>> 1 | 2 * 3",
        "    7",
    ]
    assert site_module("docstrings").restructured(docstring) == [
        r"Compute d(a, b) = \|a - b\|, for ``a`` and ``b``\ s.",
        "",
        "::",
        "",
        "    d = |a - b| * 2",
        "",
        "",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - name",
        "     - value",
        "   * - ``a``",
        r"     - 256\*",
        "",
        "",
        "Args:",
        "    *args: Values.",
        "",
        "Example:",
        "    >>> 1 | 2 * 3",
        "    7",
    ]


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\tfrac12", "1 / 2"),
        (r"\frac1n", "1 / n"),
        ("x^12", "x ^ 1 2"),
        (r"0 \dots n", "0 … n"),
        (r"\frac{a}2", "a / 2"),
    ],
)
def test_formulas_mean_on_the_site_what_they_mean_in_latex(latex, shown, site_module):
    from docutils import nodes

    mathml = site_module("site_tools")._mathml(nodes.math(text=latex), as_block=False)
    assert ("<mfrac" in mathml) == ("/" in shown)
    assert re.findall(r"<m[ino]>([^<]+)</m[ino]>", mathml) == [each for each in shown.split() if each not in "/^"]
