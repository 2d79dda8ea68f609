"""A flame graph as one SVG file that needs nothing else: frames, tooltips, search, zoom.

Width is the share of the weight; the outermost frame lies at the bottom; neighbours are in the
order of their names, so the x axis is no time. Colours come from the names alone, so two graphs of
one program can be laid side by side: yellow is the kernel, blue tickcast, green other user code.
"""

import dataclasses
import pathlib
import zlib
from xml.sax.saxutils import escape, quoteattr

WIDTH = 1200
MARGIN = 10
ROW = 16
TOP = 44
BOTTOM = 28
CHARACTER_WIDTH = 6.6  # Of 11 px in a monospaced font.
LEAST_WIDTH = 0.2  # Narrower frames are left out.

SCRIPT = pathlib.Path(__file__).with_name("flamegraph.js")


@dataclasses.dataclass
class Node:
    name: str
    weight: int = 0
    children: dict = dataclasses.field(default_factory=dict)


def tree_of(stacks):
    root = Node("all")
    for stack, weight in stacks.items():
        root.weight += weight
        node = root
        for name in stack:
            node = node.children.setdefault(name, Node(name))
            node.weight += weight
    return root


def colour(name):
    """The hue tells whose code it is, the shade is the name's own."""
    shade = zlib.crc32(name.encode()) % 1000 / 1000
    if name.endswith("_[k]"):
        hue, saturation = 38 + 14 * shade, 92
    elif name.startswith("tickcast::") or name == "tickcast":
        hue, saturation = 200 + 18 * shade, 75
    elif name.startswith("["):
        hue, saturation = 0, 0
    else:
        hue, saturation = 95 + 35 * shade, 45
    return f"hsl({hue:.0f},{saturation}%,{68 + 12 * shade:.0f}%)"


def fitting(text, width):
    """As much of the text as a frame shows; the script does the same after a zoom."""
    room = int((width - 4) / CHARACTER_WIDTH)
    if room < 3:
        return ""
    return text if len(text) <= room else text[:room - 2] + ".."


def frames_of(root, scale):
    """(node, depth, x, width) of every frame that is wide enough, outermost first."""
    waiting = [(root, 0, float(MARGIN))]
    while waiting:
        node, depth, x = waiting.pop()
        width = node.weight * scale
        if width < LEAST_WIDTH:
            continue
        yield node, depth, x, width
        for name in sorted(node.children):
            child = node.children[name]
            waiting.append((child, depth + 1, x))
            x += child.weight * scale


def draw(stacks, title, unit):
    """The SVG's text. `unit` is what weights count: "samples", "us"."""
    root = tree_of(stacks)
    if root.weight == 0:
        raise ValueError("no stacks: nothing to draw")
    frames = list(frames_of(root, (WIDTH - 2 * MARGIN) / root.weight))
    depth = max(frame[1] for frame in frames) + 1
    height = TOP + depth * ROW + BOTTOM
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" data-margin="{MARGIN}" '
        f'data-character="{CHARACTER_WIDTH}" font-family="monospace" font-size="11">\n'
        "<style>.f{cursor:pointer}.f:hover rect{stroke:#000;stroke-width:.5}"
        ".f text{pointer-events:none}.found rect{fill:#e2007a}.past{opacity:.5}"
        ".b{cursor:pointer;text-decoration:underline}</style>\n"
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        f'<text x="{WIDTH / 2:g}" y="22" text-anchor="middle" font-size="15">{escape(title)}</text>\n'
        f'<text id="reset" class="b" x="{MARGIN}" y="22" visibility="hidden">whole graph</text>\n'
        f'<text id="search" class="b" x="{WIDTH - MARGIN}" y="22" text-anchor="end">search</text>\n'
        f'<text id="found" x="{WIDTH - MARGIN}" y="{height - 9}" text-anchor="end"></text>\n'
        f'<text id="shown" x="{MARGIN}" y="{height - 9}">{root.weight:,} {escape(unit)}</text>\n'
        '<g id="frames">\n']
    for node, level, x, width in frames:
        y = height - BOTTOM - (level + 1) * ROW
        share = 100 * node.weight / root.weight
        tooltip = f"{node.name} ({node.weight:,} {unit}, {share:.2f} %)"
        parts.append(
            f'<g class="f" data-name={quoteattr(node.name)}><title>{escape(tooltip)}</title>'
            f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{ROW - 1}" '
            f'fill="{colour(node.name)}" rx="1"/>'
            f'<text x="{x + 2:.2f}" y="{y + 11.5}">{escape(fitting(node.name, width))}</text></g>\n')
    parts.append("</g>\n<script><![CDATA[\n" + SCRIPT.read_text() + "]]></script>\n</svg>\n")
    return "".join(parts)
