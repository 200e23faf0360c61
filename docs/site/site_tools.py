"""What the site needs beyond Sphinx: a table of contents, links to folders and to the API, formulas, index.html."""

import pathlib
import posixpath
import re
import shutil

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

INDEX = "docs/README"  # its headings and tables are the table of contents of the site
logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict:
    """Register everything with Sphinx."""
    app.connect("source-read", add_contents)
    app.connect("doctree-resolved", link_public_names)
    app.connect("build-finished", copy_index)
    app.add_transform(FolderLinks)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def contents(root: pathlib.Path) -> list[tuple[str, list[str]]]:
    """Return [(heading, pages)] as the index page lists them in the first column of its tables.

    Args:
        root: Folder of the repository.
    """
    text = (root / f"{INDEX}.md").read_text(encoding="utf-8")
    parts = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        links = re.findall(r"^\| \[[^\]]+\]\(([^)#]+)\.md\)", section, re.MULTILINE)
        pages = [posixpath.normpath(posixpath.join(posixpath.dirname(INDEX), link)) for link in links]
        parts.append((section.splitlines()[0], pages))
    return parts


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the site's table of contents to its first page, the README, which needs none on GitHub."""
    if docname != app.config.root_doc:
        return
    parts = contents(pathlib.Path(app.srcdir))
    parts[0][1].insert(0, INDEX)
    for heading, pages in [*parts, ("API reference", ["docs/api/*"])]:
        # The page that lists the notebooks comes with all of them.
        pages = [each for page in pages for each in ([page, "notebooks/*"] if page == "notebooks/README" else [page])]
        lines = "\n".join(pages)
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {heading}\n\n{lines}\n```\n"


class FolderLinks(SphinxTransform):
    """Links to a folder, which GitHub shows with its README, lead to that README."""

    default_priority = 5

    def apply(self, **kwargs) -> None:
        """Change the links of one page."""
        for link in self.document.findall(addnodes.pending_xref):
            target = link.get("reftarget") or ""
            if link.get("reftype") != "myst" or link.get("refdomain") or "#" in target:
                continue
            path, _ = self.env.relfn2path(target, self.env.docname)
            readme = posixpath.normpath(posixpath.join(path, "README"))
            if readme in self.env.found_docs:
                link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", readme, None


def link_public_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make code that is the full name of a public object, such as `tf3dlocal.models.GLN`, a link to its description."""
    objects = app.env.domains.python_domain.objects
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext().partition("(")[0]
        entry = objects.get(name)
        if name.startswith("tf3dlocal") and entry and not isinstance(literal.parent, nodes.reference):
            literal.replace_self(make_refnode(app.builder, docname, entry.docname, entry.node_id, literal.deepcopy()))


def copy_index(app: Sphinx, exception: Exception | None) -> None:
    """Give the first page the name that web servers look for."""
    first = pathlib.Path(app.outdir) / f"{app.config.root_doc}.html"
    if exception is None and first.is_file():
        shutil.copyfile(first, first.with_name("index.html"))


def visit_math(writer: object, node: nodes.math) -> None:
    """Write a formula inside a line."""
    writer.body.append(_mathml(node, as_block=False))
    raise nodes.SkipNode


def visit_math_block(writer: object, node: nodes.math_block) -> None:
    """Write a formula that has its own line."""
    writer.body.append(f'<div class="math">{_mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def _mathml(node, as_block):
    try:
        return tex2mathml(_completed(node.astext()), as_block=as_block)
    except MathError as error:
        logger.warning("cannot write %r as MathML: %s", node.astext(), error, location=node)
        return ""


def _completed(latex):
    """Write in full what docutils does not know or misreads: it takes the 12 of x^12 and of frac12 for one number."""
    latex = re.sub(r"\\dots(?![a-zA-Z])", r"\\ldots", latex)
    latex = re.sub(r"(\\[cdt]?frac)\s*(\d)", r"\1{\2}", latex)
    latex = re.sub(r"(\\[cdt]?frac\s*\{[^{}]*\})\s*(\d)", r"\1{\2}", latex)
    return re.sub(r"(\^|_|\\sqrt)\s*(\d)(?=\d)", r"\1{\2}", latex)
