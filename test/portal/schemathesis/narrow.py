# SPDX-License-Identifier: Apache-2.0
"""narrow.py NAMESPACE JOB: copies the description from stdin to stdout with the names of a namespace and a job that exist as
their examples and only values, so that what is tried reaches further than a 403 or 404."""
import json
import sys

document = json.load(sys.stdin)
parameters = document["components"]["parameters"]
for key, value in (("Namespace", sys.argv[1]), ("Job", sys.argv[2])):
    parameters[key]["schema"] = {"type": "string", "enum": [value]}
    parameters[key].pop("example", None)
    parameters[key].pop("examples", None)
json.dump(document, sys.stdout)
