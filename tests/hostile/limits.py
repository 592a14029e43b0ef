#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""limits.py IMAGEBUILD LIMITS [NAME]: for each bound of docs/limits.md that a recipe, its files or its elements can meet,
an input at the bound, which passes, and one past it, which is an error with its place."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

STAGE = 'FROM scratch\n'


def bytes_of_recipe(n):
    text = STAGE + '# ' + 'x' * 60 + '\n'
    return text + '#' * 0 + ''.join('# ' + 'x' * 61 + '\n' for _ in range((n - len(text)) // 64)) + '#' * ((n - len(text)) % 64)


def nested_includes(n):
    """n files that include each other in a row below the recipe."""
    for i in range(1, n + 1):
        pathlib.Path(f'i{i}').write_text(f'INCLUDE i{i + 1}\n' if i < n else 'ENV A=1\n')
    return STAGE + 'INCLUDE i1\n'


def included_files(n):
    pathlib.Path('one').write_text('ENV A=1\n')
    return STAGE + 'INCLUDE one\n' * n


def nested_blocks(n):
    return STAGE + 'LAYOUT gpt {\n' + 'partition {\n' * (n - 1) + '}\n' * n


def yaml_file(text):
    pathlib.Path('disk.yaml').write_text(text)
    return 'FROM os\nLAYOUT --file=disk.yaml\nOUTPUT raw\n'


def yaml_levels(n):
    return yaml_file('- x: ' + '[' * (n - 2) + ']' * (n - 2) + '\n')


def needing(n):
    for i in range(n):
        os.makedirs(f'elements/e{i}', exist_ok=True)
        pathlib.Path(f'elements/e{i}/element-deps').write_text(f'e{i + 1}\n' if i + 1 < n else '')
    return 'FROM os\nELEMENT e0\nOUTPUT tar\n'


def runs_with_changes(n):
    """Each RUN sees 4096 variables, one of them changed."""
    return STAGE + ''.join(f'ENV K{i}=v\n' for i in range(4092)) + 'ENV K=1\nRUN x\n' * n


# the row of docs/limits.md, bound, recipe, what the error says, stage of emit
LIMITS = [
    ('a recipe or element file', 16 << 20, bytes_of_recipe, '16 MiB', 'ir'),
    ('a line of a recipe', 65535, lambda n: STAGE + 'RUN ' + 'x' * (n - 4) + '\n', '65535', 'ir'),
    ('INCLUDE nesting', 64, nested_includes, 'deep', 'ir'),
    ('INCLUDEd files of a recipe', 1000, included_files, '1000', 'ir'),
    ('blocks in blocks (LAYOUT)', 64, nested_blocks, 'nest', 'ir'),
    ('`${}` in `${}`', 64, lambda n: STAGE + 'ENV A=' + '${B:-' * n + 'x' + '}' * n + '\n', 'nest more than 64', 'ir'),
    ('stages of a recipe', 1000, lambda n: ''.join(f'FROM scratch AS s{i}\nOUTPUT --name=n{i} tar\n' for i in range(n)), '1000', 'ir'),
    ('variables of a stage', 4096 - 3, lambda n: STAGE + ''.join(f'ENV K{i}=v\n' for i in range(n)), '4096', 'ir'),
    ('text that variables bring, or that their patterns search', 1118, lambda n: STAGE + 'ENV A=' + 'x' * 60000 + '\n' + 'LABEL a=$A\n' * n, '64 MiB', 'ir'),
    ('variables times the RUNs that see a change of one', 1024, runs_with_changes, '4194304', 'ir'),
    ('a step\'s name', 100, lambda n: STAGE + 'RUN --name=' + 'x' * n + ' y\n', 'at most 100 bytes', 'ir'),
    ('YAML and JSON files of elements', 64, yaml_levels, 'deep', 'plan'),
    ('elements of a stage', 999, needing, '1000', 'plan'),
]


def emit(program, stage, recipe):
    path = pathlib.Path('Imagefile')
    path.write_text(recipe)
    return subprocess.run([program, 'emit', stage, '--element-path', 'elements', 'Imagefile'], capture_output=True, text=True, check=False)


def trial(program, limit, n):
    name, bound, make, said, stage = limit
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        os.makedirs('elements/os')
        pathlib.Path('elements/os/element-provides').write_text('operating-system\n')
        run = emit(program, stage, make(n))
        os.chdir('/')
    return run.returncode, run.stderr, said


def check(program, limit):
    bound = limit[1]
    status, errors, said = trial(program, limit, bound)
    if said in errors:
        return f'{bound} is refused: {errors[:400]}'
    status, errors, said = trial(program, limit, bound + 1)
    if status not in (1, 2) or said not in errors:
        return f'{bound + 1} gives status {status}: {errors[:400]}'
    return None


def main():
    program, limits, *names = sys.argv[1:]
    rows = {line.split('|')[1].strip() for line in pathlib.Path(limits).read_text().splitlines() if line.startswith('| ')}
    failed = 0
    for limit in LIMITS:
        if names and limit[0] not in names:
            continue
        why = check(program, limit) if limit[0] in rows else 'no row of docs/limits.md'
        print(f"{'not ok' if why else 'ok'} - {limit[0]}: {limit[1]} pass, one more is an error")
        if why:
            failed = 1
            print('# ' + why.replace('\n', '\n# '))
    return failed


if __name__ == '__main__':
    sys.exit(main())
