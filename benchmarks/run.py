#!/usr/bin/env python3
"""Runs the benchmarks, or the one named: benchmarks/run.py BUILD [operators|compile_time|embedded|state|queries|windows]. JSON lines on stdout."""
import os
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
build = os.path.abspath(sys.argv[1])
COMMANDS = {
    "operators": [os.path.join(build, "benchmarks", "operators")],
    "compile_time": [sys.executable, os.path.join(here, "compile_time", "compile_time.py")],
    "embedded": [sys.executable, os.path.join(here, "embedded", "embedded.py"), build],
    "state": [os.path.join(build, "benchmarks", "state")],
    "windows": [os.path.join(build, "benchmarks", "windows")],
    "queries": [os.path.join(build, "benchmarks", "queries")],
}
wanted = sys.argv[2:] or list(COMMANDS)
for name in wanted:
    if name not in COMMANDS:
        sys.exit(f"bench {name}: expected one of {', '.join(COMMANDS)}")
for name in wanted:
    print(f"==> {name}", file=sys.stderr, flush=True)
    subprocess.run(COMMANDS[name], check=True)
