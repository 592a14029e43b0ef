#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""images.py DIR: writes image definitions (element-contract.md, section 9) and, by the order of arguments that the
contract gives, the command line that each stands for:

    NAME.yaml           one file of definitions
    NAME.IMAGE.command  a word a line: NAME=VALUE words, the program, its words; one for each image

Shapes are every key alone, pairs of keys, merged entries, entries without a name. Fixed seed."""
import itertools
import os
import random
import sys

BOOL = ["uncompressed", "checksum", "skip-base", "offline", "ramdisk"]
# key: (value in YAML, words in the fixed order of section 9)
KEYS = {
    "arch": ("amd64", ["-a", "amd64"]),
    "types": (["qcow2", "raw"], ["-t", "qcow2,raw"]),
    "uncompressed": (True, ["-u"]),
    "checksum": (True, ["--checksum"]),
    "image-size": (5, ["--image-size", "5"]),
    "max-online-resize": (100, ["--max-online-resize", "100"]),
    "mkfs-options": ("-m 0", ["--mkfs-options", "-m 0"]),
    "offline": (True, ["--offline"]),
    "qemu-img-options": ({"compat": "0.10", "cluster_size": "65536"},
                         ["--qemu-img-options", "compat=0.10,cluster_size=65536"]),
    "root-label": ("web-root", ["--root-label", "web-root"]),
    "ramdisk-element": ("dracut-ramdisk", ["--ramdisk-element", "dracut-ramdisk"]),
    "install-type": ("package", ["--install-type", "package"]),
    "docker-target": ("site:1", ["--docker-target", "site:1"]),
    "packages": (["vim", "git"], ["-p", "vim,git"]),
    "skip-base": (True, ["-n"]),
}
ENVIRONMENT = {"DIB_RELEASE": "bookworm", "DIB_APP": "a b", "DIB_N": "7", "DIB_QUOTE": "it's"}
ELEMENTS = ["debian-minimal", "vm", "cloud-init", "enable-serial-console"]


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else "'%s'" % str(value).replace("'", "''")


def entry_yaml(entry):
    lines = []
    for key, value in entry.items():
        if isinstance(value, dict):
            lines.append("%s:" % key)
            lines += ["  %s: %s" % (k, scalar(v)) for k, v in value.items()]
        elif isinstance(value, list):
            lines.append("%s:" % key)
            lines += ["  - %s" % scalar(v) for v in value]
        else:
            lines.append("%s: %s" % (key, scalar(value)))
    return "- " + "\n  ".join(lines) + "\n"


def merge(entries):
    """Lists append, maps update, scalars replace; a missing name is the one before."""
    images, name = {}, "image"
    for entry in entries:
        name = entry.get("imagename", name)
        image = images.setdefault(name, {})
        for key, value in entry.items():
            if key == "imagename":
                continue
            if isinstance(value, list):
                image[key] = image.get(key, []) + value
            elif isinstance(value, dict):
                image[key] = {**image.get(key, {}), **value}
            else:
                image[key] = value
    return images


def option(key, value):
    if isinstance(value, bool):
        return KEYS[key][1] if value else []
    if isinstance(value, dict):
        return ["--" + key, ",".join("%s=%s" % pair for pair in value.items())]
    flag = KEYS[key][1][0]
    return [flag, ",".join(value) if isinstance(value, list) else str(value)]


def command(name, image):
    words = ["%s=%s" % pair for pair in image.get("environment", {}).items()]
    words.append("ramdisk-image-create" if image.get("ramdisk") else "disk-image-create")
    words += ["-o", name]
    for key in KEYS:
        if key == "ramdisk-element" and not image.get("ramdisk"):
            continue
        if key in image:
            words += option(key, image[key])
    return words + image.get("elements", [])


def shapes(rng):
    plain = {"imagename": "web", "elements": ELEMENTS[:2], "environment": {"DIB_RELEASE": "bookworm"}}
    yield [plain]
    yield [{**plain, "environment": ENVIRONMENT}]
    for key, (value, _) in KEYS.items():
        yield [{**plain, key: value}]
    for key in BOOL:
        yield [{**plain, key: False}]
    yield [{**plain, "ramdisk": True}]
    yield [{**plain, "ramdisk": True, "ramdisk-element": "dracut-ramdisk"}]
    yield [{k: v for k, v in plain.items() if k != "imagename"}]
    # an overlay: the same name again, or no name
    for key, (value, _) in KEYS.items():
        yield [plain, {"imagename": "web", key: value, "elements": [ELEMENTS[2]]}]
    yield [plain, {"elements": [ELEMENTS[3]], "environment": {"DIB_RELEASE": "trixie", "DIB_N": "7"}}]
    yield [plain, {**plain, "imagename": "other", "types": ["raw"]}, {"imagename": "web", "packages": ["less"]}]
    yield [{**plain, "qemu-img-options": {"a": "1"}}, {"qemu-img-options": {"b": "2", "a": "3"}}]
    pairs = list(itertools.combinations(KEYS, 2))
    rng.shuffle(pairs)
    for first, second in pairs[:24]:
        yield [{**plain, first: KEYS[first][0], second: KEYS[second][0]}]
    for _ in range(20):
        keys = rng.sample(list(KEYS), rng.randint(3, 9))
        entries = [{**plain, "ramdisk": rng.random() < 0.2}]
        for key in keys:
            if rng.random() < 0.5:
                entries[-1][key] = KEYS[key][0]
            else:
                entries.append({key: KEYS[key][0], "environment": {"DIB_N": str(len(entries))}})
        yield entries


def main():
    out = sys.argv[1]
    for number, entries in enumerate(shapes(random.Random(5))):
        base = os.path.join(out, "%03d" % number)
        with open(base + ".yaml", "w") as f:
            f.writelines(map(entry_yaml, entries))
        for name, image in merge(entries).items():
            with open("%s.%s.command" % (base, name), "w") as f:
                f.write("\n".join(command(name, image)) + "\n")


main()
