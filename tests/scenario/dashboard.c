/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard as its readers have it: a real gateway with a known number of requests, and a real
 * browser that looks, clicks and types. */
#include "tests/lib/chrome.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OPS "0123456789abcdef-ops"

static struct origin *app, *spare, *v1, *v2;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
    spare = origin_start("spare");
    v1 = origin_start("first");
    v2 = origin_start("second");
    rig_write_file("ops.token", OPS "\n");
    chmod(rig_path("ops.token"), 0600);
    chrome_start();
}

static void end(void)
{
    chrome_end();
    rig_end();
}

TestSuite(dashboard, .init = begin, .fini = end, .timeout = 120);

/* A split, and a cluster of two endpoints with a circuit that never opens by itself. Whoever shows
 * nothing on the TCP socket has this role. */
#define CONF(role)                                                                                 \
    "workers = 2;\n"                                                                               \
    "admin = { bind = \"unix:$dir/admin.sock\"; listeners = (\n"                                   \
    "  { bind = \"127.0.0.1:$portadmin\"; role = \"" role "\";\n"                                  \
    "    tokens = ( { name = \"ops\"; file = \"$dir/ops.token\"; role = \"read-write\"; } ); } "   \
    "); "                                                                                          \
    "};\n"                                                                                         \
    "module_folders = [ \"" WEIR_MODULES "\" ];\n"                                                 \
    "default_modules = [ ];\n"                                                                     \
    "listeners = ( { name = \"public\"; bind = \"127.0.0.1:$port\"; } );\n"                        \
    "clusters = {\n"                                                                               \
    "  app = { endpoints = [ \"$app\", \"$spare\" ];\n"                                            \
    "    breaker = { circuit = { open_on = { consecutive = 1000; }; }; }; };\n"                    \
    "  first = { endpoints = [ \"$first\" ]; };\n"                                                 \
    "  second = { endpoints = [ \"$second\" ]; }; };\n"                                            \
    "routes = (\n"                                                                                 \
    "  { name = \"reviews\"; match = { path_prefix = \"/reviews\"; }; canary = { split = (\n"      \
    "    { cluster = \"first\"; weight = 90; name = \"stable\"; },\n"                              \
    "    { cluster = \"second\"; weight = 10; name = \"new\"; } ); }; },\n"                        \
    "  { name = \"shop\"; match = { path_prefix = \"/shop\"; }; cluster = \"app\"; } );\n"

/* Every test ends so: the page has complained about nothing, and asked nobody else. */
static void was_quiet(void)
{
    char own[64];
    snprintf(own, sizeof own, "http://127.0.0.1:%u/", rig_port("portadmin"));
    cr_assert_str_eq(chrome_complaints(), "");
    cr_assert(!chrome_stray(own), "asked elsewhere: %s", chrome_stray(own));
}

static void look(void)
{
    chrome_open("http://127.0.0.1:%u/", rig_port("portadmin"));
    chrome_await("document.querySelector('#connection').dataset.state === 'live'");
}

static void look_as_operator(void)
{
    look();
    chrome_click("#token-ask");
    chrome_type("#token", OPS "\n");
    chrome_await("document.querySelector('#who').textContent === 'token ops at 127.0.0.1' && "
                 "document.querySelector('#connection').dataset.state === 'live'");
}

static void send(unsigned n, const char *target, int status)
{
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(get(target)->status, status, "%s", target);
}

/* A cell of the row that begins so. */
#define CELL(table, row, i)                                                                        \
    "[...document.querySelectorAll('" table " tbody tr')]"                                         \
    ".find((r) => r.cells[0].textContent.startsWith('" row "')).cells[" #i "].textContent"

/* Reads with "startsWith" what an element says. */
static void says(const char *selector, const char *text)
{
    const char *said = chrome_text(selector);
    cr_assert(strstr(said, text), "%s: %s", selector, said);
}

/* -- what it shows ----------------------------------------------------------------------------- */

