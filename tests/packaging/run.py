#!/usr/bin/env python3
"""Installs klamm into an empty prefix and builds programs against it as users do: pkg-config, CMake, each with the shared and the static library, with g++ and
clang++; and with klamm as a Meson subproject. Each program is run. Last line `N passed, N failed`."""
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
build = os.path.abspath(os.environ["KLAMM_BUILD"])
SOURCES = ("program", "program_test")


def sh(command, **settings):
    done = subprocess.run(command if isinstance(command, list) else shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **settings)
    if done.returncode != 0:
        raise AssertionError(f"{command}\n{done.stdout[-4000:]}")
    return done.stdout


def installed(work):
    """The prefix: relocatable, so wherever it is put."""
    sh(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", os.path.join(work, "installed")])
    pc = glob.glob(os.path.join(work, "installed", "**", "klamm.pc"), recursive=True)[0]
    prefix = re.search(r"^prefix=\$\{pcfiledir\}/(.*)$", open(pc).read(), re.M)
    return os.path.normpath(os.path.join(os.path.dirname(pc), prefix.group(1))), os.path.dirname(os.path.dirname(pc))


def run(directory, lib):
    environment = dict(os.environ, LD_LIBRARY_PATH=lib)
    told = sh([os.path.join(directory, "program")], env=environment)
    assert re.search(r"^klamm \d+\.\d+\.\d+$", told, re.M), told
    sh([os.path.join(directory, "program_test")], env=environment)


def with_pkg_config(work, prefix, lib, compiler, static):
    """The static library is what is left where there is no shared one."""
    if static:
        only = os.path.join(work, "static")
        shutil.copytree(prefix, only, symlinks=True, dirs_exist_ok=True)
        lib = os.path.join(only, os.path.relpath(lib, prefix))
        for shared in glob.glob(os.path.join(lib, "*.so*")):
            os.remove(shared)
    out = tempfile.mkdtemp(dir=work)
    environment = dict(os.environ, PKG_CONFIG_PATH=os.path.join(lib, "pkgconfig"))
    for source, package in zip(SOURCES, ("klamm", "klamm-testing")):
        flags = sh(["pkg-config", *(["--static"] if static else []), "--cflags", "--libs", package], env=environment).split()
        sh([compiler, "-O0", "-o", os.path.join(out, source), os.path.join(here, source + ".cpp"), *flags])
    run(out, lib)


def with_cmake(work, prefix, lib, static):
    out = tempfile.mkdtemp(dir=work)
    sh(["cmake", "-G", "Ninja", "-S", os.path.join(here, "cmake"), "-B", out, f"-DCMAKE_PREFIX_PATH={prefix}", f"-Dklamm_USE_STATIC={'ON' if static else 'OFF'}"])
    sh(["ninja", "-C", out])
    run(out, lib)


def as_subproject(work):
    project = os.path.join(work, "subproject")
    shutil.copytree(os.path.join(here, "meson"), project)
    for source in SOURCES:
        shutil.copy(os.path.join(here, source + ".cpp"), project)
    os.mkdir(os.path.join(project, "subprojects"))
    os.symlink(root, os.path.join(project, "subprojects", "klamm"))
    out = os.path.join(project, "build")
    sh(["meson", "setup", "--buildtype=plain", "-Doptimization=0", out, project])
    sh(["ninja", "-C", out, "program", "program_test"])
    run(out, "")


def hides_what_it_is_made_of(lib):
    """Exported: the public names, what the test driver needs, and what the standard library's own headers insist on."""
    names = [line.split(None, 2)[2] for line in sh(["nm", "-DC", "--defined-only", os.path.join(lib, "libklamm.so")]).splitlines() if line.count(" ") >= 2]
    allowed_inside = re.compile(r"runtime::Engine|log::memory_log|log::memory_client|log::murmur2|ports::inline_executor")
    inside = [name for name in names if re.search(r"klamm::v0::(log|state|runtime|ports)::", name.split("(")[0]) and not allowed_inside.search(name)]
    foreign = [name for name in names if re.match(r"(vtable for |typeinfo for |typeinfo name for )?(klamm::pb|google|absl|sqlite3)", name)]
    assert names and not inside and not foreign, "\n".join(inside[:10] + foreign[:10])


def main():
    work = tempfile.mkdtemp(prefix="klamm-packaging-")
    passed = failed = 0
    try:
        prefix, lib = installed(work)
        cases = {
            "hidden": lambda: hides_what_it_is_made_of(lib),
            "pkg-config, shared, g++": lambda: with_pkg_config(work, prefix, lib, "g++", False),
            "pkg-config, shared, clang++": lambda: with_pkg_config(work, prefix, lib, "clang++", False),
            "pkg-config, static": lambda: with_pkg_config(work, prefix, lib, "g++", True),
            "cmake, shared": lambda: with_cmake(work, prefix, lib, False),
            "cmake, static": lambda: with_cmake(work, prefix, lib, True),
            "meson subproject": lambda: as_subproject(work),
        }
        for name, case in cases.items():
            try:
                case()
                passed += 1
            except (AssertionError, OSError, IndexError) as problem:
                print(f"{name}: {problem}")
                failed += 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
