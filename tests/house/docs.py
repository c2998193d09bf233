#!/usr/bin/env python3
"""Documents against the code: the code of docs/guide.md compiles; each sentence of the public headers' compile errors has its place in docs/compile_errors.md, and each one there is said by some
header; relative links of all documents lead somewhere. Last line `N passed, N failed`."""
import glob
import os
import re
import subprocess
import sys
import tempfile

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def sentences():
    """What the headers say behind `klamm: method(argument): `."""
    found = set()
    for path in glob.glob(os.path.join(root, "include", "klamm", "**", "*.hpp"), recursive=True):
        for call in re.findall(r"static_assert\((.*?)\);\n", open(path).read(), re.S):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call)).replace('\\"', '"')
            if text.startswith("klamm: "):
                found.add(text.split(": ", 2)[2])
    return found


def guide_compiles():
    """Blocks marked cpp stand in a file as they are, those marked c++ in functions. Returns what the compiler says."""
    program, functions = "", 0
    for kind, code in re.findall(r"^```(cpp|c\+\+)\n(.*?)^```", open(os.path.join(root, "docs", "guide.md")).read(), re.S | re.M):
        if kind == "cpp":
            program += code
        else:
            functions += 1
            program += f"[[maybe_unused]] static void block_{functions}(klamm::Topology& topology) {{\n{code}}}\n"
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write(program)
        file.flush()
        done = subprocess.run(["g++", "-std=c++20", "-Wall", "-fsyntax-only", "-I", os.path.join(root, "include"), file.name], capture_output=True, text=True)
    return done.stderr


def main():
    wrong, passed = [], 0
    if said := guide_compiles():
        wrong.append(f"docs/guide.md: its code does not compile cleanly:\n{said[:3000]}")
    else:
        passed += 1
    explained = set(re.findall(r"^> (.+)$", open(os.path.join(root, "docs", "compile_errors.md")).read(), re.M))
    said = sentences()
    for sentence in sorted(said | explained):
        if sentence not in explained:
            wrong.append(f"docs/compile_errors.md does not explain: {sentence}")
        elif sentence not in said:
            wrong.append(f"docs/compile_errors.md explains what no header says: {sentence}")
        else:
            passed += 1
    for document in glob.glob(os.path.join(root, "*.md")) + glob.glob(os.path.join(root, "docs", "*.md")) + glob.glob(os.path.join(root, "*", "*", "README.md")):
        if os.path.relpath(document, root).split(os.sep)[0].startswith("build"):
            continue
        prose = re.sub(r"```.*?```|`[^`]*`", "", open(document).read(), flags=re.S)
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
            if os.path.exists(os.path.join(os.path.dirname(document), link)):
                passed += 1
            else:
                wrong.append(f"{os.path.relpath(document, root)}: links to {link}, which is not there")
    print("\n".join(wrong))
    print(f"{passed} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
