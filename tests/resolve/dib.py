#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dib.py requests PATH: the requests of the test, one a line of element names. PATH: dib's elements, then ours.
dib.py resolve PATH: what dib's own resolver makes of the requests on standard input, as resolve.c prints it.
dib.py compare EXCEPTIONS REQUESTS OURS THEIRS...: OURS against dib's answers under several PYTHONHASHSEEDs."""
import itertools
import logging
import os
import random
import sys

SYSTEMS = ["debian-minimal", "centos-minimal", "fedora", "opensuse-minimal"]


def elements_of(library):
    return sorted(os.path.basename(os.path.realpath(e.path)) for e in os.scandir(library) if e.is_dir())


def requests(path):
    """dib's elements alone, on each system, and 2000 pairs with and without a system; all pairs of ours."""
    library, ours = path.split(":")
    names = elements_of(library)
    chance = random.Random(5)
    for name in names:
        yield [name]
        yield from ([system, name] for system in SYSTEMS if name != system)
    for _ in range(2000):
        pair = chance.sample(names, 2)
        yield pair
        yield [chance.choice([s for s in SYSTEMS if s not in pair])] + pair
    yield from (["os", *pair] for pair in itertools.permutations(elements_of(ours), 2) if "os" not in pair)


def resolve(path):
    from diskimage_builder import element_dependencies as dib
    logging.disable(logging.CRITICAL)
    elements = dib._find_all_elements(path)
    # a name that is in no library ends dib's list of results with a KeyError
    errors = (dib.MissingElementException, dib.AlreadyProvidedException, dib.MissingOSException, KeyError)
    for line in sys.stdin:
        try:
            print("ok", *sorted(e.name for e in dib._expand_element_dependencies(line.split(), elements)))
        except errors as e:
            print("fail", type(e).__name__, e)


def verdict(ours, theirs, engine):
    """What differs: None, or the kind of exception that it takes, and how it is said."""
    answers = [a for a in theirs if a.startswith("ok")]
    if ours.startswith("fail"):
        return ("refused", "dib: %s, ours: %s" % (answers[0], ours)) if answers else None
    if not answers:
        return "settled", "dib: %s, ours: %s" % (theirs[0], ours)
    members = set(ours.split()) - engine
    if any(set(a.split()) - engine == members for a in answers):
        return None
    return "dropped", "dib: %s, ours: %s" % (answers[0], ours)


def read_exceptions(path):
    """"KIND WORDS # reason" lines: the names that the engine replaces, and request -> kind."""
    engine, kinds = set(), {}
    for line in open(path):
        kind, *words = line.split("#")[0].split() or [""]
        if kind == "engine":
            engine.update(words)
        elif kind:
            kinds[" ".join(words)] = kind
    return engine, kinds


def compare(exceptions, *files):
    engine, kinds = read_exceptions(exceptions)
    bad = members = 0
    for request, ours, *theirs in zip(*(open(f).read().splitlines() for f in files), strict=True):
        members += ours.startswith("ok")
        kind, text = verdict(ours, theirs, engine) or (None, "the same")
        if kind != kinds.pop(request, None):
            print("%s %s # %s" % (kind, request, text))
            bad += 1
    for request in kinds:
        print("listed, but no request: %s" % request)
    print("%d requests resolve" % members)
    return 1 if bad or kinds or not members else 0


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    if verb == "requests":
        for request in requests(*words):
            print(*request)
    elif verb == "resolve":
        resolve(*words)
    else:
        sys.exit(compare(*words))
