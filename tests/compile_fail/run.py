#!/usr/bin/env python3
"""Programs that must not compile: each file gives exactly one error, the sentence it expects, in at most ten lines, with g++ and clang++; and every
sentence of the public headers has its file.

tests/compile_fail/run.py [-v] [compiler...]; last line `N passed, N failed`."""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
include = os.path.normpath(os.path.join(here, "..", "..", "include"))
FLAGS = ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-fdiagnostics-color=never"]
LINES = 10


def precompile(compiler, folder):
    """Parses the headers once; the errors are the same. Returns the flags that use it."""
    header = os.path.join(include, "klamm", "klamm.hpp")
    out = os.path.join(folder, compiler, "klamm")
    os.makedirs(out)
    if "clang" in compiler:
        pch = os.path.join(out, "klamm.pch")
        subprocess.run([compiler, *FLAGS, "-I", include, "-x", "c++-header", header, "-o", pch], check=True)
        return ["-include-pch", pch, "-I", include]
    os.symlink(header, os.path.join(out, "klamm.hpp"))  # g++ looks beside the header
    subprocess.run([compiler, *FLAGS, "-I", include, "-x", "c++-header", header, "-o", os.path.join(out, "klamm.hpp.gch")], check=True)
    return ["-I", os.path.join(folder, compiler), "-I", include]


def compile_one(job):
    compiler, flags, path = job
    expect = re.match(r"// expect: (.*)", open(path).read()).group(1)
    done = subprocess.run([compiler, *FLAGS, *flags, "-fsyntax-only", path], capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if not re.fullmatch(r"\d+ errors? generated\.", line)]
    errors = [line for line in lines if re.search(r"\berror: ", line)]
    # Where a header stands above the error is not of the error: the stack of includes is the same for every mistake.
    stack = sum(1 for line in lines if re.match(r"(In file included from|\s+from) ", line))
    wrong = []
    if len(errors) != 1:
        wrong.append(f"{len(errors)} errors")
    if not any(re.search(expect, error) for error in errors):
        wrong.append(f"no error says: {expect}")
    if len(lines) - stack > LINES:
        wrong.append(f"{len(lines) - stack} lines")
    return os.path.basename(path), compiler, wrong, len(lines) - stack, done.stderr


def sentences():
    """What the headers say, from their static_asserts. Those in detail/ stand behind others and are not what a user meets."""
    found = set()
    for path in glob.glob(os.path.join(include, "klamm", "**", "*.hpp"), recursive=True):
        if os.sep + "detail" + os.sep in path:
            continue
        for call in re.findall(r"static_assert\((.*?)\);\n", open(path).read(), re.S):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call))
            if text.startswith("klamm: "):
                found.add(text.replace('\\"', '"'))
    return found


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    compilers = arguments or [c for c in ("g++", "clang++") if shutil.which(c)]
    files = sorted(glob.glob(os.path.join(here, "*.cpp")))
    passed = failed = 0
    said = ""
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        flags = list(pool.map(lambda compiler: precompile(compiler, folder), compilers))
        for name, compiler, wrong, count, output in pool.map(compile_one, [(c, f, path) for path in files for c, f in zip(compilers, flags)]):
            said += output
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong or "-v" in sys.argv:
                print(f"{name} {compiler}: {', '.join(wrong) or 'fine'} ({count} lines)")
            if wrong:
                print("\n".join("    " + line for line in output.splitlines()[:30]))
    for sentence in sorted(sentences()):
        if sentence in said or sentence.replace('"', '\\"') in said:
            passed += 1
        else:
            failed += 1
            print(f"no file makes the headers say: {sentence}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
