"""Holds the layers of ARCHITECTURE.md: who may include whom, and that no file is left out.

    layering.py check ROOT COMPILE_COMMANDS   every rule, on the tree and its build
    layering.py self-test                     plants one violation of each rule and expects it

A violation is one line `file:line: what is wrong`; the exit code is 1 if there is any.
"""

import json
import os
import re
import sys
import tempfile

LAYERS = {
    "shared/base": 0,
    "shared/service": 1,
    "shared/model": 1,
    "shared/crypto": 2,
    "shared/metrics": 2,
    "shared/storage": 2,
    "schema": 2,
    "shared/keys": 3,
    "shared/wire": 3,
    "shared/transport": 4,
    "shared/http": 4,
    "shared/doctor": 4,
    "shared/telemetry": 4,
    "edge-agent/store": 5,
    "central-gateway/store": 5,
    "edge-agent/capture": 6,
    "edge-agent/uplink": 6,
    "edge-agent/downlink": 6,
    "edge-agent/site": 6,
    "edge-agent/enrolment": 6,
    "central-gateway/intake": 6,
    "central-gateway/merge": 6,
    "central-gateway/feed": 6,
    "central-gateway/desk": 6,
    "central-gateway/admin": 6,
    "central-gateway/people": 6,
    "central-gateway/notices": 6,
    "central-gateway/reconcile": 6,
    "central-gateway/enrolment": 6,
    "central-gateway/web": 6,
    "edge-agent/app": 7,
    "central-gateway/app": 7,
}

# Within one layer a folder includes itself, and only these others.
ARROWS = {
    ("shared/storage", "shared/crypto"),
    ("shared/storage", "schema"),
    ("shared/storage", "shared/metrics"),
    ("shared/telemetry", "shared/http"),
    ("central-gateway/intake", "central-gateway/merge"),
    ("central-gateway/intake", "central-gateway/feed"),
    ("central-gateway/feed", "central-gateway/merge"),
    ("central-gateway/desk", "central-gateway/merge"),
    ("central-gateway/admin", "central-gateway/merge"),
    ("central-gateway/reconcile", "central-gateway/merge"),
    ("central-gateway/enrolment", "central-gateway/admin"),
    ("central-gateway/web", "central-gateway/desk"),
    ("central-gateway/web", "central-gateway/people"),
    ("edge-agent/site", "edge-agent/capture"),
}

PROGRAMS = ("edge-agent", "central-gateway")
SOURCE_FOLDERS = ("shared", "schema", *PROGRAMS)

# A library is included in one place, so that its traps are handled in one place.
LIBRARIES = (
    (re.compile(r"openssl/"), r"shared/crypto/|shared/http/[^/]+\.cc$"),
    (re.compile(r"SQLiteCpp/|sqlite3(ext)?\.h$"), r"shared/storage/"),
    (re.compile(r"cereal/|(zstd|zdict|zstd_errors)\.h$"), r"shared/wire/"),
    (re.compile(r"mqtt/|MQTT\w*\.h$"), r"shared/transport/"),
    (re.compile(r"httplib\.h$"), r"shared/http/"),
    (re.compile(r"sodium(\.h$|/)"), r"central-gateway/people/"),
    (re.compile(r"cjose/|jansson\.h$"), r"shared/crypto/"),
    (re.compile(r"prometheus/"), r"shared/metrics/"),
    (re.compile(r"curl/"), r"central-gateway/notices/"),
    (re.compile(r"systemd/"), r"shared/service/"),
    (re.compile(r"p11-kit/"), r"shared/keys/"),
    (re.compile(r"archive(_entry)?\.h$"), r"shared/doctor/"),
)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files_below(root, folders, endings):
    for folder in folders:
        for parent, names, files in os.walk(os.path.join(root, folder)):
            names.sort()
            for file in sorted(files):
                if file.endswith(endings):
                    yield os.path.relpath(os.path.join(parent, file), root)


def sources_of(entry):
    """Returns the paths of a compile command's sources: CMake may compile several as one."""
    path = os.path.join(entry["directory"], entry["file"])
    if not os.path.basename(path).startswith("unity_"):
        return [path]
    with open(path, encoding="utf-8") as file:
        return re.findall(r'^#include "([^"]+)"', file.read(), re.M)


