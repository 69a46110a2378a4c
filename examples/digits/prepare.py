# SPDX-License-Identifier: Apache-2.0
"""Unpacks the UCI handwritten digits, which scikit-learn carries, into the shared folder.

A line an image: 64 grey values of an 8 x 8 picture (0 to 16), then the digit.
"""
import gzip
import importlib.util
import os
import sys

target = sys.argv[1] if len(sys.argv) > 1 else "/data/digits.csv"
package = importlib.util.find_spec("sklearn").submodule_search_locations[0]
with gzip.open(os.path.join(package, "datasets", "data", "digits.csv.gz"), "rt") as source:
    text = source.read()
with open(target + ".new", "w") as file:
    file.write(text)
os.replace(target + ".new", target)
print(f"{target}: {text.count(chr(10))} images", flush=True)
