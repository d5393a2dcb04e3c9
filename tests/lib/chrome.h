/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_CHROME_H
#define WEIR_TESTS_LIB_CHROME_H

/* A person's browser: headless Chromium, driven by ChromeDriver over WebDriver (W3C, 2018). It has
 * a profile below the rig's folder, no network but 127.0.0.1, and is ended by chrome_end(). What
 * isn't there fails: a page that nobody could look at is not tested.
 *
 *     chrome_start();
 *     chrome_open("http://127.0.0.1:%u/", port);
 *     chrome_await("document.title === 'Weir'");
 *     chrome_click("#go");
 *
 * `selector` is CSS. Scripts are expressions; what they give stays valid until the next call. */

#include <jansson.h>
#include <stdbool.h>

void chrome_start(void);
void chrome_end(void);

void chrome_open(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The value of an expression; of one that is text, a number (NAN: it is none). */
json_t *chrome_value(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *chrome_text(const char *selector);
double chrome_number(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Until the expression is true. */
void chrome_await(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As a person would: an element has to be there, in view, and not covered. */
void chrome_click(const char *selector);
/* Into this element, behind what it holds; chrome_fill empties it before. */
void chrome_type(const char *selector, const char *text);
void chrome_fill(const char *selector, const char *text);
/* Wherever the focus is. Keys without a character are WebDriver's: */
void chrome_keys(const char *text);
#define KEY_TAB "\xee\x80\x84"    /* U+E004 */
#define KEY_ENTER "\xee\x80\x87"  /* U+E007 */
#define KEY_ESCAPE "\xee\x80\x8c" /* U+E00C */

/* What the page takes its window for (pixels), and what the system prefers. */
void chrome_size(unsigned width, unsigned height);
void chrome_prefers(const char *feature, const char *value);
/* Another tab comes to the front, and goes again. */
void chrome_cover(void);
void chrome_uncover(void);
/* The whole page, as build/screenshots/NAME.png. */
void chrome_picture(const char *name);

/* What the console has said since the start, warnings and errors; "" when it is silent. And the
 * first request since the start whose URL doesn't begin so; NULL: there was none. */
const char *chrome_complaints(void);
const char *chrome_stray(const char *prefix);

#endif
