/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/shell.h"
#include "test.h"

#include <imagebuild/buf.h>

static void dump_word(struct buf *out, const struct shell *s, const struct shell_word *w)
{
	if (!w->text)
		buf_printf(out, " <%.*s>%s", (int)(w->end - w->start), s->text + w->start,
			   w->has_unquoted ? "?" : "");
	else if (w->text[0] == '\0' || strpbrk(w->text, " \t\n"))
		buf_printf(out, " [%s]", w->text);
	else
		buf_printf(out, " %s", w->text);
	buf_str(out, w->has_glob ? "~" : "");
}

static void dump_place(struct buf *out, const struct shell_command *c)
{
	const struct shell_place *p = &c->place;

	buf_printf(out, "%s%s%s%s%s%s", c->is_negated ? " not" : "", p->in_condition ? " if" : "",
		   p->in_loop ? " loop" : "", p->in_branch ? " branch" : "",
		   p->in_substitution ? " $"
		   : p->in_subshell   ? " ("
				      : "",
		   p->function ? " in " : "");
	buf_str(out, p->function ? p->function : "");
	if (p->parent != SHELL_NO_COMMAND)
		buf_printf(out, " of %u", p->parent);
}

/* A line a command: "OP WORD.. OP PLACE"; a word that is not static in < >, with ? if split. */
static const char *dump(struct arena *a, const char *text)
{
	static const char *const ops[] = { "^", "\\n", ";", "&", "&&", "||", "|" };
	static const char *const kinds[] = { "", "test", "arith", "for", "case", "group" };
	static const char *const redirs[] = { "<", ">", ">>", ">&", "<<", "<<<" };
	cleanup_buf struct buf out = BUF_INIT;
	const struct shell *s = shell_parse(a, text, strlen(text));

	vec_foreach (const struct shell_command, c, &s->commands) {
		buf_printf(&out, "%s%s%s", ops[c->before], c->kind ? " " : "", kinds[c->kind]);
		vec_foreach (const struct shell_assign, it, &c->assigns) {
			buf_printf(&out, " %s%s", it->name, it->is_append ? "+=" : "=");
			dump_word(&out, s, &it->value);
		}
		vec_foreach (const struct shell_word, w, &c->words)
			dump_word(&out, s, w);
		vec_foreach (const struct shell_redir, r, &c->redirs) {
			buf_printf(&out, " %d%s", r->fd, redirs[r->op]);
			dump_word(&out, s, &r->target);
			if (r->op == SHELL_HEREDOC)
				buf_printf(&out, "{%.*s}", (int)(r->body.end - r->body.start),
					   text + r->body.start);
		}
		buf_printf(&out, " %s", ops[c->after]);
		dump_place(&out, c);
		buf_char(&out, '\n');
	}
	if (s->is_incomplete)
		buf_str(&out, "incomplete\n");
	return arena_strdup(a, out.data ? out.data : "");
}

struct row {
	const char *text, *want;
};

static void check_rows(const struct row *rows, size_t n)
{
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < n; i++)
		check_str(dump(a, rows[i].text), rows[i].want);
}

