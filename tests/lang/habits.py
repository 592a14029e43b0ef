#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""habits.py IMAGEBUILD SPLIT: what someone who knows Dockerfiles expects of the text, one vector or more a rule. A
lexical vector is a file and how it is split; an expansion vector a word and its value, or what the error says."""
import json
import pathlib
import subprocess
import sys
import tempfile

IMAGEBUILD, SPLIT = sys.argv[1:]

# rule, file, [(keyword, first line, last line, words | text)] or what the error says
LEXICAL = [
    ('a byte-order mark on line 1 is skipped', b'\xef\xbb\xbfFROM a\n', [('FROM', 1, 1, ['a'])]),
    ('CRLF is accepted', b'FROM a\r\nRUN x \\\r\n  y\r\n', [('FROM', 1, 1, ['a']), ('RUN', 2, 3, 'x   y')]),
    ('keywords are written in any case', b'from a\nRuN x\n', [('FROM', 1, 1, ['a']), ('RUN', 2, 2, 'x')]),
    ('blanks before an instruction are dropped', b'  \tFROM a\n', [('FROM', 1, 1, ['a'])]),
    ('blanks of a continuation line are kept', b'FROM a\nRUN x\\\n  y\n', [('FROM', 1, 1, ['a']), ('RUN', 2, 3, 'x  y')]),
    ('tab, vertical tab and form feed are blanks', b'FROM\t\x0b\x0ca\n', [('FROM', 1, 1, ['a'])]),
    ('a # elsewhere in a line is data', b'FROM a # b\n', [('FROM', 1, 1, ['a', '#', 'b'])]),
    ('a comment between continued lines is dropped', b'FROM a\nRUN x \\\n# c\n  # d\n y\n',
     [('FROM', 1, 1, ['a']), ('RUN', 2, 5, 'x  y')]),
    ('a comment cannot be continued', b'# c \\\nFROM a\n', [('FROM', 2, 2, ['a'])]),
    ('blanks behind the escape character are tolerated', b'FROM a\nRUN x \\  \n y\n', [('FROM', 1, 1, ['a']), ('RUN', 2, 3, 'x  y')]),
    ('two escape characters at the end are no continuation', b'FROM a\nENV A=x\\\\\nENV B=y\n',
     [('FROM', 1, 1, ['a']), ('ENV', 2, 2, ['A=x\\\\']), ('ENV', 3, 3, ['B=y'])]),
    ('nothing is inserted where lines are joined', b'FROM a\\\nb\n', [('FROM', 1, 2, ['ab'])]),
    ('a continuation at the end of the file is accepted', b'FROM a \\', [('FROM', 1, 1, ['a'])]),
    ('an empty continuation line is dropped, with a warning', b'FROM a \\\n\n AS b\n', [('FROM', 1, 3, ['a', 'AS', 'b'])]),
    ('a line of 65 535 bytes is the longest', b'FROM a\nRUN ' + b'x' * 65531 + b'\n',
     [('FROM', 1, 1, ['a']), ('RUN', 2, 2, 'x' * 65531)]),
    ('a longer one is an error', b'FROM a\nRUN ' + b'x' * 65532 + b'\n', '65535'),
    ('a file without instructions is an error', b'# nothing\n\n', 'the file has no instructions'),
    ('the escape character is a backtick by directive', b'# escape=`\nFROM a`\nb\\\n', [('FROM', 2, 3, ['ab\\'])]),
    ('another escape character is an error', b'# escape=x\nFROM a\n', "not 'x'"),
    ('directives stop at the first other line', b'#\n# escape=`\nFROM a\\\nb\n', [('FROM', 3, 4, ['ab'])]),
    ('a repeated directive is an error', b'# escape=`\n# escape=`\nFROM a\n', "only one 'escape'"),
    ('keys of directives are written in any case, blanks around = are allowed', b'# Escape =  `\nFROM a`\nb\n', [('FROM', 2, 3, ['ab'])]),
    ('flags stand directly behind the keyword', b'FROM a\nCOPY --chown=b x --chmod=1 /d/\n',
     [('FROM', 1, 1, ['a']), ('COPY', 2, 2, ['x', '--chmod=1', '/d/'])]),
    ('-- ends the flags', b'FROM a\nCOPY -- --x /d/\n', [('FROM', 1, 1, ['a']), ('COPY', 2, 2, ['--x', '/d/'])]),
    ('a JSON array is the exec form', b'FROM a\nCMD [ "b c" , "d\\"" ]\n', [('FROM', 1, 1, ['a']), ('CMD', 2, 2, ['b c', 'd"'])]),
    ('what is no JSON is no silent shell form', b"FROM a\nCMD ['b']\n", 'not a JSON array of strings'),
    ('single and double quotes group', b'FROM a\nCOPY "b c" \'d e\' /f/\n', [('FROM', 1, 1, ['a']), ('COPY', 2, 2, ['"b c"', "'d e'", '/f/'])]),
    ('an unknown instruction is named with the nearest', b'FRM a\n', "did you mean 'FROM'"),
    ('an unknown flag is named with the nearest', b'FROM a\nCOPY --chwon=b x /d/\n', "did you mean '--chown'"),
    ('a flag given twice is an error', b'FROM a\nCOPY --chown=b --chown=b x /d/\n', 'is given twice'),
    ('a flag without its value is an error', b'FROM a\nCOPY --chown x /d/\n', 'needs a value'),
    ('a switch takes true and false', b'FROM a\nRUN --no-cache=true x\nRUN --no-cache=false x\n',
     [('FROM', 1, 1, ['a']), ('RUN', 2, 2, 'x'), ('RUN', 3, 3, 'x')]),
    ('and nothing else', b'FROM a\nRUN --no-cache=maybe x\n', "not 'maybe'"),
]

# rule, file, [(keyword, first, last, {name: body})] or what the error says
HEREDOCS = [
    ('a body follows the line', b'FROM a\nRUN <<EOF\nx\n\ny\nEOF\nUSER b\n', [('RUN', 2, 6, {'EOF': 'x\n\ny\n'}), ('USER', 7, 7, {})]),
    ('<<- strips leading tabs, of the terminator too', b'FROM a\nRUN <<-EOF\n\t\tx\n\t y\n\tEOF\n', [('RUN', 2, 5, {'EOF': 'x\n y\n'})]),
    ('blanks may stand between << and the word', b'FROM a\nRUN << EOF\nx\nEOF\n', [('RUN', 2, 4, {'EOF': 'x\n'})]),
    ('<<< is none', b'FROM a\nRUN cat <<<EOF\n', [('RUN', 2, 2, {})]),
    ('a quoted "<<X" is none', b'FROM a\nRUN echo "<<EOF"\n', [('RUN', 2, 2, {})]),
    ('a descriptor may stand before it', b'FROM a\nRUN cat 3<<EOF\nx\nEOF\n', [('RUN', 2, 4, {'EOF': 'x\n'})]),
    ('the word may be quoted in part', b"FROM a\nRUN <<eo'f'\nx\neof\n", [('RUN', 2, 4, {'eof': 'x\n'})]),
    ('a quoted word may have blanks', b"FROM a\nRUN <<'one two'\nx\none two\n", [('RUN', 2, 4, {'one two': 'x\n'})]),
    ('the terminator is the whole line', b'FROM a\nRUN <<EOF\n EOF\nEOF \nEOF\n', [('RUN', 2, 5, {'EOF': ' EOF\nEOF \n'})]),
    ('several bodies follow in order', b'FROM a\nCOPY <<A <<B /d/\na\nA\nb\nB\n', [('COPY', 2, 6, {'A': 'a\n', 'B': 'b\n'})]),
    ('a body starts behind the whole continued line', b'FROM a\nRUN cat <<EOF \\\n  | sh\nx\nEOF\n', [('RUN', 2, 5, {'EOF': 'x\n'})]),
    ('the next instruction may follow at once', b'FROM a\nRUN <<EOF\nx\nEOF\nUSER b', [('RUN', 2, 4, {'EOF': 'x\n'}), ('USER', 5, 5, {})]),
    ('# and the escape character are content', b'FROM a\nRUN <<EOF\n# x\ny \\\nEOF\n', [('RUN', 2, 5, {'EOF': '# x\ny \\\n'})]),
    ('none in JSON form', b'FROM a\nRUN ["cat", "<<EOF"]\n', [('RUN', 2, 2, {})]),
    ('none in another instruction', b'FROM a\nENV A=<<EOF\nUSER b\n', [('ENV', 2, 2, {}), ('USER', 3, 3, {})]),
    ('one without its end is an error at its place', b'FROM a\nRUN <<EOF\nx\n', 'heredoc without its end'),
    ('a destination is none', b'FROM a\nCOPY x <<EOF\nEOF\n', 'destination'),
]

# word behind V=, value or (what the error says,). SET is val, EMPTY is empty, UNSET is declared.
EXPANSION = [
    ('$SET', 'val'), ('${SET}', 'val'), ('${SET}x$SET.y', 'valxval.y'), ('$SETx', ("'SETx'",)),
    ('${UNSET:-w}', 'w'), ('${EMPTY:-w}', 'w'), ('${SET:-w}', 'val'), ('${UNSET-w}', 'w'), ('${EMPTY-w}', ''),
    ('${UNSET:+w}', ''), ('${EMPTY:+w}', ''), ('${SET:+w}', 'w'), ('${UNSET+w}', ''), ('${EMPTY+w}', 'w'),
    ('${UNSET:?say this}', ('say this',)), ('${EMPTY:?say this}', ('say this',)), ('${UNSET?say this}', ('say this',)), ('${EMPTY?no}', ''),
    ('${FILE#*.}', 'tar.gz'), ('${FILE##*.}', 'gz'), ('${FILE%.*}', 'a.tar'), ('${FILE%%.*}', 'a'), ('${FILE#?}', '.tar.gz'),
    ('${FILE%[z]}', 'a.tar.gz'), ('${FILE/a/b}', 'b.tar.gz'), ('${FILE//a/b}', 'b.tbr.gz'), ('${FILE//\\./-}', 'a-tar-gz'), ('${FILE/a}', '.tar.gz'),
    ('${UNSET:-${EMPTY:-${SET}}}', 'val'), ('${UNSET:-"a b"}', 'a b'), ("${UNSET:-'$x'}", '$x'), ('${UNSET:-a\\}b}', 'a}b'),
    ('\\$SET', '$SET'), ("'$SET'", '$SET'), ('"$SET"', 'val'), ('"\\$SET"', '$SET'), ('"\\""', '"'), ('"\\x"', '\\x'), ("'\\'", '\\'),
    ('a\\ b', 'a b'), ('a"b c"d', 'ab cd'), ('""', ''), ('$', '$'), ('a$', 'a$'), ('$.', '$.'),
    ('$1', ('$1',)), ('$@', ('$@',)), ('$$', ('$$',)), ('$0', ('$0',)),
    ('${SET:=w}', ('modifier',)), ('${SET:#w}', ('modifier',)), ('${SET:YYY}', ('modifier',)),
    ('${}', ('substitution',)), ('${:x}', ('substitution',)), ('${{x}', ('substitution',)), ('${SET', ("missing '}'",)),
    ('$NOWHERE', ("undefined variable 'NOWHERE'",)), ('${NOWHERE:-w}', 'w'),
]

# rule, options, file, the value of the last V or (what the error says,)
SCOPES = [
    ('an ARG before FROM is seen everywhere below', [], 'ARG A=1\nFROM scratch\nENV V=$A\n', '1'),
    ('a bare ARG of a global one changes nothing', [], 'ARG A=1\nFROM scratch\nARG A\nENV V=$A\n', '1'),
    ('--build-arg beats the default', ['--build-arg=A=2'], 'ARG A=1\nFROM scratch\nENV V=$A\n', '2'),
    ('a default in the stage beats the global value', [], 'ARG A=1\nFROM scratch\nARG A=3\nENV V=$A\n', '3'),
    ('an ARG without a value is declared, unset', [], 'FROM scratch\nARG A\nENV V=${A-unset}\n', 'unset'),
    ('an ARG is seen from its line on', [], 'FROM scratch\nENV V=$A\nARG A=1\n', ("undefined variable 'A'",)),
    ('a stage that continues it inherits it', [], 'FROM scratch AS a\nARG A=1\nFROM a\nENV V=$A\n', '1'),
    ('an unrelated stage does not', [], 'FROM scratch AS a\nARG A=1\nFROM scratch\nENV V=$A\n', ("undefined variable 'A'",)),
    ('ENV beats ARG', [], 'FROM scratch\nENV A=env\nARG A=arg\nENV V=$A\n', 'env'),
    ('ENV beats --build-arg', ['--build-arg=A=2'], 'FROM scratch\nARG A=1\nENV A=env\nENV V=$A\n', 'env'),
    ('ENV persists into a child stage', [], 'FROM scratch AS a\nENV A=1\nFROM a\nENV V=$A\n', '1'),
    ('an instruction sees the variables as they were before it', [], 'FROM scratch\nENV A=hello\nENV A=bye V=$A\n', 'hello'),
    ('several ARGs stand on a line', [], 'FROM scratch\nARG A B=1 C=2\nENV V=$B$C\n', '12'),
    ('ENV K V is an error that shows what to write', [], 'FROM scratch\nENV V x\n', ('V=x',)),
    ('an ARG is usable in a later global one and in FROM', [], 'ARG A=scr\nARG B=${A}atch\nFROM $B\nENV V=$B\n', 'scratch'),
    ('TARGETARCH is predefined', [], 'FROM scratch\nENV V=${TARGETARCH:+set}\n', 'set'),
    ('an unknown --build-arg is an error', ['--build-arg=NOPE=1'], 'FROM scratch\nENV V=1\n', ('NOPE',)),
]


def write(directory, data):
    path = pathlib.Path(directory, 'Imagefile')
    path.write_bytes(data)
    return str(path)


def split(path):
    out = subprocess.run([SPLIT, path], capture_output=True, text=True, check=True).stdout
    return json.loads(out)['instructions']


def said(path, stage='ast', options=()):
    return subprocess.run([IMAGEBUILD, 'emit', stage, *options, path], capture_output=True, text=True, check=False)


def run_split(directory, table, shape):
    for rule, data, want in table:
        path = write(directory, data)
        if isinstance(want, str):
            run = said(path, 'ir')
            good, got = run.returncode == 1 and want in run.stderr, run.stderr
        else:
            got = [shape(i) for i in split(path)]
            good = got == want or [g for g in got if g[0] != 'FROM'] == want
            bad = [line for line in said(path).stderr.splitlines() if 'IB100' in line or 'IB1011' in line]
            good, got = good and not bad, got + bad
        yield rule, good, f'{str(got)[:600]}, not {str(want)[:600]}'


def run_values(directory, table):
    for rule, options, text, want in table:
        run = said(write(directory, text.encode()), 'ir', options)
        if isinstance(want, tuple):
            good, got = run.returncode == 1 and want[0] in run.stderr, run.stderr
        else:
            stages = json.loads(run.stdout)['stages'] if run.stdout else []
            values = [op['value'] for stage in stages for op in stage['ops'] if op['op'] == 'env' and op['key'] == 'V']
            good, got = values[-1:] == [want], values or run.stderr
        yield rule, good, f'{got}, not {want}'


def expansions():
    for word, want in EXPANSION:
        yield f'V={word}', [], f'ARG SET=val EMPTY= UNSET FILE=a.tar.gz\nFROM scratch\nENV V={word}\n', want


def words(i):
    return i['keyword'], i['first'], i['last'], i.get('json', i.get('words', i.get('text')))


def bodies(i):
    return i['keyword'], i['first'], i['last'], dict(i['heredocs'])


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for rule, good, why in [*run_split(directory, LEXICAL, words), *run_split(directory, HEREDOCS, bodies),
                                *run_values(directory, [*expansions(), *SCOPES])]:
            if not good:
                failed += 1
                print(f'{rule}: {why}')
    print(f'# {len(LEXICAL) + len(HEREDOCS) + len(EXPANSION) + len(SCOPES)} vectors')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
