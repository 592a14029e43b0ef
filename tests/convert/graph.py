#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""graph.py graph FILE: what dib's own code makes of block-device YAML: its nodes and edges, or "fails". Names that
nothing else sees (of mounts and fstab lines) are made of what they stand on, lvm entries are one; sizes are bytes.
graph.py emitted FILE JSON: what `emit layout` printed for FILE against that graph; says what differs."""
import json
import logging
import sys

import yaml
from diskimage_builder.block_device import config, utils
from diskimage_builder.block_device.level3 import mount

KINDS = {"MountPointNode": "mount of %s", "FstabNode": "fstab of %s"}
TYPES = {"fat": "vfat"}
PARAMS = {"mount-base": "/", "image-dir": "/", "image-size": "1GiB"}


def by_text(this, other):
    """dib 3.42's order; the one of 3.13 depends on the order in the file."""
    return (this[0] > other[0]) - (this[0] < other[0])


def root_params(entries):
    """What disk-image-create gives the node mkfs_root."""
    for entry in entries:
        node = entry.get("mkfs", {})
        if node.get("name") == "mkfs_root":
            node.setdefault("type", "ext4")
            node.setdefault("label", "img-rootfs" if node["type"] == "xfs" else "cloudimg-rootfs")


def size(text):
    return text if text is None or str(text).endswith("%") else utils.parse_abs_size_spec(str(text))


def facts(node, said):
    """The attributes of a node, but for random UUIDs; SAID: what the file has for it."""
    kind = type(node).__name__
    if kind == "PartitionNode":
        code = str(node.ptype).upper().replace("0X", "")
        return dict(size=size(node.size), type=code, flags=sorted(node.flags), table=node.partitioning.label, align=node.partitioning.align)
    if kind == "FilesystemNode":
        return dict(type=TYPES.get(node.type, node.type), label=node.label, opts=node.opts, uuid=said.get("uuid"))
    if kind == "FstabNode":
        return dict(options=node.options, dump=int(node.dump_freq), passno=int(node.fsck_passno))
    if kind == "LocalLoopNode":
        return dict(size=size(said.get("size")), directory=said.get("directory"))
    if kind == "MountPointNode":
        return dict(mount_point=node.mount_point)
    if kind == "LvsNode":
        return dict(size=size(node.size), extents=node.extents, options=node.options, type=said.get("type"), pool=said.get("thin-pool"))
    return dict(options=getattr(node, "options", None))


def said_of(entries):
    """name -> what the file says of it."""
    said = {}
    for entry in entries:
        for node in entry.values():
            said[node.get("name")] = node
            said.update((item["name"], item) for item in node.get("lvs", []))
    return said


def read(path):
    """dib's graph and its nodes in the order in which it makes them, and what the file says of each."""
    mount.cmp_mount_order = by_text
    with open(path) as f:
        entries = config.config_tree_to_graph(yaml.safe_load(f))
    root_params(entries)
    graph, order = config.create_graph(entries, PARAMS, {})
    return graph, order, said_of(entries)


def names_of(order):
    names = {}
    for node in order:
        kind = type(node).__name__
        names[node.name] = KINDS[kind] % names.get(node.base, node.base) if kind in KINDS else node.name
        if kind == "LVMNode":
            names[node.name] = "lvm entries"
    return names


def print_graph(path):
    graph, order, said = read(path)
    names = names_of(order)
    lines = ["node %s %s %s" % (names[n.name], type(n).__name__, sorted(facts(n, said.get(n.name, {})).items())) for n in order]
    print("\n".join(sorted(set(lines)) + sorted({"edge %s -> %s" % (names[a], names[b]) for a, b in graph.edges})))


def expected(order):
    """What `emit layout` has of each partition and file system, in its order, and the text of fstab."""
    mounts = {n.base: n for n in order if type(n).__name__ == "MountPointNode"}
    lines = {n.base: n for n in order if type(n).__name__ == "FstabNode"}
    nodes, fstab = {}, []
    for n in order:
        if type(n).__name__ == "PartitionNode":
            nodes[n.name] = dict(kind="partition", base=n.base, boot=n.flag_boot in n.flags)
        elif type(n).__name__ == "FilesystemNode":
            point = mounts.get(n.name)
            kind = TYPES.get(n.type, n.type)
            nodes[n.name] = dict(kind=kind, base=n.base, label=n.label, opts=n.opts and " ".join(n.opts))
            if point and kind != "swap":
                nodes[n.name]["mount"] = point.mount_point
            line = point and lines.get(point.name)
            if line:
                fstab.append("LABEL=%s %s %s %s %s %s\n" % (n.label, point.mount_point, kind, line.options, line.dump_freq, line.fsck_passno))
    return nodes, "".join(sorted(fstab, key=lambda l: l.split()[1]))


def compare_emitted(path, emitted):
    _, order, _ = read(path)
    nodes, fstab = expected(order)
    with open(emitted) as f:
        ours = json.load(f)
    slots = [n["name"] for n in ours["nodes"] if n["kind"] == "partition"]
    pairs = [(slots, [n.name for n in order if type(n).__name__ == "PartitionNode"]), (ours["fstab"], fstab),
             (sorted(n["name"] for n in ours["nodes"] if "base" in n), sorted(nodes))]
    for n in ours["nodes"]:
        for key, value in nodes.get(n["name"], {}).items():
            pairs.append(((n["name"], key, n.get(key) or None), (n["name"], key, value or None)))
    wrong = ["ours: %r, dib: %r" % pair for pair in pairs if pair[0] != pair[1]]
    print("\n".join(wrong))
    return 1 if wrong else 0


def main():
    logging.disable(logging.CRITICAL)
    if sys.argv[1] == "emitted":
        return compare_emitted(*sys.argv[2:])
    try:
        print_graph(sys.argv[2])
    except Exception as e:  # dib has asserts, KeyErrors and its own
        print("fails")
        print("%s: %s: %s" % (sys.argv[2], type(e).__name__, e), file=sys.stderr)
    return 0


sys.exit(main())
