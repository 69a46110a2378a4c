#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the scripts beside this file into the manifests that carry them, as blocks of spec.files.

  embed.py          writes dljob.yaml and data.yaml
  embed.py --check  changes nothing; exit 1 if a manifest holds another text than its script
"""
import pathlib
import re
import sys

here = pathlib.Path(__file__).resolve().parent
check = sys.argv[1:] == ["--check"]
if sys.argv[1:] and not check:
    sys.exit(__doc__.strip())
stale = []
for manifest, script in (("dljob.yaml", "train.py"), ("data.yaml", "prepare.py")):
    old = (here / manifest).read_text()
    lines = (here / script).read_text().splitlines()
    body = "".join(f"      {line}".rstrip() + "\n" for line in lines)
    # The block is everything below its head that is indented deeper than the head, or empty.
    head = rf"(  - name: {re.escape(script)}\n    content: \|\n)(?:      .*\n|\n)*"
    new, found = re.subn(head, lambda match: match.group(1) + body, old)
    if found != 1:
        sys.exit(f"{manifest}: no block for {script}")
    if new != old:
        stale.append(manifest)
        if not check:
            (here / manifest).write_text(new)
if stale and check:
    sys.exit(f"{', '.join(stale)}: not the text of the script beside it; run {here / 'embed.py'}")
