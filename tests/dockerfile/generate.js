// SPDX-License-Identifier: Apache-2.0
// generate.js SEED COUNT DIR: writes COUNT Dockerfiles, made of the lexical features of Dockerfiles:
// continuations, comments in them, heredocs, escapes, flags, quoting, odd spacing, CRLF.
'use strict';
const fs = require('fs');
const path = require('path');

let state = Number(process.argv[2]) >>> 0;
const count = Number(process.argv[3]);
const dir = process.argv[4];

// xorshift32: the same files for the same seed everywhere
function random(n) {
	state ^= state << 13;
	state >>>= 0;
	state ^= state >>> 17;
	state ^= state << 5;
	state >>>= 0;
	return state % n;
}
const pick = (list) => list[random(list.length)];
const maybe = (one_in, text) => (random(one_in) === 0 ? text : '');
const many = (least, most, make) => Array.from({ length: least + random(most - least + 1) }, make);

let escape = '\\';

const plain = () => pick(['a', 'b1', '/etc/x', 'file.txt', 'x-y_z', 'www-data', '8080', '/srv/a/', '.', 'a=b', 'ü', '*.c', 'a#b']);
const quoted = () => pick(['"a b"', "'a b'", '"a\'b"', '\'a"b\'', '""', "''", 'x"y z"w', '"a # b"', '"${X} y"', "'$X y'"]);
const variable = () => pick(['$X', '${X}', '${X:-d}', '${X:+y}', '${X:-"a b"}', '$X/$Y', '${X%y}', '${X##*/}']);
const escaped = () => pick([`a${escape} b`, `${escape}$X`, `${escape}"`, `x${escape}${escape}y`]);
const word = () => pick([plain, plain, plain, quoted, variable, escaped])();
const blank = () => pick([' ', ' ', ' ', '  ', '\t', ' \t ']);
const comment = () => pick(['# note', '#', '  # indented', '\t#tab', `# with ${escape}`, '# "quote']);

// Between two words: blanks, or a continued line, with comments or an empty line behind it.
function gap() {
	if (random(5) !== 0)
		return blank();
	let text = `${pick([' ', '', '  '])}${escape}${maybe(4, pick([' ', '\t', '  ']))}\n`;
	while (random(4) === 0)
		text += `${comment()}\n`;
	if (random(12) === 0)
		text += '\n';
	return text + pick([' ', '  ', '\t', '    ']);
}

const join = (words) => words.reduce((text, w) => (text ? text + gap() + w : w), '');
const keyword = (k) => pick([k, k, k, k.toLowerCase(), k[0] + k.slice(1).toLowerCase()]);
const flags = (list) => many(0, 2, () => pick(list)).filter((f, i, all) => all.indexOf(f) === i);
const json = () => `[${maybe(3, ' ')}${many(1, 3, () => JSON.stringify(pick(['a', 'b c', '-x', '/bin/sh', 'q"q', 'ü']))).join(pick([', ', ',', ' , ']))}${maybe(3, ' ')}]`;

const shell = () =>
	pick([
		() => join(many(1, 5, () => pick([word, plain])())),
		() => `echo ${pick(['"a b"', "'c  d'", '$X', '${X:-y}'])}${gap()}&& ${plain()}`,
		() => `set -e; ${plain()} | ${plain()} > /dev/null`,
		() => `test -f x${gap()}|| echo "<no> $((1+2))"`,
	])();

function heredocs(options) {
	const docs = many(1, options.most, (_, i) => {
		const name = pick(['EOF', 'END', 'X1', 'file']) + i;
		const strip = random(4) === 0;
		const quote = pick(['', '', '"', "'"]);
		const body = many(0, 4, () => pick(['text', '# no comment', `continued ${escape}`, '  indented', '', '$X and ${Y}', 'RUN no', '<<EOF', '"open'])).map((l) => (strip ? '\t' : '') + l);
		return { open: `<<${strip ? '-' : ''}${quote}${name}${quote}`, text: body.map((l) => `${l}\n`).join('') + `${strip ? maybe(2, '\t') : ''}${name}` };
	});
	return { words: docs.map((d) => d.open), bodies: docs.map((d) => `\n${d.text}`).join('') };
}

