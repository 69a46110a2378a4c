# SPDX-License-Identifier: Apache-2.0
"""summary.py REPORT STATUS: the figures of a report of Schemathesis's, and its last line as our suites want it; an operation
with a failure is one that failed. STATUS: how Schemathesis ended, which is a failure too when its report has none."""
import json
import pathlib
import sys

report_file, status = pathlib.Path(sys.argv[1]), int(sys.argv[2])
report = json.loads(report_file.read_text()) if report_file.exists() else {}
tested = report.get("operations", {}).get("tested", 0)
failed = {operation for failure in report.get("failures", []) for operation in failure["operations"]}
failed |= {error.get("operation") or error.get("type", "error") for error in report.get("errors", [])}
if status != 0 and not failed:
    failed = {f"schemathesis ended with {status}"}
for operation in sorted(failed):
    print(f"FAIL: {operation}")
print(f"figure api_schemathesis_operations {tested} operations")
print(f"figure api_schemathesis_cases {report.get('test_cases', {}).get('generated', 0)} cases")
print(f"{max(tested - len(failed), 0)} passed, {len(failed)} failed, 0 skipped")
sys.exit(1 if failed else 0)