Test(dashboard, shows_exactly_what_was_sent)
{
    rig_start(.whole = CONF("read-only"));
    send(200, "/reviews", 200);
    look();
    send(100, "/reviews", 200);
    send(93, "/shop", 200);
    send(7, "/shop?status=500", 500);
    send(5, "/nowhere", 404);
    chrome_await("document.querySelector('#figure-total .value').textContent === '405'");
    chrome_await(CELL("#routes", "reviews", 3) " === '300'");
    chrome_await(CELL("#routes", "stable", 3) " === '270'");
    chrome_await(CELL("#routes", "new", 3) " === '30'");
    chrome_await(CELL("#routes", "shop", 3) " === '100'");
    /* Owed, got since the weights were set, got in all. */
    chrome_await(CELL("[data-route=reviews]", "stable", 3) " === '270'");
    chrome_await(CELL("[data-route=reviews]", "stable", 4) " === '270'");
    chrome_await(CELL("[data-route=reviews]", "new", 5) " === '30'");
    says("#budget-sums .sum p", "7 of 405 failed; 0 may.");
    says("#budget-sums .sum:nth-child(2) p", "7 of 205 failed");
    chrome_await(CELL("#budget-routes", "shop", 1) " === '93.000 %%'");
    chrome_await("document.querySelectorAll('.flow .node').length === 1 + 2 + 3 + 4 || "
                 "document.querySelectorAll('.flow .node').length === 1 + 3 + 3 + 4");
    chrome_await("document.querySelector('.flow .link[data-kind=good]') !== null");
    chrome_await("document.querySelector('#heat .shade[d^=M]') !== null");
    /* What the reader chooses. */
    chrome_fill("#objective", "95");
    chrome_await("document.querySelector('#budget-sums .sum p').textContent === "
                 "'7 of 405 failed; 20 may.'");
    chrome_click("#latency-route [value=shop]");
    chrome_await("document.querySelector('#heat title').textContent.startsWith('Latency of shop')");
    was_quiet();
}

Test(dashboard, goes_on_after_a_reload_of_the_gateway)
{
    rig_start(.whole = CONF("read-only"));
    look();
    send(20, "/reviews", 200);
    chrome_await("document.querySelector('#figure-total .value').textContent === '20'");
    rig_renew(.whole = CONF("read-only"));
    send(20, "/reviews", 200);
    chrome_await("document.querySelector('#figure-total .value').textContent === '40'");
    chrome_await("document.querySelector('#process').textContent.includes('generation 2 ')");
    chrome_await("document.querySelector('#connection').dataset.state === 'live'");
    rig_signal(SIGTERM);
    cr_assert_eq(rig_await_exit(), 0);
    chrome_await("/^No connection; what you see is .* old, next try in /.test("
                 "document.querySelector('#connection-text').textContent)");
}

Test(dashboard, asks_for_nothing_while_nobody_looks)
{
    pid_t control;
    rig_start(.whole = CONF("read-only"));
    look();
    cr_assert_eq(rig_processes("control", &control, 1), 1);
    const size_t before = rig_descriptors(control);
    chrome_cover();
    AWAIT_FOR(3000, rig_descriptors(control) < before); /* an idle connection would stay longer */
    chrome_uncover();
    chrome_await("document.querySelector('#connection').dataset.state === 'live'");
    was_quiet();
}

/* -- what operators do ------------------------------------------------------------------------- */

