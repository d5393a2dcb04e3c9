/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of the live log: what can be read, what is refused and how, and which lines are taken. */

#include "control/logs/log_filter.h"

#include <criterion/criterion.h>

static const char text[] =
    "{\"route\":\"shop\",\"path\":\"/api/cart\",\"status\":502,\"duration_us\":150000,"
    "\"reused\":true,\"user_agent\":\"a \\\"b\\\" "
    "c\",\"canary.variant\":\"v2\",\"host\":\"x\\ny\"}";

static bool takes(const char *filter)
{
    struct text fault;
    json_t *line = json_loads(text, 0, NULL);
    text_init(&fault);
    struct log_filter *f = log_filter_parse(slice_str(filter), &fault);
    cr_assert(f, "%s: %.*s", filter, (int)fault.n, fault.p);
    const bool yes = log_filter_takes(f, line);
    log_filter_free(f);
    json_decref(line);
    text_fini(&fault);
    return yes;
}

static void refuses(const char *filter, const char *why)
{
    struct text fault;
    text_init(&fault);
    cr_assert(!log_filter_parse(slice_str(filter), &fault), "%s", filter);
    text_char(&fault, '\0');
    cr_assert(strstr(fault.p, why), "%s: %s", filter, fault.p);
    text_fini(&fault);
}

Test(log_filter, compares_texts_numbers_and_truths)
{
    cr_assert(takes("route=shop") && !takes("route=sho") && !takes("route!=shop"));
    cr_assert(takes("status=502") && takes("status>=502") && takes("status<=502"));
    cr_assert(!takes("status>502") && !takes("status<502") && takes("status>501.5"));
    cr_assert(takes("status!=200") && !takes("status!=502") && !takes("status=shop"));
    cr_assert(takes("reused=true") && !takes("reused=false") && takes("reused!=false"));
    cr_assert(takes("canary.variant=v2") && !takes("route>1"));
}

Test(log_filter, takes_every_line_without_terms_and_wants_all_of_them)
{
    cr_assert(takes("") && takes(" \t "));
    cr_assert(takes("route=shop  status>=500\tduration>100ms"));
    cr_assert(!takes("route=shop status<500"));
}

Test(log_filter, knows_durations_by_their_unit)
{
    cr_assert(takes("duration>100ms") && takes("duration>=0.15s") && takes("duration<151ms"));
    cr_assert(takes("duration=150000us") && !takes("duration>1m"));
    cr_assert(takes("duration_us=150000") && takes("duration_us>100ms"));
    refuses("duration>100", "is no duration; write 100ms");
    refuses("duration>x", "is no duration");
}

Test(log_filter, looks_for_expressions_anywhere_in_a_value)
{
    cr_assert(takes("path~cart") && takes("path~^/api/") && !takes("path~^/cart"));
    cr_assert(takes("path~cart$|nothing") && takes("path!~basket") && !takes("path!~cart"));
    cr_assert(takes("host~y") && takes("status~^5"), "over lines, and in numbers");
    refuses("path~(", "path");
    cr_assert(!takes("path~^((a|b|/|p|i|c|r|t)*)*x$"), "one that never ends is given up");
}

Test(log_filter, takes_quoted_values)
{
    cr_assert(takes("user_agent=\"a \\\"b\\\" c\"") && takes("user_agent~\"b. c\" status=502"));
    refuses("user_agent=\"a", "lacks a closing quote");
    refuses("user_agent=\"a\"b", "something behind it");
}

Test(log_filter, finds_absent_fields)
{
    cr_assert(takes("variant=\"\"") && !takes("route=\"\"") && takes("route!=\"\""));
    cr_assert(takes("variant!=v1") && takes("variant!~v") && !takes("variant~.*"));
    cr_assert(!takes("attempts>0") && !takes("attempts<9"));
}

Test(log_filter, says_what_is_wrong)
{
    refuses("rout=shop", "no field \"rout\", did you mean \"route\"?");
    refuses("zzzzzzzz=1", "no field \"zzzzzzzz\"; docs/access-log.md lists them");
    refuses("status>abc", "\"abc\" is no number");
    refuses("status", "can't be read; a filter is FIELD");
    refuses("=5", "can't be read");
    refuses("status!5", "can't be read");
}

Test(log_filter, is_bounded)
{
    struct text many;
    text_init(&many);
    for (int i = 0; i < LOG_FILTER_TERMS; i++)
        text_str(&many, "status>1 ");
    text_char(&many, '\0');
    cr_assert(takes(many.p));
    many.n--;
    text_str(&many, "status>1");
    text_char(&many, '\0');
    refuses(many.p, "16 terms at most");
    many.n = 0;
    text_str(&many, "path=");
    while (many.n <= LOG_FILTER_SIZE)
        text_char(&many, 'a');
    text_char(&many, '\0');
    refuses(many.p, "4096 bytes at most");
    text_fini(&many);
}
