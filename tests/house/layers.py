#!/usr/bin/env python3
"""Dependencies point down, never sideways: greps the includes of every layer, our own and third parties'. Last line `N passed, N failed`."""
import os
import re
import sys

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What the private headers of other layers each layer may include, and which third-party headers.
ALLOWED = {
    "base": (set(), set()),
    "ports": (set(), {"pthread.h"}),
    "graph": (set(), {"protobuf"}),
    "log": ({"ports"}, {"sqlite3.h", "zlib.h", "posix", "absl"}),
    "kafka": ({"log"}, {"rdkafka", "pthread.h"}),
    "state": ({"ports"}, {"sqlite3.h", "posix", "emmintrin.h"}),
    "runtime": ({"ports", "graph", "log"}, {"protobuf", "pthread.h"}),
    "sqlite_extension": (set(), {"sqlite3.h"}),
    "app": ({"ports", "graph", "log", "kafka", "runtime"}, {"posix"}),
    "testing": ({"ports", "graph", "log", "runtime"}, set()),
}
POSIX = re.compile(r"^(unistd|fcntl|poll|getopt|dirent|errno|pthread|sys/\w+)\.h$")
THIRD = {"sqlite3.h": "sqlite3.h", "sqlite3ext.h": "sqlite3.h", "zlib.h": "zlib.h", "emmintrin.h": "emmintrin.h", "librdkafka/rdkafka.h": "rdkafka", "rdkafka.h": "rdkafka"}


def kind_of(header):
    if POSIX.match(header):
        return "posix" if header != "pthread.h" else "pthread.h"
    if header in THIRD:
        return THIRD[header]
    if header.startswith("absl/"):
        return "absl"
    if header.startswith("range/v3/"):
        return "range-v3"
    if header.startswith("google/protobuf") or header.endswith(".pb.h"):
        return "protobuf"
    return None


def check(path, layer):
    wrong = []
    layers, third = ALLOWED[layer]
    for number, line in enumerate(open(os.path.join(root, path)), 1):
        match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if not match:
            continue
        header = match.group(1)
        first = header.split("/")[0]
        if first in ALLOWED and first != layer and first not in layers:
            wrong.append(f"{path}:{number}: layer {layer} may not include {header}")
        kind = kind_of(header)
        if kind is not None and kind not in third and not (kind == "pthread.h" and "posix" in third):
            wrong.append(f"{path}:{number}: layer {layer} may not include {header} ({kind})")
    return wrong


def main():
    passed = failed = 0
    for layer in sorted(os.listdir(os.path.join(root, "lib"))):
        folder = os.path.join(root, "lib", layer)
        if not os.path.isdir(folder):
            continue
        if layer not in ALLOWED:
            print(f"lib/{layer}: unknown layer: say in {os.path.relpath(__file__, root)} what it may use")
            failed += 1
            continue
        for name in sorted(os.listdir(folder)):
            if not name.endswith((".hpp", ".cpp")):
                continue
            wrong = check(f"lib/{layer}/{name}", layer)
            print(*wrong, sep="\n", end="\n" if wrong else "")
            passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