TEST("words lose their quotes")
{
	static const struct row rows[] = {
		{ "", "" },
		{ "  \n\n # only a comment\n", "" },
		{ "a b  c", "^ a b c ^\n" },
		{ "a 'b c' \"d e\" f\\ g", "^ a [b c] [d e] [f g] ^\n" },
		{ "a b'c'\"d\"e ''", "^ a bcde [] ^\n" },
		{ "a \"x\\\"y\\a\\\\z\\$w\"", "^ a x\"y\\a\\z$w ^\n" },
		{ "a $'x\\ty\\n\\'\\x41\\101' z", "^ a [x\ty\n'AA] z ^\n" },
		{ "a \\\n  b\\\nc", "^ a bc ^\n" },
		{ "a \"b\\\nc\" 'd\\\ne'", "^ a bc [d\\\ne] ^\n" },
		{ "a#b #c\nd", "^ a#b \\n\n\\n d ^\n" },
		{ "a * b?[c] 'd*' e\\*", "^ a *~ b?[c]~ d* e* ^\n" },
		{ "a $ \"$\" $", "^ a $ $ $ ^\n" },
		{ "a {} {b,c}", "^ a {} {b,c} ^\n" },
		{ "a \r\n b", "^ a \\n\n\\n b ^\n" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

TEST("operators stand between commands")
{
	static const struct row rows[] = {
		{ "a; b & c && d || e | f |& g\nh",
		  "^ a ;\n; b &\n& c &&\n&& d ||\n|| e |\n| f |\n| g \\n\n\\n h ^\n" },
		{ "a &&\n\n b |\n # c\n d", "^ a &&\n&& b |\n| d ^\n" },
		{ "a;b&&c", "^ a ;\n; b &&\n&& c ^\n" },
		{ "! a || ! b", "^ a || not\n|| b ^ not\n" },
		{ "(a; b) && c", "^ a ; (\n; b ^ (\n&& c ^\n" },
		{ "{ a; b; } || c", "^ a ;\n; b ;\n|| c ^\n" },
		{ "a | { b; }", "^ a |\n| b ;\n" },
		{ "a && (b)", "^ a &&\n&& b ^ (\n" },
		{ "time a", "^ a ^\n" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

TEST("compounds say where a command stands")
{
	static const struct row rows[] = {
		{ "if a; then b; elif c; then d; else e; fi; f",
		  "^ a ; if\n^ b ; branch\n^ c ; if branch\n^ d ; branch\n^ e ; branch\n; f ^\n" },
		{ "while a; do b; done", "^ a ; if loop\n^ b ; loop branch\n" },
		{ "until a\ndo b\ndone\nc", "^ a \\n if loop\n^ b \\n loop branch\n\\n c ^\n" },
		{ "a | while read -r x; do b; done",
		  "^ a |\n| read -r x ; if loop\n^ b ; loop branch\n" },
		{ "for x in a \"b c\" $d; do e; done",
		  "^ for for x in a [b c] <$d>? ^\n^ e ; loop branch\n" },
		{ "for x\ndo a\ndone", "^ for for x ^\n^ a \\n loop branch\n" },
		{ "for x; do a; done; b", "^ for for x ^\n^ a ; loop branch\n; b ^\n" },
		{ "for ((i = 0; i < 3; i++)); do a; done", "^ for for ^\n^ a ; loop branch\n" },
		{ "case $x in a|b) c;; (d) e ;; *) ;; esac; f",
		  "^ case case <$x> ^\n^ c ; branch\n^ e ; branch\n; f ^\n" },
		{ "case x in\n a)\n  b\n  ;;\n # c\n *) d\nesac\ne",
		  "^ case case x ^\n\\n b \\n branch\n^ d \\n branch\n\\n e ^\n" },
		{ "case x in esac; a", "^ case case x ^\n; a ^\n" },
		{ "case in in in) a;; esac", "^ case case in ^\n^ a ; branch\n" },
		{ "f() { a; }\nb", "^ a ; in f\n\\n b ^\n" },
		{ "f ()\n{\n a\n}\nb", "\\n a \\n in f\n\\n b ^\n" },
		{ "function f { a; }; b", "^ a ; in f\n; b ^\n" },
		{ "function f() (a); b", "^ a ^ ( in f\n; b ^\n" },
		{ "f() { if a; then b; fi; }; c", "^ a ; if in f\n^ b ; branch in f\n; c ^\n" },
		{ "echo if then; a", "^ echo if then ;\n; a ^\n" },
		{ "if [ -e a ] && ! b; then c; fi",
		  "^ [ -e a ] && if\n&& b ; not if\n^ c ; branch\n" },
		{ "select x in a; do b; done", "^ for select x in a ^\n^ b ; loop branch\n" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

TEST("substitutions are read for their commands")
{
	static const struct row rows[] = {
		{ "a $(b c) d", "^ a <$(b c)>? d ^\n^ b c ^ $ of 0\n" },
		{ "a \"$(b \"c d\")\"", "^ a <\"$(b \"c d\")\"> ^\n^ b [c d] ^ $ of 0\n" },
		{ "a `b c` d", "^ a <`b c`>? d ^\n^ b c ^ $ of 0\n" },
		{ "x=$(a | b) c", "^ x= <$(a | b)> c ^\n^ a | $ of 0\n| b ^ $ of 0\n" },
		{ "a $(b $(c)) `d`",
		  "^ a <$(b $(c))>? <`d`>? ^\n^ b <$(c)>? ^ $ of 0\n^ c ^ $ of 1\n^ d ^ $ of 0\n" },
		{ "a $(case x in b) c;; esac) d", "^ a <$(case x in b) c;; esac)>? d ^\n^ case "
						  "case x ^ $ of 0\n^ c ; branch $ of 0\n" },
		{ "a $( (b) )", "^ a <$( (b) )>? ^\n^ b ^ $ of 0\n" },
		{ "a $((b) | c)", "^ a <$((b) | c)>? ^\n^ b ^ $ of 0\n| c ^ $ of 0\n" },
		{ "a $(b # )\n)", "^ a <$(b # )\n)>? ^\n^ b \\n $ of 0\n" },
		{ "diff <(a) <(b)", "^ diff <<(a)>? <<(b)>? ^\n^ a ^ $ of 0\n^ b ^ $ of 0\n" },
		{ "a > >(b)", "^ a 1> <>(b)> ^\n^ b ^ $ of 0\n" },
		{ "if a $(b); then c; fi", "^ a <$(b)>? ; if\n^ b ^ $ of 0\n^ c ; branch\n" },
		{ "a ${b:-$(c)}", "^ a <${b:-$(c)}>? ^\n^ c ^ $ of 0\n" },
		{ "a $((1 + 2)) \"$((x * (y + $z)))\"",
		  "^ a <$((1 + 2))>? <\"$((x * (y + $z)))\"> ^\n" },
		{ "a \"${b:-\"c d\"}\" e", "^ a <\"${b:-\"c d\"}\"> e ^\n" },
		{ "a \"${b:-it's}\" e", "^ a <\"${b:-it's}\"> e ^\n" },
		{ "a \"${b%'}'}\" e", "^ a <\"${b%'}'}\"> e ^\n" },
		{ "a ${b#\\}} ${#c} ${d[@]} ${!e} $# $@",
		  "^ a <${b#\\}}>? <${#c}>? <${d[@]}>? <${!e}>? <$#>? <$@>? ^\n" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

TEST("assignments and redirections are no words")
{
	static const struct row rows[] = {
		{ "a=1 b='2 3' c d=4", "^ a= 1 b= [2 3] c d=4 ^\n" },
		{ "a=$b c=", "^ a= <$b> c= [] ^\n" },
		{ "a+=x b[1]=y", "^ a+= x b= y ^\n" },
		{ "a=(b \"c d\"\n # e\n $f) g", "^ a= <(b \"c d\"\n # e\n $f)> g ^\n" },
		{ "export a=$b c=d e", "^ a= <$b> c= d export <a=$b> c=d e ^\n" },
		{ "a >b 2>&1 <c >>d", "^ a 1> b 2>& 1 0< c 1>> d ^\n" },
		{ "a>b&&c", "^ a 1> b &&\n&& c ^\n" },
		{ "a &>b; c &>>d; e >& f", "^ a -1> b ;\n; c -1>> d ;\n; e 1> f ^\n" },
		{ ">a b", "^ b 1> a ^\n" },
		{ "a 2 >b", "^ a 2 1> b ^\n" },
		{ "{ a; } >b 2>c | d", "^ a ;\n^ group 1> b 2> c |\n| d ^\n" },
		{ "while a; do b; done < c", "^ a ; if loop\n^ b ; loop branch\n^ group 0< c ^\n" },
		{ "a <<< \"b $c\"", "^ a 0<<< <\"b $c\"> ^\n" },
		{ "exec {fd}>a", "^ exec -1> a ^\n" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

TEST("heredocs are read up to their delimiters")
{
	static const struct row rows[] = {
		{ "a <<E\nb $c\nE\nd", "^ a 0<< E{b $c\n} \\n\n\\n d ^\n" },
		{ "a <<'E'\n$(b)\nE\nd", "^ a 0<< E{$(b)\n} \\n\n\\n d ^\n" },
		{ "a <<E | c\n$(b)\nE\nd",
		  "^ a 0<< E{$(b)\n} |\n| c \\n\n^ b ^ $ of 0\n\\n d ^\n" },
		{ "a <<-E\n\tb\n\tE\nd", "^ a 0<< E{\tb\n} \\n\n\\n d ^\n" },
		{ "a <<E <<F\n1\nE\n2\nF\nd", "^ a 0<< E{1\n} 0<< F{2\n} \\n\n\\n d ^\n" },
		{ "x=$(a <<E\nb\nE\n)\nd",
		  "^ x= <$(a <<E\nb\nE\n)> \\n\n^ a 0<< E{b\n} \\n $ of 0\n\\n d ^\n" },
		{ "a <<E\nit's \"so\nE\nd", "^ a 0<< E{it's \"so\n} \\n\n\\n d ^\n" },
		{ "a <<E\n$(b\nE\nd",
		  "^ a 0<< E{$(b\n} \\n\n^ b \\n $ of 0\n\\n d ^\nincomplete\n" },
		{ "a <<E\nb", "^ a 0<< E{b} \\n\nincomplete\n" },
		{ "if a; then b <<E\nx\nE\nfi; c", "^ a ; if\n^ b 0<< E{x\n} \\n branch\n; c ^\n" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

TEST("[[ ]] and (( )) are commands of their own")
{
	static const struct row rows[] = {
		{ "[[ a == b* && ! -e $c ]] || d",
		  "^ test [[ a == b*~ && ! -e <$c> ]] ||\n|| d ^\n" },
		{ "[[ $a =~ ^(b|c d)$ ]]; e", "^ test [[ <$a> =~ [^(b|c d)$] ]] ;\n; e ^\n" },
		{ "[[ ( a < b ) ||\n c > d ]]", "^ test [[ ( a < b ) || c > d ]] ^\n" },
		{ "((a = 1 + $b)); c", "^ arith <((a = 1 + $b))> ;\n; c ^\n" },
		{ "((a) | b)", "^ a ^ (\n| b ^ (\n" },
		{ "if (( a > 1 )); then b; fi", "^ arith <(( a > 1 ))> ; if\n^ b ; branch\n" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

TEST("what makes no sense is skipped up to the next line")
{
	static const struct row rows[] = {
		{ "a 'b\nc", "^ a ^\n\\n c ^\nincomplete\n" },
		{ "a \"b\nc", "^ a ^\n\\n c ^\nincomplete\n" },
		{ "a $(b\nc", "^ a ^\n^ b \\n $ of 0\n\\n c ^\nincomplete\n" },
		{ "a )\nb", "^ a ^\n\\n b ^\nincomplete\n" },
		{ "fi; a", "; a ^\nincomplete\n" },
		{ "if a; then b", "^ a ; if\n^ b ^ branch\nincomplete\n" },
		{ "a ( b )\nc", "^ a ^\n\\n c ^\nincomplete\n" },
		{ "a ${b\nc", "^ a ^\n\\n c ^\nincomplete\n" },
		{ "[[ a\nb $c", "^ test [[ a ^\n\\n b <$c>? ^\nincomplete\n" },
		{ "a ;; b", "^ a ;\n; b ^\nincomplete\n" },
		{ "case x a\nb", "^ case case x ^\n\\n b ^\nincomplete\n" },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

/* "name:flags" of each use: q quoted, s split, d default, e error, a alternative, n arithmetic. */
static const char *dump_uses(struct arena *a, const char *text)
{
	cleanup_buf struct buf out = BUF_INIT;
	const struct shell *s = shell_parse(a, text, strlen(text));

	vec_foreach (const struct shell_use, u, &s->uses)
		buf_printf(&out, "%s%.*s:%s%s%s%s%s%s", out.len ? " " : "",
			   (int)(u->end - u->start), text + u->start, u->is_quoted ? "q" : "",
			   u->is_split ? "s" : "", u->has_default ? "d" : "",
			   u->has_error ? "e" : "", u->has_alternative ? "a" : "",
			   u->is_arithmetic ? "n" : "");
	return arena_strdup(a, out.data ? out.data : "");
}

TEST("expansions are found with what becomes of them")
{
	static const struct row rows[] = {
		{ "a $b \"$c\" '$d' \\$e", "$b:s $c:q" },
		{ "a ${b:-x} ${c-x} ${d:?} ${e+x} ${f#x}",
		  "${b:-x}:sd ${c-x}:sd ${d:?}:sde ${e+x}:sda ${f#x}:s" },
		{ "a \"${b:-$c}\"", "${b:-$c}:qd $c:q" },
		{ "b=$c d <$e", "$c: $e:" },
		{ "[[ $a == $b ]]", "$a: $b:" },
		{ "case $a in $b) ;; esac", "$a: $b:" },
		{ "for a in $b; do :; done", "$b:s" },
		{ "a $((b + $c)) ; ((d++))", "b:qn $c:q d:qn" },
		{ "a <<E\n$b ${c}\n\\$d\nE\n", "$b:q ${c}:q" },
		{ "a $1 $12 ${12} $@ \"$*\" $$ $! $? $- $#",
		  "$1:s $1:s ${12}:s $@:s $*:q $$:s $!:s $?:s $-:s $#:s" },
		{ "a ${b[$c]} ${#d} ${!e}", "${b[$c]}:s $c:q ${#d}:s ${!e}:s" },
		{ "a ${} ${b c} $(d ${e})", "${b c}:s ${e}:s" },
	};
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_str(dump_uses(a, rows[i].text), rows[i].want);
}

static const char *dump_sets(struct arena *a, const char *text)
{
	cleanup_buf struct buf out = BUF_INIT;
	const struct shell *s = shell_parse(a, text, strlen(text));

	vec_foreach (const struct shell_set, it, &s->sets)
		buf_printf(&out, "%s%s:%d", out.len ? " " : "", it->name, (int)it->how);
	return arena_strdup(a, out.data ? out.data : "");
}

TEST("what a script sets is listed")
{
	static const struct row rows[] = {
		{ "a=1 b+=2 c", "a:0 b:0" },
		{ "x=$(y=1)", "x:0 y:0" },
		{ "export a b=1; readonly c=$d", "a:2 b:1 c:1" },
		{ "local -r a=1 b", "a:1 b:2" },
		{ "for a in b; do read -r c d; done", "a:3 c:4 d:4" },
		{ "while getopts ab: o; do :; done; mapfile -t m; printf -v p x",
		  "o:4 m:4 p:4 x:4" },
		{ ": ${a:=1} ${b=2} ${c:-3}", "a:5 b:5" },
		{ "((a = 1, b == 2, c++, d += 1))", "a:6 c:6 d:6" },
		{ "eval declare -A a=($(b))", "a:1" },
		{ "a[1]=2; declare -a b=(1 2)", "a:0 b:1" },
	};
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_str(dump_sets(a, rows[i].text), rows[i].want);
}

static const char *dump_bashisms(struct arena *a, const char *text)
{
	cleanup_buf struct buf out = BUF_INIT;
	const struct shell *s = shell_parse(a, text, strlen(text));

	vec_foreach (const struct shell_bashism, it, &s->bashisms)
		buf_printf(&out, "%s%s", out.len ? ", " : "", it->what);
	return arena_strdup(a, out.data ? out.data : "");
}

TEST("what bash alone has is listed")
{
	static const struct row rows[] = {
		{ "[[ a ]]; ((1)); a=(b); a+=c", "[[ ]], ((..)), an array, +=" },
		{ "a <<<b; c &>d; e |& f; g <(h)", "<<<, &>, |&, process substitution" },
		{ "a ${b/c/d} ${e^} ${f:1} ${!g} ${h[0]}",
		  "${name/pattern/string}, a change of case in ${}, ${name:offset}, ${!name}, an "
		  "array" },
		{ "a {b,c} {1..3} {} {d} $'e' @(f|g)",
		  "brace expansion, brace expansion, $'..', an extended pattern" },
		{ "function f { :; }; for ((;;)); do :; done", "function, for ((..))" },
		{ "a ${b:-c} ${d#e} $((1)) `f` <<E 2>&1\nE\n", "" },
	};
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_str(dump_bashisms(a, rows[i].text), rows[i].want);
}

static bool has_options(const char *text, bool e, bool u, bool pipefail)
{
	cleanup_arena struct arena *a = arena_new();
	const struct shell *s = shell_parse(a, text, strlen(text));

	return s->has_errexit == e && s->has_nounset == u && s->has_pipefail == pipefail;
}

TEST("the shebang and set at the top level say what is switched on")
{
	cleanup_arena struct arena *a = arena_new();

	check(has_options("set -e\n", true, false, false));
	check(has_options("#!/bin/bash\nset -eux\nset -o pipefail\n", true, true, true));
	check(has_options("set -euo pipefail", true, true, true));
	check(has_options("set -o errexit -o nounset", true, true, false));
	check(has_options("#!/bin/sh -eu\na\n", true, true, false));
	check(has_options("if a; then set -e; fi; (set -u); f() { set -o pipefail; }", false, false,
			  false));
	check_str(shell_parse(a, "#!/bin/bash", 11)->interpreter, "bash");
	check_str(shell_parse(a, "#! /usr/bin/env -S X=1 python3 -u\n", 34)->interpreter,
		  "python3");
	check(!shell_parse(a, "#!\n", 3)->interpreter && !shell_parse(a, "a", 1)->interpreter);
	check_int(shell_parse(a, "#!/bin/sh\n#x\n", 13)->comments.len, 1);
}

static const char *program(struct arena *a, const char *text)
{
	const struct shell *s = shell_parse(a, text, strlen(text));
	size_t at = 0;
	const char *name = shell_program(&s->commands.items[0], &at);

	return arena_printf(a, "%s %zu", name ? name : "-", at);
}

TEST("a program is found behind those that run it")
{
	cleanup_arena struct arena *a = arena_new();
	const struct shell *s = shell_parse(a, "a -qy --long=x -- -z", 20);

	check_str(program(a, "apt-get install x"), "apt-get 0");
	check_str(program(a, "/usr/bin/apt-get x"), "apt-get 0");
	check_str(program(a, "sudo -u root -E env A=1 B=$C /bin/apt-get x"), "apt-get 7");
	check_str(program(a, "command -v apt-get"), "command 0");
	check_str(program(a, "chroot $ROOT apt-get x"), "apt-get 2");
	check_str(program(a, "timeout -k 5 10 apt-get x"), "apt-get 4");
	check_str(program(a, "exec"), "exec 0");
	check_str(program(a, "$APT install x"), "- 0");
	check_str(program(a, "sudo $APT install x"), "- 0");
	check(shell_has_option(&s->commands.items[0], 1, 'y', NULL));
	check(shell_has_option(&s->commands.items[0], 1, '\0', "--long"));
	check(!shell_has_option(&s->commands.items[0], 1, 'z', "--lon"));
	check(shell_has_word(&s->commands.items[0], 1, "-z"));
}

/* N times TEXT */
static const struct shell *repeated(struct arena *a, const char *text, size_t n)
{
	size_t len = strlen(text);
	char *all = arena_alloc(a, len * n + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(all + i * len, text, len);
	return shell_parse(a, all, len * n);
}

TEST("what nests too deep or is too long ends the reading")
{
	static const char *const openings[] = {
		"$(",  "`",  "${a:-", "((",     "$((",   "(", "{ ", "\"$(",    "case x in a) ",
		"a=(", "<(", "if ",   "f() { ", "<<E\n", "'", "\"", "a <<E $("
	};
	static char text[SHELL_TEXT_MAX + 1];
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(openings); i++)
		check(repeated(a, openings[i], 100001)->is_incomplete);
	check(!repeated(a, "a $(b \"c\") <<E\nd\nE\n", 1000)->is_incomplete);
	check_int(repeated(a, "f() { a; }\n", 1000)->functions.len, 1000);
	memset(text, 'a', sizeof(text));
	check(shell_parse(a, text, sizeof(text))->is_incomplete);
	check(!shell_parse(a, text, sizeof(text) - 1)->is_incomplete);
}

TEST_MAIN()