function run_heredoc() {
	const docs = heredocs({ most: 2 });
	const line = random(2) === 0 && docs.words.length === 1 ? docs.words[0] : join(['cat', ...docs.words, pick(['&& echo', '| sh', '> /x'])]);
	return `${keyword('RUN')}${blank()}${line}${docs.bodies}`;
}

function copy_heredoc() {
	const docs = heredocs({ most: 3 });
	return `${keyword(pick(['COPY', 'ADD']))}${blank()}${join([...docs.words, '/x/'])}${docs.bodies}`;
}

const instructions = [
	() => `${keyword('FROM')}${gap()}${join(pick([['base'], ['base', 'AS', 'one'], ['base', 'as', 'two']]))}`,
	() => join([keyword('FROM'), ...flags(['--platform=linux/amd64']), 'scratch']),
	() => `${keyword('RUN')}${gap()}${shell()}`,
	() => join([keyword('RUN'), ...flags(['--network=none', '--mount=type=cache,target=/c', '--mount=type=bind,source=a,target=/b']), 'make']),
	() => `${keyword('RUN')} ${json()}`,
	run_heredoc,
	() => join([keyword(pick(['COPY', 'ADD'])), ...flags(['--chown=a:b', '--chmod=644', '--from=one', '--chown="a:b"']), ...many(1, 3, word), '/d/']),
	() => `${keyword('COPY')} ${json().replace(']', ', "/d/"]')}`,
	copy_heredoc,
	() => join([keyword('ENV'), ...many(1, 3, () => `${pick(['A', 'B_2', 'c'])}=${word()}`)]),
	() => join([keyword('LABEL'), ...many(1, 3, () => `${pick(['a.b', '"k k"', 'x'])}=${word()}`)]),
	() => join([keyword('ARG'), ...many(1, 2, () => pick(['A', 'B=1', 'C="x y"', "D='z'", 'E=']))]),
	() => `${keyword(pick(['CMD', 'ENTRYPOINT']))} ${pick([json, shell])()}`,
	() => `${keyword('SHELL')} ${json()}`,
	() => `${keyword('WORKDIR')}${gap()}${pick([plain, variable])()}`,
	() => `${keyword('USER')}${gap()}${pick(['a', 'a:b', '${U}'])}`,
	() => join([keyword('EXPOSE'), ...many(1, 3, () => pick(['80', '80/tcp', '$P']))]),
	() => join([keyword('VOLUME'), ...many(1, 2, plain)]),
	() => `${keyword('STOPSIGNAL')} ${pick(['SIGTERM', '9'])}`,
];

function dockerfile() {
	const head = pick(['', '', '', '# syntax=x\n', '# escape=`\n', '# escape = \\\n', '#escape=`\n# check=skip=all\n']);
	escape = head.includes('`') ? '`' : '\\';
	let text = head;
	const lines = many(1, 8, () => pick(instructions)());
	for (const line of lines)
		text += maybe(4, `${comment()}\n`) + maybe(6, '\n') + maybe(8, pick([' ', '\t', '  '])) + line + (line.includes('<<') ? '' : maybe(10, ' ')) + '\n';
	text += maybe(6, `${comment()}\n`);
	if (random(6) === 0)
		text = text.replace(/\n$/, '');
	if (random(25) === 0 && (text.endsWith('\n') || !text.includes('<<')))
		text += ` ${escape}\n`;
	if (random(5) === 0)
		text = text.replace(/\n/g, '\r\n');
	return (random(12) === 0 ? '\ufeff' : '') + text;
}

fs.mkdirSync(dir, { recursive: true });
for (let i = 0; i < count; i++)
	fs.writeFileSync(path.join(dir, `${String(i).padStart(5, '0')}.Dockerfile`), dockerfile());
