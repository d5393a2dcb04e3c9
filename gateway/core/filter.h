/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_FILTER_H
#define WEIR_CORE_FILTER_H

/* Content on its way through modules. Those that asked for it (weir_filter) see each piece and say
 * what goes on instead; weir_keep() keeps the first bytes as they came, before any filter.
 *
 *     client ──► filters, in chain order ──► x->inward ──► origin
 *     origin ──► at->body ──► filters, in reverse order ──► queue ──► client
 *
 * What is kept for another attempt is what the filters gave, as they can't run twice. Inward,
 * content is filtered as it comes, so that the client is paused by what waits behind the filters;
 * outward it is filtered when the queue has room, so that the origin is paused by what waits before
 * them.
 *
 * What has no content has no filters: tunnels, responses to HEAD, 204 and 304. A head whose content
 * may change loses its length (RFC 9110 8.6), and a strong entity tag becomes a weak one (8.8.3):
 * that is all that RFC 9110 asks for. Digests of the content and Accept-Ranges are for the module
 * to take off, who knows what it changes; so is Cache-Control: no-transform (7.7), which binds
 * proxies and may not bind a gateway that acts for the origin.
 *
 * An exchange that has none of this has no x->content. */

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct attempt;
struct exchange;

/* From the hook that runs: this use filters content of this direction (enum weir_direction). */
void filter_add(struct exchange *x, int direction, bool changes);
/* Keeps up to `limit` bytes; the largest limit of several counts. */
void filter_keep(struct exchange *x, int direction, size_t limit);
/* From on_content: this goes on. False: this direction is not being filtered right now. */
bool filter_pass(struct exchange *x, int direction, struct slice s);
/* What was kept, in the arena. *whole: that is all the content there was. */
struct slice filter_kept(struct exchange *x, int direction, bool *whole);

/* All hooks have been asked: filters what has come, and fits x->plan. */
void filter_inward_begin(struct exchange *x);
/* A piece has come; false: there are no filters inward. */
bool filter_inward(struct exchange *x, struct block *b, struct slice s);
void filter_inward_end(struct exchange *x);

/* All hooks have been asked: fits x->reply. */
void filter_outward_begin(struct exchange *x);
/* What the client is sent from: filters what has come of the response as long as less than `limit`
 * waits. NULL: there are no filters outward. */
struct bytes *filter_outward(struct exchange *x, struct attempt *at, size_t limit);
/* What filters have given and the client has not taken; *ended: nothing more will come. */
size_t filter_left(const struct exchange *x, const struct attempt *at, bool *ended);
/* The whole content of an answer of the gateway's own, and its length in x->reply. */
void filter_own(struct exchange *x);

void filter_free(struct exchange *x);

#endif
