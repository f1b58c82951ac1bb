"""Links from names of the package, wherever they stand in backticks, to the reference."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

TELLING = re.compile(r"[A-Za-z]\w*(\.\w+)+|[a-z]+_\w+|[A-Z][a-z]+\w*")  # no everyday words


class NameLinks(SphinxPostTransform):
    """Turn `gan.step.gan_step` and `gan_step` into links."""

    default_priority = 5  # before other references are resolved

    def run(self, **_: object) -> None:
        """Visit all literals of a page that are no links yet."""
        here = self.env.current_document.docname
        objects = self.env.domains["py"].objects
        for literal in list(self.document.findall(nodes.literal)):
            name = full_name(literal.astext(), objects)
            inside = (nodes.reference, nodes.title)
            if name is None or isinstance(literal.parent, inside):
                continue
            entry = objects[name]
            link = make_refnode(
                self.app.builder, here, entry.docname, entry.node_id, literal.deepcopy(), name
            )
            literal.replace_self(link)


def full_name(text: str, objects: dict[str, object]) -> str | None:
    """Return the one object of the reference that is called so, or ends so; None if in doubt."""
    if not TELLING.fullmatch(text):
        return None
    if text in objects:
        return text
    found = [name for name in objects if name.endswith(f".{text}")]
    return found[0] if len(found) == 1 else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_post_transform(NameLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