/* The keyboard alone, from the top of the page to the weights in force. */
Test(dashboard, moves_a_weight_by_keyboard_and_the_split_follows)
{
    unsigned tabs = 0;
    rig_start(.whole = CONF("read-only"));
    look_as_operator();
    send(100, "/reviews", 200);
    chrome_value("document.activeElement.blur()");
    do {
        chrome_keys(KEY_TAB);
        cr_assert_lt(++tabs, 40, "no way to the button by Tab");
        cr_assert(json_is_true(chrome_value("document.activeElement.matches(':focus-visible') && "
                                            "getComputedStyle(document.activeElement).outlineStyle "
                                            "!== 'none'")),
                  "nothing shows where the focus is");
    } while (strcmp(chrome_text(":focus"), "Move weights…") != 0);
    chrome_keys(KEY_ENTER);
    chrome_await("document.activeElement.dataset.variant === 'stable'");
    for (unsigned i = 0; i < 12; i++) {
        chrome_keys(KEY_TAB);
        cr_assert(json_is_true(chrome_value("document.activeElement === document.body || "
                                            "document.querySelector('dialog').contains("
                                            "document.activeElement)")),
                  "the focus has left the dialog");
    }
    chrome_value("document.querySelector('#weight-0').select()");
    chrome_keys("70" KEY_ENTER);
    chrome_await("document.querySelector('#dialog-h').textContent === "
                 "'Move the weights of reviews'");
    says("dialog .says", "stable: weight 90 → 70, from 90 % to 70 % of the requests");
    says("dialog .says", "new: weight 10 → 30, from 10 % to 30 % of the requests");
    cr_assert_eq(origin_requests(v2), 10, "nothing is done before it is confirmed");
    chrome_keys(KEY_ENTER);
    cr_assert(json_is_true(chrome_value("document.querySelector('dialog').open")),
              "not by an Enter too many");
    chrome_keys(KEY_TAB "first step" KEY_ENTER);
    chrome_await("!document.querySelector('dialog').open");
    chrome_await(CELL("[data-route=reviews]", "new", 1) " === '30'");
    send(200, "/reviews", 200);
    cr_assert_eq(origin_requests(v1), 90 + 140);
    cr_assert_eq(origin_requests(v2), 10 + 60);
    chrome_await(CELL("[data-route=reviews]", "new", 4) " === '60'");
    chrome_await(CELL("[data-route=reviews]", "new", 5) " === '70'");
    cr_assert_str_eq(chrome_text(":focus"), "Move weights…", "the focus comes back");
    /* It stands among the overrides with what was said of it, and is taken back there. */
    chrome_await("document.querySelector('#override-list').textContent.includes('first step')");
    says("#override-list", "token ops at 127.0.0.1");
    chrome_click("#override-list button");
    says("dialog h2", "Undo the override of ");
    chrome_click("dialog [type=submit]");
    chrome_await(CELL("[data-route=reviews]", "new", 1) " === '10'");
    chrome_await("!document.querySelector('#override-none').hidden");
    was_quiet();
}

Test(dashboard, changes_nothing_that_makes_no_sense_or_is_taken_back)
{
    rig_start(.whole = CONF("read-only"));
    look_as_operator();
    chrome_click(".canary button");
    chrome_fill("#weight-0", "-1");
    chrome_click("dialog [type=submit]");
    chrome_await("document.querySelector('dialog .error').textContent.includes('from 0')");
    chrome_click("#keep");
    chrome_fill("#weight-0", "999999");
    chrome_fill("#weight-1", "0.001");
    chrome_click("dialog [type=submit]");
    chrome_click("dialog [type=submit]");
    /* What the gateway says of it stands there as it is. */
    chrome_await("document.querySelector('dialog .error').textContent.includes("
                 "'multiples of one step')");
    chrome_keys(KEY_ESCAPE);
    chrome_await("!document.querySelector('dialog').open");
    send(10, "/reviews", 200);
    cr_assert_eq(origin_requests(v1), 9);
}

