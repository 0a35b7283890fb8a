"""What the documents for users hold that can be tested: sections, fenced blocks, tables, links."""

import json
import re
from dataclasses import dataclass, field

from harness import ROOT

DOCUMENTS = ["README.md", "docs/tool-calls.md"]
"""Those whose examples are run."""

RUN, NOT_RUN = "bash", "console"
"""Tags of shell blocks. What installs, builds, or needs another program is in `console`, after `$ `; it is not run."""


@dataclass
class Block:
    tag: str
    line: int
    text: str = ""

    def json(self):
        return json.loads(self.text)

    def is_call(self):
        """A call of an MCP tool, as `params` of tools/call; any other JSON is the answer to the block before it."""
        if self.tag != "json":
            return False
        value = self.json()
        return isinstance(value, dict) and value.keys() == {"name", "arguments"}


@dataclass
class Section:
    title: str
    blocks: list = field(default_factory=list)


def text_of(document):
    return (ROOT / document).read_text()


def sections(document):
    """The document cut at its headings of the first two levels, with the fenced blocks in each."""
    found, block = [], None
    for number, line in enumerate(text_of(document).split("\n"), 1):
        if block is not None and line == "```":
            block = None
        elif block is not None:
            block.text += line + "\n"
        elif line.startswith("```"):
            block = Block(line[3:], number)
            found[-1].blocks.append(block)
        elif re.match("##? ", line):
            found.append(Section(line.lstrip("# ")))
    assert block is None, f"{document}:{block.line}: the block has no end"
    return found


def blocks(document, tag):
    return [block for section in sections(document) for block in section.blocks if block.tag == tag]


def table(document, *header):
    """The rows, as lists of cells, of all tables with this header."""
    rows, inside = [], False
    for line in text_of(document).split("\n"):
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells == list(header):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not set(line) <= set("|-"):
            rows.append(cells)
    assert rows, f"{document} has no table with the header {header}"
    return rows


def quoted(cell):
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def links(document):
    """(text, target) of each link that is relative."""
    return [
        (text, target) for text, target in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", text_of(document)) if "://" not in target
    ]


def anchors(document):
    """The names under which the headings can be linked to."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text_of(document), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
