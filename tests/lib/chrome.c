/* SPDX-License-Identifier: Apache-2.0 */
/* WebDriver is JSON over HTTP: one handle of libcurl, one request after the other. */
#include "tests/lib/chrome.h"

#include "base/text.h"
#include "tests/lib/rig.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCRIPT_MAX = 4096, LOOK_AGAIN_MS = 25 };
#define ELEMENT "element-6066-11e4-a52e-4f735466cecf" /* what WebDriver calls one in JSON */

static struct {
    pid_t pid; /* of the driver; 0: none */
    int out;
    unsigned port;
    char session[128], first[128], second[128]; /* the session; its windows */
    CURL *curl;
    json_t *answer; /* the last one */
    struct text complaints;
    char stray[512];
} chrome;

/* -- one command ------------------------------------------------------------------------------- */

static size_t on_data(char *p, size_t size, size_t n, void *ctx)
{
    text_add(ctx, slice_of(p, size * n));
    return size * n;
}

static long perform(const char *method, const char *path, const char *content, struct text *heard)
{
    char url[512];
    long status = 0;
    struct curl_slist *type = curl_slist_append(NULL, "Content-Type: application/json");
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s%s", chrome.port, chrome.session, path);
    curl_easy_reset(chrome.curl);
    curl_easy_setopt(chrome.curl, CURLOPT_URL, url);
    curl_easy_setopt(chrome.curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(chrome.curl, CURLOPT_TIMEOUT_MS, 3L * DEADLINE_MS);
    curl_easy_setopt(chrome.curl, CURLOPT_HTTPHEADER, type);
    if (content)
        curl_easy_setopt(chrome.curl, CURLOPT_POSTFIELDS, content);
    curl_easy_setopt(chrome.curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(chrome.curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(chrome.curl, CURLOPT_WRITEDATA, heard);
    const CURLcode e = curl_easy_perform(chrome.curl);
    curl_easy_getinfo(chrome.curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(type);
    cr_assert_eq(e, CURLE_OK, "%s %s: %s", method, path, curl_easy_strerror(e));
    return status;
}

/* Takes over `content`; gives the answer's "value". NULL, when a failure may be: it failed. */
static json_t *command(const char *method, const char *path, json_t *content, bool may_fail)
{
    struct text heard;
    char *dump = content ? json_dumps(content, JSON_COMPACT) : NULL;
    text_init(&heard);
    const long status = perform(method, path, dump, &heard);
    json_decref(content);
    json_decref(chrome.answer);
    chrome.answer = json_loadb(heard.p, heard.n, 0, NULL);
    cr_assert(may_fail || status == 200, "%s %s %s: %.*s", method, path, dump ? dump : "",
              (int)(heard.n < 800 ? heard.n : 800), heard.p);
    free(dump);
    text_fini(&heard);
    return status == 200 ? json_object_get(chrome.answer, "value") : NULL;
}

static json_t *post(const char *path, json_t *content)
{
    return command("POST", path, content, false);
}

/* A command of the browser's own protocol. */
static void devtools(const char *name, json_t *params)
{
    post("/goog/cdp/execute", json_pack("{s:s,s:o}", "cmd", name, "params", params));
}

/* -- life -------------------------------------------------------------------------------------- */

static void start_driver(void)
{
    const pid_t parent = getpid();
    int out[2];
    cr_assert(!pipe2(out, O_CLOEXEC));
    chrome.pid = fork();
    cr_assert_geq(chrome.pid, 0);
    if (!chrome.pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        if (getppid() == parent)
            execlp("chromedriver", "chromedriver", "--port=0", NULL);
        _exit(127);
    }
    close(out[1]);
    chrome.out = out[0];
}

/* "ChromeDriver was started successfully on port 12345." */
static void await_port(void)
{
    static const char says[] = "successfully on port ";
    char said[4096];
    size_t n = 0;
    do {
        struct pollfd r = {.fd = chrome.out, .events = POLLIN};
        cr_assert_gt(poll(&r, 1, 2 * DEADLINE_MS), 0, "chromedriver says no port");
        const ssize_t got = read(chrome.out, said + n, sizeof said - 1 - n);
        cr_assert_gt(got, 0,
                     "chromedriver doesn't start; Debian has it in chromium-driver (./dev test)");
        said[n += (size_t)got] = '\0';
    } while (!strstr(said, says) || !strchr(strstr(said, says), '.'));
    chrome.port = (unsigned)atoi(strstr(said, says) + sizeof says - 1);
}

/* It may run as root, has nobody to ask, and is cut off from everything but this machine. With a
 * pipe to its driver it ends when that does. */
static json_t *capabilities(void)
{
    char profile[512];
    snprintf(profile, sizeof profile, "--user-data-dir=%s", rig_path("chromium"));
    json_t *options = json_pack(
        "{s:[s,s,s,s,s,s,s,s,s,s,s,s]}", "args", "--headless=new", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--no-first-run", "--no-proxy-server", "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", profile);
    json_array_append_new(json_object_get(options, "args"), json_string("--remote-debugging-pipe"));
    return json_pack("{s:{s:{s:o,s:{s:s,s:s}}}}", "capabilities", "alwaysMatch",
                     "goog:chromeOptions", options, "goog:loggingPrefs", "browser", "ALL",
                     "performance", "ALL");
}

void chrome_start(void)
{
    char session[128];
    start_driver();
    await_port();
    text_init(&chrome.complaints);
    chrome.curl = curl_easy_init();
    cr_assert(chrome.curl);
    const json_t *made = post("/session", capabilities());
    snprintf(session, sizeof session, "/session/%s",
             json_string_value(json_object_get(made, "sessionId")));
    memcpy(chrome.session, session, sizeof session);
    chrome_size(1440, 900);
}

/* Its helpers end a little later than the browser, and would look like something left behind. */
static void await_helpers(void)
{
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (rig_count("") > rig_count("master") + rig_count("control") + rig_count("worker/") &&
           now_ms() < end)
        sleep_ms(LOOK_AGAIN_MS);
}

void chrome_end(void)
{
    if (!chrome.pid)
        return;
    if (*chrome.session)
        command("DELETE", "", NULL, true);
    kill(chrome.pid, SIGTERM);
    waitpid(chrome.pid, NULL, 0);
    await_helpers();
    close(chrome.out);
    curl_easy_cleanup(chrome.curl);
    json_decref(chrome.answer);
    text_fini(&chrome.complaints);
    memset(&chrome, 0, sizeof chrome);
}

/* -- looking at it ----------------------------------------------------------------------------- */

static const char *expand(const char *fmt, va_list ap)
{
    static char text[SCRIPT_MAX];
    cr_assert_lt(vsnprintf(text, sizeof text, fmt, ap), (int)sizeof text);
    return text;
}

static json_t *evaluate(const char *expression)
{
    char script[SCRIPT_MAX + 16];
    snprintf(script, sizeof script, "return (%s);", expression);
    return post("/execute/sync", json_pack("{s:s,s:[]}", "script", script, "args"));
}

#define EXPANDED(fmt, to)                                                                          \
    va_list ap_;                                                                                   \
    va_start(ap_, fmt);                                                                            \
    const char *to = expand(fmt, ap_);                                                             \
    va_end(ap_)

void chrome_open(const char *fmt, ...)
{
    EXPANDED(fmt, url);
    post("/url", json_pack("{s:s}", "url", url));
}

json_t *chrome_value(const char *fmt, ...)
{
    EXPANDED(fmt, expression);
    return evaluate(expression);
}

double chrome_number(const char *fmt, ...)
{
    EXPANDED(fmt, expression);
    const json_t *v = evaluate(expression);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

const char *chrome_text(const char *selector)
{
    const char *said = json_string_value(
        chrome_value("document.querySelector(`%s`)?.textContent ?? ''", selector));
    return said ? said : "";
}

void chrome_await(const char *fmt, ...)
{
    EXPANDED(fmt, expression);
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (!json_is_true(evaluate(expression))) {
        if (now_ms() > end) {
            char waited[SCRIPT_MAX];
            snprintf(waited, sizeof waited, "%s", expression);
            chrome_picture("failed");
            cr_assert_fail("waited in vain for: %s; the page says: %s", waited,
                           chrome_text("main"));
        }
        sleep_ms(LOOK_AGAIN_MS);
    }
}

/* -- hands ------------------------------------------------------------------------------------- */

static const char *find(const char *selector)
{
    static char path[256];
    const json_t *found =
        command("POST", "/element",
                json_pack("{s:s,s:s}", "using", "css selector", "value", selector), true);
    cr_assert(found, "there is no %s", selector);
    snprintf(path, sizeof path, "/element/%s", json_string_value(json_object_get(found, ELEMENT)));
    return path;
}

static void act_on(const char *selector, const char *what, json_t *content)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", find(selector), what);
    post(path, content);
}

void chrome_click(const char *selector)
{
    act_on(selector, "click", json_object());
}

void chrome_type(const char *selector, const char *text)
{
    act_on(selector, "value", json_pack("{s:s}", "text", text));
}

void chrome_fill(const char *selector, const char *text)
{
    act_on(selector, "clear", json_object());
    chrome_type(selector, text);
}

/* The length of the UTF-8 character that begins with this byte. */
static size_t character(const char *p)
{
    const unsigned char c = (unsigned char)*p;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

void chrome_keys(const char *text)
{
    json_t *actions = json_array();
    for (size_t n; *text; text += n) {
        n = character(text);
        json_array_append_new(actions,
                              json_pack("{s:s,s:s%}", "type", "keyDown", "value", text, n));
        json_array_append_new(actions, json_pack("{s:s,s:s%}", "type", "keyUp", "value", text, n));
    }
    post("/actions", json_pack("{s:[{s:s,s:s,s:o}]}", "actions", "type", "key", "id", "keyboard",
                               "actions", actions));
}

/* -- what surrounds it ------------------------------------------------------------------------- */

void chrome_size(unsigned width, unsigned height)
{
    devtools("Emulation.setDeviceMetricsOverride",
             json_pack("{s:i,s:i,s:i,s:b}", "width", (int)width, "height", (int)height,
                       "deviceScaleFactor", 1, "mobile", 0));
}

void chrome_prefers(const char *feature, const char *value)
{
    devtools("Emulation.setEmulatedMedia",
             json_pack("{s:[{s:s,s:s}]}", "features", "name", feature, "value", value));
}

static void switch_to(const char *window)
{
    post("/window", json_pack("{s:s}", "handle", window));
}

void chrome_cover(void)
{
    snprintf(chrome.first, sizeof chrome.first, "%s",
             json_string_value(command("GET", "/window", NULL, false)));
    const json_t *made = post("/window/new", json_pack("{s:s}", "type", "tab"));
    snprintf(chrome.second, sizeof chrome.second, "%s",
             json_string_value(json_object_get(made, "handle")));
    switch_to(chrome.second);
}

void chrome_uncover(void)
{
    command("DELETE", "/window", NULL, false);
    switch_to(chrome.first);
}

/* RFC 4648 4, as the driver writes it: without line ends. */
static size_t decode(const char *from, unsigned char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (; *from && *from != '='; from++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *from) - digits);
        have += 6;
        if (have >= 8)
            to[n++] = (unsigned char)(bits >> (have -= 8));
    }
    return n;
}

void chrome_picture(const char *name)
{
    char path[512];
    const unsigned width = (unsigned)chrome_number("innerWidth"),
                   before = (unsigned)chrome_number("innerHeight");
    chrome_size(width, (unsigned)chrome_number("document.documentElement.scrollHeight"));
    const char *png = json_string_value(command("GET", "/screenshot", NULL, false));
    unsigned char *bytes = malloc(strlen(png));
    const size_t n = decode(png, bytes);
    mkdir(TEST_SCREENSHOTS, 0777);
    snprintf(path, sizeof path, "%s/%s.png", TEST_SCREENSHOTS, name);
    FILE *f = fopen(path, "we");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && n > 1000, "%s", path);
    fclose(f);
    free(bytes);
    chrome_size(width, before);
}

/* -- what it has said and asked for ------------------------------------------------------------ */

static json_t *take_log(const char *type)
{
    return post("/se/log", json_pack("{s:s}", "type", type));
}

const char *chrome_complaints(void)
{
    const json_t *lines = take_log("browser"), *line;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        const char *level = json_string_value(json_object_get(line, "level"));
        if (!strcmp(level, "SEVERE") || !strcmp(level, "WARNING"))
            text_printf(&chrome.complaints, "%s: %s\n", level,
                        json_string_value(json_object_get(line, "message")));
    }
    text_char(&chrome.complaints, '\0');
    chrome.complaints.n--;
    return chrome.complaints.p;
}

static const char *url_of(const json_t *event)
{
    const json_t *message = json_object_get(event, "message");
    const char *method = json_string_value(json_object_get(message, "method"));
    if (!method || strcmp(method, "Network.requestWillBeSent") != 0)
        return NULL;
    const json_t *request = json_object_get(json_object_get(message, "params"), "request");
    return json_string_value(json_object_get(request, "url"));
}

/* The browser's own first page is none of it. */
static bool is_of_the_network(const char *url)
{
    return !strncmp(url, "http", 4) || !strncmp(url, "ws", 2) || !strncmp(url, "ftp", 3);
}

const char *chrome_stray(const char *prefix)
{
    const json_t *lines = take_log("performance"), *line;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        json_t *event = json_loads(json_string_value(json_object_get(line, "message")), 0, NULL);
        const char *url = url_of(event);
        if (url && is_of_the_network(url) && strncmp(url, prefix, strlen(prefix)) != 0 &&
            !*chrome.stray)
            snprintf(chrome.stray, sizeof chrome.stray, "%s", url);
        json_decref(event);
    }
    return *chrome.stray ? chrome.stray : NULL;
}
