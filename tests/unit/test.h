/* SPDX-License-Identifier: Apache-2.0 */
/* The unit tests' harness: TEST("a sentence that is true") { check(...); ... }, all run by
 * TEST_MAIN(); TAP on standard output. A failed check does not end its test. */
#ifndef IMAGEBUILD_TEST_H
#define IMAGEBUILD_TEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test {
	const char *sentence;
	void (*fn)(void);
	struct test *next;
};

static struct test *test_first, **test_last = &test_first;
static bool test_failed;

#define TEST_JOIN_(a, b) a##b
#define TEST_JOIN(a, b) TEST_JOIN_(a, b)
#define TEST(sentence) TEST_(sentence, TEST_JOIN(test_, __LINE__))
#define TEST_(text, name) \
	static void name(void); \
	__attribute__((constructor)) static void TEST_JOIN(name, _add)(void) \
	{ \
		static struct test t = { text, name, NULL }; \
		*test_last = &t; \
		test_last = &t.next; \
	} \
	static void name(void)

__attribute__((format(printf, 3, 4))) static inline void test_fail(const char *file, int line, const char *fmt,
								    ...)
{
	va_list ap;

	test_failed = true;
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

#define check(claim) ((claim) ? (void)0 : test_fail(__FILE__, __LINE__, "%s", #claim))
#define check_int(got, want) \
	do { \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_) \
			test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #got, got_, want_); \
	} while (0)
#define check_str(got, want) \
	do { \
		const char *got_ = (got), *want_ = (want); \
		if (!got_ || !want_ ? got_ != want_ : strcmp(got_, want_) != 0) \
			test_fail(__FILE__, __LINE__, "%s is\n%s\nnot\n%s", #got, got_ ? got_ : "(null)", \
				  want_ ? want_ : "(null)"); \
	} while (0)

static inline int test_main(void)
{
	int n = 0, failures = 0;

	for (struct test *t = test_first; t; t = t->next) {
		test_failed = false;
		t->fn();
		failures += test_failed;
		printf("%s %d - %s\n", test_failed ? "not ok" : "ok", ++n, t->sentence);
		(void)fflush(stdout);
	}
	printf("1..%d\n", n);
	return failures || n == 0;
}
#define TEST_MAIN() int main(void) { return test_main(); }

#endif