Test(dashboard, forces_a_circuit)
{
    rig_start(.whole = CONF("read-only"));
    look_as_operator();
    send(4, "/shop", 200);
    chrome_await("document.querySelector('.breaker .state').textContent === 'closed'");
    chrome_click(".breaker [data-state=open]");
    says("dialog h2", "Force open: the circuit of cluster app");
    chrome_click("dialog [type=submit]");
    chrome_await("document.querySelector('.breaker').dataset.mode === 'forced_open'");
    send(4, "/shop", 503);
    cr_assert_eq(origin_requests(app) + origin_requests(spare), 4);
    says("#attention-list", "The circuit of cluster app is forced open by an operator.");
    chrome_await("document.querySelector('#event-list [data-event=breaker_open]') !== null");
    chrome_await("document.querySelector('#event-list').textContent.includes("
                 "'token ops at 127.0.0.1')");
    chrome_click(".breaker [data-state=auto]");
    chrome_click("dialog [type=submit]");
    chrome_await("document.querySelector('.breaker').dataset.mode === 'auto'");
    send(4, "/shop", 200);
    /* What it has been is kept: closed, open, and what follows. */
    chrome_click(".history summary");
    chrome_await("/ closed.* open.* closed$/.test(document.querySelector('.history').textContent)");
    was_quiet();
}

Test(dashboard, drains_an_endpoint_and_enables_it_again)
{
    rig_start(.whole = CONF("read-only"));
    look_as_operator();
    send(10, "/shop", 200);
    const unsigned before = origin_requests(app);
    chrome_click("[data-cluster=app] tbody tr:first-child .act button");
    says("dialog .says", "gets no new requests from now on");
    says("dialog .says", "1 endpoint of the cluster stays in use");
    chrome_click("dialog [type=submit]");
    chrome_await("document.querySelector('[data-cluster=app] .badge').textContent === 'draining'");
    send(10, "/shop", 200);
    cr_assert_eq(origin_requests(app), before);
    cr_assert_eq(origin_requests(spare), 20 - before);
    chrome_click("[data-cluster=app] tbody tr:first-child .act button:not([hidden])");
    chrome_click("dialog [type=submit]");
    chrome_await("document.querySelector('[data-cluster=app] .badge').textContent !== 'draining'");
    send(10, "/shop", 200);
    cr_assert_gt(origin_requests(app), before);
    was_quiet();
}

/* -- who may ----------------------------------------------------------------------------------- */

Test(dashboard, lets_who_may_only_look_change_nothing)
{
    rig_start(.whole = CONF("read-only"));
    look();
    send(1, "/shop", 200);
    says("#who", "read-only");
    chrome_await("document.querySelectorAll('button.changes').length === 1 + 3 + 8");
    chrome_await("[...document.querySelectorAll('button.changes')]"
                 ".every((b) => b.getAttribute('aria-disabled') === 'true')");
    chrome_click(".canary button");
    says("#banner", "may look and change nothing");
    chrome_await("!document.querySelector('dialog').open");
    /* Nor would it help the page to ask all the same. */
    chrome_value(
        "void fetch('v1/modules/canary/set', {method: 'POST', body: "
        "'{\"route\":\"reviews\",\"weights\":{\"new\":0}}'}).then((r) => status = r.status)");
    chrome_await("status === '401'");
}

Test(dashboard, asks_for_a_token_where_one_is_needed)
{
    rig_start(.whole = CONF("none"));
    chrome_open("http://127.0.0.1:%u/", rig_port("portadmin"));
    chrome_await("!document.querySelector('#token-form').hidden");
    says("#token-why", "a token is needed");
    chrome_type("#token", "0123456789abcdef-oops\n");
    chrome_await("document.querySelector('#token-why').textContent.includes('none of the tokens')");
    cr_assert(json_is_true(chrome_value("document.querySelector('#content').hidden")));
    chrome_type("#token", OPS "\n");
    chrome_await("!document.querySelector('#content').hidden");
    says("#who", "token ops at 127.0.0.1");
    chrome_await("document.querySelector('#token-form').hidden");
    /* It is known after the page was loaded again, and in no other place than this tab. */
    chrome_open("http://127.0.0.1:%u/", rig_port("portadmin"));
    chrome_await("document.querySelector('#connection').dataset.state === 'live'");
    cr_assert(json_is_true(chrome_value("!JSON.stringify(localStorage).includes('abcdef') && "
                                        "document.cookie === ''")));
    chrome_click("#token-forget");
    chrome_await("!document.querySelector('#token-form').hidden");
}