def includes_of(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if match := INCLUDE.match(line):
                yield number, match[1], match[2]


def folder_of(path):
    """Returns the layer folder that holds `path`, or None."""
    parts = path.split("/")
    if parts[0] == "schema":
        return "schema"
    folder = "/".join(parts[:2])
    return folder if len(parts) > 2 and folder in LAYERS else None


def program_of(path):
    return next((name for name in PROGRAMS if path.startswith(name + "/")), None)


def may_include(source, target):
    return (source == target or LAYERS[target] < LAYERS[source]) or (source, target) in ARROWS


def check_include(path, bracket, target):
    """Returns what is wrong with the file at `path` including `target`, or None."""
    for pattern, allowed in LIBRARIES:
        if pattern.match(target) and not re.match(allowed, path):
            return f"{target} may be included only in {allowed}"
    if target.split("/")[0] == "tests":
        return f"product code includes {target}"
    if bracket == "<" and target.split("/")[0] not in SOURCE_FOLDERS:
        return None
    if folder_of(target) is None:
        return f'"{target}" does not name a layer: write the path from the top of the repository'
    if program_of(target) and program_of(path) and program_of(target) != program_of(path):
        return f"the two programs never include each other: {target}"
    if not may_include(folder_of(path), folder_of(target)):
        return (f"{folder_of(path)} (layer {LAYERS[folder_of(path)]}) may not include "
                f"{folder_of(target)} (layer {LAYERS[folder_of(target)]}): {target}")
    return None


def check_includes(root):
    for path in files_below(root, SOURCE_FOLDERS, (".h", ".cc")):
        if folder_of(path) is None:
            yield f"{path}:1: stands in no layer folder"
            continue
        for number, bracket, target in includes_of(root, path):
            if problem := check_include(path, bracket, target):
                yield f"{path}:{number}: {problem}"


def check_headers_are_used(root):
    included = set()
    for path in files_below(root, (*SOURCE_FOLDERS, "tests"), (".h", ".cc")):
        for _, _, target in includes_of(root, path):
            if target != path:
                included.add(target)
    for path in files_below(root, SOURCE_FOLDERS, (".h",)):
        if path not in included:
            yield f"{path}:1: no file includes this header"


def check_sources_are_built(root, commands):
    built = {os.path.realpath(source) for entry in commands for source in sources_of(entry)}
    sources = list(files_below(root, SOURCE_FOLDERS, (".cc",)))
    sources += list(files_below(root, ("tests",), ("_test.cc",)))
    for path in sources:
        if os.path.realpath(os.path.join(root, path)) not in built:
            yield f"{path}:1: is not part of the build"


def check(root, commands):
    return [*check_includes(root), *check_headers_are_used(root),
            *check_sources_are_built(root, commands)]


# ---- Self-test: a small tree without a violation, and one planted violation of each rule.

SOUND_TREE = {
    "shared/base/status.h": "#pragma once\n",
    "shared/model/item.h": '#pragma once\n#include "shared/base/status.h"\n',
    "shared/crypto/seal.cc": '#include <openssl/evp.h>\n#include "shared/model/item.h"\n',
    "shared/crypto/digest.h": "#pragma once\n",
    "shared/storage/database.cc": '#include <sqlite3.h>\n#include "shared/crypto/digest.h"\n'
                                  '#include "schema/migrations.h"\n',
    "shared/wire/codec.cc": "#include <zstd.h>\n#include <cereal/cereal.hpp>\n",
    "shared/transport/link.cc": "#include <mqtt/async_client.h>\n#include <MQTTAsync.h>\n",
    "shared/http/server.cc": "#include <httplib.h>\n#include <openssl/ssl.h>\n",
    "shared/doctor/bundle.cc": "#include <archive.h>\n#include \"shared/crypto/digest.h\"\n",
    "schema/migrations.h": "#pragma once\n",
    "central-gateway/merge/merger.h": "#pragma once\n",
    "central-gateway/store/tables.h": "#pragma once\n",
    "central-gateway/feed/feed.cc": '#include "central-gateway/merge/merger.h"\n'
                                    '#include "central-gateway/store/tables.h"\n',
    "shared/metrics/metrics.cc": "#include <prometheus/registry.h>\n",
    "central-gateway/people/hasher.cc": "#include <sodium.h>\n",
    "central-gateway/notices/mail.cc": "#include <curl/curl.h>\n"
                                       '#include "central-gateway/store/tables.h"\n',
    "edge-agent/capture/capture.h": "#pragma once\n",
    "edge-agent/site/api.cc": '#include "edge-agent/capture/capture.h"\n',
    "edge-agent/app/main.cc": '#include "edge-agent/capture/capture.h"\n#include <string>\n',
    "tests/unit/shared/base/status_test.cc": '#include "shared/base/status.h"\n',
}

# (what is planted, file, its text, a part of the expected message)
PLANTED = (
    ("an include that points up", "shared/base/a.cc", '#include "shared/model/item.h"',
     "shared/base (layer 0) may not include shared/model (layer 1)"),
    ("the same with spaces and angle brackets", "shared/base/a.cc",
     "  #  include <shared/model/item.h>", "shared/base (layer 0) may not include"),
    ("crypto on storage", "shared/crypto/a.cc", '#include "schema/migrations.h"',
     "shared/crypto (layer 2) may not include schema (layer 2)"),
    ("one stage on another", "edge-agent/uplink/a.cc", '#include "edge-agent/capture/capture.h"',
     "edge-agent/uplink (layer 6) may not include edge-agent/capture"),
    ("an arrow turned round", "central-gateway/merge/a.cc", '#include "central-gateway/feed/f.h"',
     "central-gateway/merge (layer 6) may not include central-gateway/feed"),
    ("one program on the other", "edge-agent/app/a.cc", '#include "central-gateway/store/tables.h"',
     "the two programs never include each other"),
    ("a path relative to the file", "shared/model/a.cc", '#include "item.h"',
     "does not name a layer"),
    ("product code on the tests", "shared/model/a.cc", '#include "tests/support/a.h"',
     "product code includes"),
    ("OpenSSL outside crypto", "edge-agent/store/a.cc", "#include <openssl/evp.h>",
     "openssl/evp.h may be included only"),
    ("OpenSSL in a header of http", "shared/http/a.h", "#include <openssl/ssl.h>",
     "openssl/ssl.h may be included only"),
    ("SQLiteCpp outside storage", "central-gateway/store/a.cc",
     "#include <SQLiteCpp/Database.h>", "may be included only"),
    ("SQLite outside storage", "shared/wire/a.cc", "#include <sqlite3.h>", "may be included only"),
    ("cereal outside wire", "shared/model/a.cc", "#include <cereal/cereal.hpp>",
     "may be included only"),
    ("zstd outside wire", "shared/storage/a.cc", "#include <zstd.h>", "may be included only"),
    ("Paho C++ outside transport", "edge-agent/uplink/a.cc", "#include <mqtt/message.h>",
     "may be included only"),
    ("Paho C outside transport", "edge-agent/uplink/a.cc", "#include <MQTTClient.h>",
     "may be included only"),
    ("cpp-httplib outside http", "edge-agent/site/a.cc", "#include <httplib.h>",
     "may be included only"),
    ("cjose outside crypto", "central-gateway/people/a.cc", "#include <cjose/jws.h>",
     "may be included only"),
    ("libsodium outside people", "central-gateway/desk/a.cc", "#include <sodium.h>",
     "may be included only"),
    ("libcurl outside notices", "central-gateway/web/a.cc", "#include <curl/curl.h>",
     "may be included only"),
    ("libarchive outside doctor", "edge-agent/app/a.cc", "#include <archive_entry.h>",
     "may be included only"),
    ("the doctor on a stage", "shared/doctor/a.cc", '#include "edge-agent/capture/capture.h"',
     "shared/doctor (layer 4) may not include edge-agent/capture"),
    ("prometheus-cpp outside metrics", "central-gateway/web/a.cc",
     "#include <prometheus/registry.h>", "may be included only"),
    ("notices on the desk", "central-gateway/notices/a.cc",
     '#include "central-gateway/desk/a.h"',
     "central-gateway/notices (layer 6) may not include central-gateway/desk"),
    ("a folder without a layer", "shared/misc/a.cc", "", "stands in no layer folder"),
    ("a file beside the layer folders", "edge-agent/a.cc", "", "stands in no layer folder"),
    ("a header nobody includes", "shared/base/alone.h", "#pragma once",
     "no file includes this header"),
    ("a header that only includes itself", "shared/base/alone.h",
     '#include "shared/base/alone.h"', "no file includes this header"),
    ("a test left out of the build", "tests/unit/shared/base/new_test.cc", "",
     "tests/unit/shared/base/new_test.cc:1: is not part of the build"),
    ("a source left out of the build", "shared/base/a.cc", "",
     "shared/base/a.cc:1: is not part of the build"),
)


def violations_of(tree, unbuilt=()):
    with tempfile.TemporaryDirectory() as root:
        for path, text in tree.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text + "\n")
        commands = [{"directory": root, "file": path} for path in tree
                    if path.endswith(".cc") and path not in unbuilt]
        return check(root, commands)


def self_test():
    failures = 0
    if found := violations_of(SOUND_TREE):
        failures += 1
        print("the sound tree is not accepted:", *found, sep="\n  ")
    for what, path, text, expected in PLANTED:
        unbuilt = (path,) if "not part of the build" in expected else ()
        found = violations_of({**SOUND_TREE, path: text}, unbuilt)
        if not any(expected in line and line.startswith(path + ":") for line in found):
            failures += 1
            print(f"not seen: {what} ({path}); found: {found}")
    print(f"{len(PLANTED) + 1 - failures} of {len(PLANTED) + 1} cases as expected")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["self-test"]:
        return self_test()
    if len(arguments) == 3 and arguments[0] == "check":
        with open(arguments[2], encoding="utf-8") as file:
            commands = json.load(file)
        violations = check(arguments[1], commands)
        print(*violations, f"{len(violations)} violations", sep="\n")
        return 1 if violations else 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
