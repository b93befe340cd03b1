"""Builds wheels for tests: a zip with metadata, as a build backend would write it; signed where asked."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from appliance.plugin_host import specs
from appliance.plugin_host.wheels import folder as plugin_folder
from appliance.plugin_host.wheels.contents import read_wheel
from appliance.plugin_host.wheels.keys import keygen, load_key
from appliance.plugin_host.wheels.manifest import Manifest, encode, sealed, verified_manifest
from appliance.plugin_host.wheels.publishing import sign

Content = str | bytes

CLAIMS = """\
api = 1
kinds = ["exchange"]
hosts = ["api.example.com:443"]
secrets = ["api_key"]
file_settings = []
"""
PLATFORM = f"linux_{os.uname().machine}"


def metadata(
    name: str, version: str, tag: str = "py3-none-any", entry_points: str | None = None, requires: Sequence[str] = ()
) -> dict[str, Content]:
    """The metadata folder of a wheel, without RECORD."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files: dict[str, Content] = {
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}\nOf a test.\n",
        f"{folder}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if entry_points is not None:
        files[f"{folder}/entry_points.txt"] = entry_points
    return files


def zip_of(path: Path, files: Mapping[str, Content]) -> Path:
    """A compressed zip of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def wheel(
    into: Path,
    files: Mapping[str, Content],
    *,
    name: str = "acme",
    version: str = "1.0",
    tag: str = "py3-none-any",
    entry_points: str | None = None,
    requires: Sequence[str] = (),
) -> Path:
    """A wheel with a RECORD, not signed."""
    everything = dict(files) | metadata(name, version, tag, entry_points, requires)
    record = f"{name.replace('-', '_')}-{version}.dist-info/RECORD"
    lines = [f"{path},sha256={_digest(content)},{len(_raw(content))}\n" for path, content in everything.items()]
    everything[record] = "".join(lines) + f"{record},,\n"
    into.mkdir(parents=True, exist_ok=True)
    return zip_of(into / f"{name.replace('-', '_')}-{version}-{tag}.whl", everything)


def plugin_wheel(
    into: Path,
    code: str = "ANSWER = 42\n",
    *,
    files: Mapping[str, Content] | None = None,
    name: str = "acme",
    version: str = "1.0",
    tag: str = "py3-none-any",
    claims: str = CLAIMS,
    requires: Sequence[str] = (),
) -> Path:
    """A wheel of a plugin `name`: one package of that name, with its claims and an entry point."""
    package = name.replace("-", "_")
    own: dict[str, Content] = {f"{package}/__init__.py": code, f"{package}/readytrader.toml": claims}
    entry = f"[readytrader.plugins]\n{name} = {package}\n"
    everything = own | dict(files or {})
    return wheel(into, everything, name=name, version=version, tag=tag, entry_points=entry, requires=requires)


def signed(into: Path, wheel_file: Path, dependencies: Sequence[Path] = (), key: Path | None = None) -> Path:
    """The wheel, signed in place with a key of its own or a given one."""
    key = key or into / "publisher.key"
    if not key.exists():
        keygen(key)
    sign(wheel_file, key, dependencies)
    return wheel_file


def resigned(path: Path, key: Path, **changes: object) -> bytes:
    """A signed wheel's bytes with other words in its manifest, in the right form and with a good signature."""
    found = read_wheel(path.name, path.read_bytes())
    manifest = verified_manifest(found, path.read_bytes(), None)
    plain = msgspec.to_builtins(manifest) | changes
    manifest = msgspec.convert(plain, Manifest)
    return sealed(found, manifest, load_key(key).sign(encode(manifest)))


def placed(home: Path, wheel_file: Path, dependencies: Sequence[Path] = (), name: str = "acme") -> specs.Wheels:
    """A signed plugin in the plugins folder of a home."""
    return plugin_folder.place(home / "plugins" / name, wheel_file, dependencies)


def compiled(into: Path, name: str, source: str, *options: str, suffix: str = ".abi3.so") -> bytes:
    """A shared object for this machine, by gcc, against the limited API of Python 3.11."""
    into.mkdir(parents=True, exist_ok=True)
    (into / f"{name}.c").write_text(source)
    target = into / f"{name}{suffix}"
    include = sysconfig.get_paths()["include"]
    command = ["gcc", "-shared", "-fPIC", "-O1", "-DPy_LIMITED_API=0x030b0000", f"-I{include}"]
    subprocess.run([*command, f"{into / name}.c", "-o", str(target), *options], check=True, capture_output=True)
    return target.read_bytes()


EXTENSION = """\
#include <Python.h>
%(declarations)s
static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(%(answer)s); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, "The answer."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "%(name)s", NULL, 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_%(name)s(void) { return PyModuleDef_Init(&module); }
"""


def extension(into: Path, name: str, answer: str = "42", declarations: str = "", *options: str) -> bytes:
    """A compiled module with one function, `answer`."""
    source = EXTENSION % {"name": name, "answer": answer, "declarations": declarations}
    return compiled(into, name, source, *options)


def abi3_tag() -> str:
    """The tag of a compiled wheel that runs here."""
    return f"cp311-abi3-{PLATFORM}"


def run_plugin(package: specs.Wheels, snippet: str, before: str = "") -> str:
    """What a child process prints that verifies a plugin, runs `before`, imports it as `plugin`, and runs `snippet`."""
    program = f"{before}\nimporter = verified.install()\nplugin = importer.load(verified.manifest.module)\n{snippet}\n"
    ended = in_child(package, program)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def in_child(package: specs.Wheels, program: str) -> subprocess.CompletedProcess[str]:
    """A child process that verifies a plugin and runs a program with it."""
    start = (
        "import sys\nimport msgspec\nfrom appliance.plugin_host import specs\n"
        "from appliance.plugin_host.wheels.verified import open_verified\n"
        "package = msgspec.json.decode(sys.argv[1], type=specs.Package)\nverified = open_verified(package)\n"
    )
    # Isolated: what the child imports comes from the wheel, never from the folder of the tests.
    command = [sys.executable, "-I", "-W", "error", "-c", start + program, as_text(package)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def as_text(package: specs.Wheels) -> str:
    """A package as text."""
    return msgspec.json.encode(package).decode()


def _raw(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _digest(content: Content) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(_raw(content)).digest()).rstrip(b"=").decode()