/* -- how it looks ------------------------------------------------------------------------------ */

/* The least contrast (WCAG 2.2, 1.4.3) of texts in the page with what is behind them: colours of
 * elements as they are drawn, of backgrounds the nearest that isn't transparent. */
static const char contrast[] =
    "(() => { const rgb = (c) => c.match(/[\\d.]+/g).map(Number);"
    "const light = (c) => { const [r, g, b] = rgb(c).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 "
    ": "
    "((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };"
    "const behind = (e) => { for (; e; e = e.parentElement) { const c = "
    "getComputedStyle(e).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c; } };"
    "let least = 21; for (const e of document.querySelectorAll('main *:not(svg *), header *')) {"
    "const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());"
    "if (!text || !e.checkVisibility()) continue;"
    "const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);"
    "least = Math.min(least, (a + 0.05) / (b + 0.05)); } return least; })()";

static void looks_good(const char *name, unsigned width)
{
    chrome_size(width, 900);
    chrome_await("document.documentElement.scrollWidth <= %u", width);
    const double least = json_number_value(chrome_value("%s", contrast));
    cr_assert_geq(least, 4.5, "%s: a text has only a contrast of %.2f", name, least);
    chrome_picture(name);
}

#define BACKGROUND "getComputedStyle(document.body).backgroundColor"

Test(dashboard, is_legible_light_and_dark_wide_and_narrow)
{
    char light[64];
    rig_start(.whole = CONF("read-only"));
    chrome_prefers("prefers-color-scheme", "light");
    look();
    for (unsigned i = 0; i < 6; i++) {
        send(20, "/reviews", 200);
        send(8, "/shop?delay=8", 200);
        send(1, "/shop?status=500", 500);
        sleep_ms(300);
    }
    looks_good("dashboard-light", 1440);
    snprintf(light, sizeof light, "%s", json_string_value(chrome_value(BACKGROUND)));
    looks_good("dashboard-narrow", 360);
    cr_assert(json_is_true(chrome_value("!document.querySelector('.flow svg').checkVisibility()")));
    chrome_prefers("prefers-color-scheme", "dark");
    chrome_await(BACKGROUND " !== '%s'", light);
    looks_good("dashboard-narrow-dark", 360);
    looks_good("dashboard-dark", 1440);
    /* The switch says otherwise than the system, and is remembered. */
    chrome_value("(document.querySelector('#theme').value = 'light', "
                 "document.querySelector('#theme').dispatchEvent(new Event('change')))");
    chrome_await(BACKGROUND " === '%s'", light);
    look();
    chrome_await(BACKGROUND " === '%s'", light);
    was_quiet();
}

/* What a screen reader goes by. */
Test(dashboard, has_names_for_everything_that_one_can_use)
{
    rig_start(.whole = CONF("read-only"));
    look();
    send(5, "/reviews", 200);
    chrome_await("document.querySelectorAll('button, select, input, a').length > 20 && "
                 "[...document.querySelectorAll('button, select, input, a')].every((e) => "
                 "e.textContent.trim() || e.ariaLabel || e.labels?.length)");
    chrome_await("[...document.querySelectorAll('section, table, svg[role=img], [role=meter]')]"
                 ".every((e) => e.ariaLabel || e.getAttribute('aria-labelledby') || "
                 "e.querySelector(':scope > caption, :scope > title'))");
    chrome_await("new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size === "
                 "document.querySelectorAll('[id]').length");
    chrome_await("document.querySelectorAll('h1').length === 1 && "
                 "document.querySelectorAll('main, header, nav[aria-label]').length === 3");
    /* Only what is rare is read out: not what changes each second. */
    chrome_await("[...document.querySelectorAll('[aria-live], [role=status], [role=alert]')]"
                 ".every((e) => ['announcer', 'banner'].includes(e.id))");
    chrome_prefers("prefers-reduced-motion", "reduce");
    chrome_await("getComputedStyle(document.querySelector('.bar')).transitionDuration === '0s'");
    was_quiet();
}
