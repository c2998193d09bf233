#!/usr/bin/env python3
"""What pipelines cost to compile: 50 of five operators each, stateless and stateful, with g++ and clang++ at -O2; the headers alone; the cost of one
operator; beside a reference, a file that includes <regex> and uses it, so that each figure is a ratio too. CPU seconds, medians of the runs; a JSON line
each. Usage: compile_time.py [PIPELINES] [RUNS] [compiler...]"""
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLAGS = ["-std=c++20", "-O2", "-fno-rtti", "-I", os.path.join(root, "include")]
KINDS = [("std::string", "std::string"), ("std::int64_t", "std::int64_t"), ("std::string", "std::int64_t")]
HEADERS = '#include "klamm/topology.hpp"\n'
REFERENCE = """#include <regex>
#include <string>
bool match(const std::string& text) { return std::regex_search(text, std::regex{"([a-z]+)-([0-9]+)"}); }
"""


def on_strings(i):
    return f"""
      .filter([](const std::string& v) {{ return v.size() > {i}; }})
      .mutate([](std::string& v) {{ v += "{i}"; }})
      .map([](std::string v) {{ v.pop_back(); return v; }})
      .filter([](const std::string& v) {{ return v[0] != '{chr(97 + i % 26)}'; }})
      .map([](const std::string& v) {{ return static_cast<std::int64_t>(v.size()) + {i}; }})"""


def on_numbers(i):
    return f"""
      .filter([](std::int64_t v) {{ return v > {i}; }})
      .map([](std::int64_t v) {{ return v + {i}; }})
      .mutate([](std::int64_t& v) {{ v *= {i + 2}; }})
      .filter([](const auto&, std::int64_t v) {{ return v % {i + 2} == 0; }})
      .map([](std::int64_t v) {{ return v - {i}; }})"""


def stateful(i, key):
    return f"""
      .join(t.table(klamm::Topic<{key}, std::int64_t>{{"table-{i}"}}), [](std::int64_t v, std::int64_t w) {{ return v + w + {i}; }})
      .group_by([](std::int64_t v) {{ return v % {i + 2}; }}).count("counts-{i}").upserts()"""


def program(pipelines, with_state=False, repeat=1):
    """`repeat`: how often the operators on numbers follow each other."""
    text = HEADERS
    for i in range(pipelines):
        key, value = KINDS[i % 3] if repeat == 1 else KINDS[1]
        steps = on_strings(i) if value == "std::string" else on_numbers(i) * repeat
        out = key
        if with_state:
            steps, out = steps + stateful(i, key), "std::int64_t"
        text += f"""void pipeline_{i}(klamm::Topology& t) {{
  t.stream(klamm::Topic<{key}, {value}>{{"in-{i}"}}){steps}
      .to(klamm::Topic<{out}, std::int64_t>{{"out-{i}"}});
}}
"""
    return text


def compiled(compiler, text, folder):
    """CPU seconds and the object's size."""
    source, output = os.path.join(folder, "a.cpp"), os.path.join(folder, "a.o")
    with open(source, "w") as file:
        file.write(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([compiler, *FLAGS, "-c", source, "-o", output], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, os.path.getsize(output)


def main():
    pipelines = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    compilers = sys.argv[3:] or [c for c in ("g++", "clang++") if shutil.which(c)]
    programs = {
        "reference": REFERENCE,
        "headers": HEADERS,
        "stateless": program(pipelines),
        "stateful": program(pipelines, with_state=True),
        "long": program(pipelines, repeat=3),
        "short": program(pipelines, repeat=2),
    }
    with tempfile.TemporaryDirectory() as folder:
        for compiler in compilers:
            times = {name: [] for name in programs}
            sizes = {}
            for _ in range(runs):
                for name, text in programs.items():
                    seconds, sizes[name] = compiled(compiler, text, folder)
                    times[name].append(seconds)
            median = {name: statistics.median(seen) for name, seen in times.items()}
            for name in ("reference", "headers", "stateless", "stateful"):
                line = {"name": f"compile_time/{name}", "compiler": compiler, "cpu_s": round(median[name], 2), "ratio": round(median[name] / median["reference"], 2),
                        "object_kb": sizes[name] // 1000}
                if name in ("stateless", "stateful"):
                    line["pipelines"] = pipelines
                    line["operators"] = 5 if name == "stateless" else 9
                print(json.dumps(line), flush=True)
            each = (median["long"] - median["short"]) / (5 * pipelines) * 1000
            print(json.dumps({"name": "compile_time/one_operator", "compiler": compiler, "cpu_ms": round(each, 1)}), flush=True)


main()
