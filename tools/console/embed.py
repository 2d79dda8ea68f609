#!/usr/bin/python3
"""Writes the C++ source that carries the console's files: embed.py OUTPUT FILE...

The files become the table that shards/console_assets.h declares. index.html is "/", every other
file is "/<its name>". The tag is a digest of the bytes, so a browser asks again after an update and
is answered 304 until then.
"""

import hashlib
import pathlib
import sys

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
BYTES_PER_LINE = 16


def character(byte):
    """A char literal rather than a number: char is signed on one machine, unsigned on another."""
    return f"'\\x{byte:02x}'"


def array(name, content):
    lines = [
        "    " + ", ".join(map(character, content[at : at + BYTES_PER_LINE])) + ","
        for at in range(0, len(content), BYTES_PER_LINE)
    ]
    return f"constexpr char {name}[] = {{\n" + "\n".join(lines) + "\n};\n"


def row(name, file, content):
    path = "/" if file.name == "index.html" else "/" + file.name
    tag = hashlib.sha256(content).hexdigest()[:16]
    return (
        f'    {{"{path}", "{CONTENT_TYPES[file.suffix]}", '
        f'{{{name}, sizeof({name})}}, "\\"{tag}\\""}},\n'
    )


def main():
    output, *names = sys.argv[1:]
    arrays, rows = [], []
    for index, file in enumerate(map(pathlib.Path, names)):
        if file.suffix not in CONTENT_TYPES:
            sys.exit(f"embed.py: {file}: no content type is known for '{file.suffix}'")
        content = file.read_bytes()
        if not content:
            sys.exit(f"embed.py: {file}: the file is empty")
        arrays.append(array(f"kFile{index}", content))
        rows.append(row(f"kFile{index}", file, content))
    pathlib.Path(output).write_text(
        "// Written by tools/console/embed.py.\n"
        '#include "shards/console_assets.h"\n\n'
        "namespace tickcast::shards {\nnamespace {\n\n"
        + "\n".join(arrays)
        + "\nconstexpr ConsoleAsset kAssets[] = {\n"
        + "".join(rows)
        + "};\n\n}  // namespace\n\n"
        "std::span<const ConsoleAsset> ConsoleAssets() { return kAssets; }\n\n"
        "}  // namespace tickcast::shards\n"
    )


if __name__ == "__main__":
    main()
