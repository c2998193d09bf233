#!/usr/bin/env python3
"""Public headers: each compiles alone, without exceptions and RTTI; and what a pipeline needs includes nothing that is slow to compile or not ours.

tests/house/headers.py [compiler...]; last line `N passed, N failed`."""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
include = os.path.join(root, "include")
FLAGS = ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-I", include]

# The headers of a pipeline, and what none of them may include, directly or not.
PIPELINE = ["topology.hpp", "stream.hpp", "table.hpp", "grouped.hpp", "grouped_table.hpp", "update.hpp", "topic.hpp", "serde.hpp", "borrow.hpp", "record.hpp", "status.hpp", "time.hpp"]
BANNED = re.compile(
    r"/(chrono|functional|map|unordered_map|set|iostream|sstream|fstream|regex|ranges|algorithm|thread|mutex|condition_variable|future|filesystem"
    r"|random|locale|iomanip)$|/absl/|/google/protobuf/|/range/v3/|/sqlite3\.h$|/librdkafka/")
# Installed for pipelines that read protobuf messages, and so allowed to include their headers; compiled with them.
PROTOBUF = {"serde/protobuf.hpp", "serde/json.hpp"}


def headers():
    for folder, _, names in sorted(os.walk(os.path.join(include, "klamm"))):
        for name in sorted(names):
            if name.endswith(".hpp"):
                yield os.path.relpath(os.path.join(folder, name), os.path.join(include, "klamm"))


def compiled_alone(job):
    compiler, header = job
    source = f'#include "klamm/{header}"\n'
    done = subprocess.run([compiler, *FLAGS, "-x", "c++", "-"], input=source, capture_output=True, text=True)
    return [] if done.returncode == 0 else [f"klamm/{header} does not compile alone with {compiler}:", *done.stderr.splitlines()[:20]]


def included(header):
    """The files that a header brings in, as the preprocessor found them."""
    done = subprocess.run(["g++", *FLAGS, "-x", "c++", "-M", "-"], input=f'#include "klamm/{header}"\n', capture_output=True, text=True, check=True)
    return [path for path in done.stdout.replace("\\\n", " ").split()[1:] if path != "-"]


def light(header):
    found = [path for path in included(header) if BANNED.search(os.path.normpath(path))]
    return [f"klamm/{header} includes {path}" for path in found]


def protobuf_only_there(header):
    found = [path for path in included(header) if "/google/protobuf/" in path or "/absl/" in path]
    return [] if header in PROTOBUF or not found else [f"klamm/{header} includes {found[0]}"]


def main():
    compilers = sys.argv[1:] or [c for c in ("g++", "clang++") if shutil.which(c)]
    known = list(headers())
    checks = [(compiled_alone, (compiler, header)) for header in known for compiler in compilers]
    checks += [(light, header) for header in PIPELINE] + [(protobuf_only_there, header) for header in known]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for wrong in pool.map(lambda check: check[0](check[1]), checks):
            print(*wrong, sep="\n", end="\n" if wrong else "")
            passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
