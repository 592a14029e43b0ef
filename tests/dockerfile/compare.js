// SPDX-License-Identifier: Apache-2.0
// compare.js OURS: OURS is what split printed. Reads each file again with dockerfile-ast and compares
// instructions, words, flags, heredocs and lines. A difference must have a reason in reasons.js; a reason that
// explains nothing is an error.
'use strict';
const fs = require('fs');
const { DockerfileParser, JSONInstruction, PropertyInstruction } = require('dockerfile-ast');
const reasons = require('./reasons.js');

const blanks = /[ \t\v\f\r]+/;
const chunks = (text) => text.split(blanks).filter((w) => w !== '');

// The text of a range without continuations and the comments and empty lines in them.
function joined(document, range, escape) {
	const mark = escape === '`' ? '`' : '\\\\';
	return document
		.getText(range)
		.replace(/\r\n/g, '\n')
		.replace(new RegExp(`${mark}[ \\t]*\\n(?:[ \\t]*(?:#[^\\n]*)?\\n)*`, 'g'), '');
}

// A body as a step gets it: a newline behind each line, no tabs before the lines of a <<-.
function heredoc_of(h, document) {
	const content = h.getContentRange();
	const text = content ? document.getText(content).replace(/\r\n/g, '\n') : '';
	const body = /^\d*<<-/.test(document.getText(h.getStartRange())) ? text.replace(/^\t+/gm, '') : text;
	return [h.getName(), content ? `${body}\n` : ''];
}

function theirs_of(source) {
	const dockerfile = DockerfileParser.parse(source);
	const document = dockerfile.document;
	const escape = dockerfile.getEscapeCharacter();
	return dockerfile.getInstructions().map((i) => {
		const range = i.getRange();
		const heredocs = i.getHeredocs ? i.getHeredocs() : [];
		const found = {
			keyword: i.getKeyword(),
			first: range.start.line + 1,
			last: range.end.line + 1,
			flags: i.getFlags ? i.getFlags().map((f) => [f.getName(), f.getValue()]) : [],
			heredocs: heredocs.map((h) => heredoc_of(h, document)),
			source: document.getText(range),
		};
		if (i instanceof JSONInstruction && i.getClosingBracket() && i.getOpeningBracket())
			found.json = i.getJSONStrings().map((s) => s.getJSONValue());
		const args = i.getArgumentsRange();
		let text = args ? joined(document, args, escape) : '';
		if (heredocs.length)
			text = text.split('\n')[0];
		found.chunks = chunks(text).filter((w) => !/^(COPY|ADD)$/.test(i.getKeyword()) || !heredocs.length || !/^\d*<</.test(w));
		found.words = i instanceof PropertyInstruction
			? i.getProperties().map((p) => joined(document, p.getRange(), escape))
			: i.getArguments().map((a) => joined(document, a.getRange(), escape));
		return found;
	});
}

function difference(ours, theirs) {
	if (ours.keyword !== theirs.keyword)
		return ['keyword', ours.keyword, theirs.keyword];
	if (ours.first !== theirs.first || ours.last !== theirs.last)
		return ['lines', [ours.first, ours.last], [theirs.first, theirs.last]];
	if (JSON.stringify(ours.flags) !== JSON.stringify(theirs.flags))
		return ['flags', ours.flags, theirs.flags];
	if (JSON.stringify(ours.heredocs) !== JSON.stringify(theirs.heredocs))
		return ['heredocs', ours.heredocs, theirs.heredocs];
	if (ours.json)
		return JSON.stringify(ours.json) === JSON.stringify(theirs.json) ? null : ['json', ours.json, theirs.json];
	if (ours.words && !ours.heredocs.length)
		return JSON.stringify(ours.words) === JSON.stringify(theirs.words) ? null : ['words', ours.words, theirs.words];
	const text = ours.words ? ours.words.join(' ') : ours.text || '';
	return JSON.stringify(chunks(text)) === JSON.stringify(theirs.chunks) ? null : ['text', chunks(text), theirs.chunks];
}

const used = new Map(reasons.map((r) => [r.name, 0]));
let instructions = 0, unexplained = 0;

function explain(kind, ours, theirs, context) {
	const reason = reasons.find((r) => r.kind === kind && r.holds(ours, theirs, context));
	if (reason) {
		used.set(reason.name, used.get(reason.name) + 1);
		return;
	}
	if (++unexplained <= 10)
		console.log(`${context.file}: ${kind}: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}\n  ${JSON.stringify(context.source)}`);
}

for (const line of fs.readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
	const { file, instructions: ours } = JSON.parse(line);
	const source = fs.readFileSync(file, 'utf8');
	let theirs;
	try {
		theirs = theirs_of(source.replace(/^\ufeff/, ''));
	} catch (e) {
		explain('crash', null, e.message, { file, source });
		continue;
	}
	if (ours.length !== theirs.length) {
		explain('count', ours.map((i) => i.keyword), theirs.map((i) => i.keyword), { file, source });
		continue;
	}
	ours.forEach((mine, i) => {
		instructions++;
		const found = difference(mine, theirs[i]);
		if (found)
			explain(found[0], found[1], found[2], { file, source: theirs[i].source, mine, theirs: theirs[i], all: source });
	});
}
for (const { name, is_rare } of reasons) {
	console.log(`# ${String(used.get(name)).padStart(6)} ${name}`);
	if (used.get(name) === 0 && !is_rare) {
		console.log(`reasons.js: '${name}' explains no difference`);
		unexplained++;
	}
}
console.log(`# ${instructions} instructions, ${unexplained} differences without a reason`);
process.exit(unexplained ? 1 : 0);
