#!/usr/bin/python3
"""Writes the official SDK's browser build, for the pages: sdk.py ROOT OUTPUT.

The npm package of package-lock.json is installed into ROOT/build/console, once for all build
types. Without npm or network the output is a script that does nothing, so that the server can be
built all the same; the pages then say what they lack, and tools/build tries again the next time.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE_FILES = ("package.json", "package-lock.json", ".npmrc")
INSTALL_LIMIT_S = 120
ABSENT = "// The SDK could not be fetched when this was built.\n"


def wanted_packages():
    return b"".join((HERE / name).read_bytes() for name in PACKAGE_FILES)


def install(folder):
    """`npm ci` into `folder`, unless the same was installed before. Other builds may be at it too,
    so it happens beside and is moved there in one step."""
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_bytes() == wanted_packages():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="console-") as made:
        place = pathlib.Path(made) / "console"
        place.mkdir()
        for name in PACKAGE_FILES:
            shutil.copyfile(HERE / name, place / name)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"],
            cwd=place, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            timeout=INSTALL_LIMIT_S)
        (place / "installed").write_bytes(wanted_packages())
        if folder.exists():
            os.rename(folder, pathlib.Path(made) / "old")
        os.rename(place, folder)


def browser_build(folder):
    """The SDK as one script, under its licence's text."""
    package = folder / "node_modules" / "centrifuge"
    code = (package / "dist" / "centrifuge.js").read_text(encoding="utf-8")
    licence = (package / "LICENSE").read_text(encoding="utf-8").strip().replace("*/", "* /")
    lines = [line for line in code.splitlines() if not line.startswith("//# sourceMappingURL=")]
    return f"/*! centrifuge (npm)\n\n{licence}\n*/\n" + "\n".join(lines) + "\n"


def main():
    root, output = map(pathlib.Path, sys.argv[1:])
    folder = root / "build" / "console"
    try:
        install(folder)
        script = browser_build(folder)
    except (OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        print(f"sdk.py: the pages get no SDK: {detail[-1] if detail else error}",
              file=sys.stderr)
        script = ABSENT
    output.write_text(script, encoding="utf-8")


if __name__ == "__main__":
    main()
