/* SPDX-License-Identifier: Apache-2.0 */
#include "weirctl/top_state.h"

#include <string.h>

#include "base/check.h"

static const char *const names[TOP_VIEWS] = {"routes", "clusters", "breakers", "workers", "events"};

const char *top_view_name(enum top_view v)
{
    return names[v];
}

bool top_view_parse(const char *name, enum top_view *out)
{
    for (int v = 0; v < TOP_VIEWS; v++)
        if (!strcmp(name, names[v]) || (name[0] == names[v][0] && !name[1])) {
            *out = (enum top_view)v;
            return true;
        }
    return false;
}

/* -- keys -------------------------------------------------------------------------------------- */

static void scroll_to(struct top_state *s, size_t first)
{
    const size_t last = s->rows > s->room ? s->rows - s->room : 0;

    s->first = first < last ? first : last;
}

static void look_at(struct top_state *s, enum top_view v)
{
    s->view = v;
    s->first = 0;
    s->help = false;
}

static void order_by(struct top_state *s, unsigned column)
{
    s->sort[s->view] = s->columns ? column % s->columns : 0;
    s->first = 0;
}

static bool choose_view(struct top_state *s, int key)
{
    enum top_view v;
    const char name[2] = {(char)key, 0};

    if (key <= 0 || key > 127 || !top_view_parse(name, &v))
        return false;
    look_at(s, v);
    return true;
}

static void scroll(struct top_state *s, int key)
{
    const size_t page = s->room > 1 ? s->room - 1 : 1;

    if (key == 'j' || key == TOP_KEY_DOWN)
        scroll_to(s, s->first + 1);
    else if (key == 'k' || key == TOP_KEY_UP)
        scroll_to(s, s->first ? s->first - 1 : 0);
    else if (key == ' ' || key == TOP_KEY_PAGE_DOWN)
        scroll_to(s, s->first + page);
    else if (key == TOP_KEY_PAGE_UP)
        scroll_to(s, s->first > page ? s->first - page : 0);
    else if (key == 'g' || key == TOP_KEY_HOME)
        scroll_to(s, 0);
    else if (key == 'G' || key == TOP_KEY_END)
        scroll_to(s, s->rows);
}

void top_press(struct top_state *s, int key)
{
    const unsigned sort = s->sort[s->view];

    if (choose_view(s, key))
        return;
    switch (key) {
    case 'q':
    case 3: /* Ctrl-C, where the terminal makes no signal of it */
        s->quit = true;
        break;
    case '?':
    case 'h':
        s->help = !s->help;
        break;
    case 'p':
        s->paused = !s->paused;
        break;
    case '\t':
        look_at(s, (s->view + 1) % TOP_VIEWS);
        break;
    case 's':
    case '>':
        order_by(s, sort + 1);
        break;
    case '<':
        order_by(s, s->columns ? sort + s->columns - 1 : 0);
        break;
    case 'S':
        s->ascending = !s->ascending;
        s->first = 0;
        break;
    default:
        scroll(s, key);
    }
}

/* -- what a terminal sends --------------------------------------------------------------------- */

/* The sequences of cursor keys (ECMA-48, xterm): ESC [ or ESC O, digits and semicolons, a last
 * byte. */
static int meaning(char last, int digit)
{
    static const struct {
        char last;
        int digit, key;
    } keys[] = {
        {'A', 0, TOP_KEY_UP},      {'B', 0, TOP_KEY_DOWN},      {'H', 0, TOP_KEY_HOME},
        {'F', 0, TOP_KEY_END},     {'~', 1, TOP_KEY_HOME},      {'~', 4, TOP_KEY_END},
        {'~', 5, TOP_KEY_PAGE_UP}, {'~', 6, TOP_KEY_PAGE_DOWN}, {'~', 7, TOP_KEY_HOME},
        {'~', 8, TOP_KEY_END},
    };

    for (size_t i = 0; i < array_n(keys); i++)
        if (keys[i].last == last && (last != '~' || keys[i].digit == digit))
            return keys[i].key;
    return TOP_KEY_OTHER;
}

int top_key_parse(const char *p, size_t n, size_t *used)
{
    *used = n > 0;
    if (!n)
        return TOP_KEY_NONE;
    if (p[0] != 27)
        return (unsigned char)p[0];
    if (n == 1 || (p[1] != '[' && p[1] != 'O'))
        return TOP_KEY_OTHER;
    for (size_t i = 2; i < n; i++) {
        if (p[i] < 0x40 || p[i] > 0x7e)
            continue;
        *used = i + 1;
        return meaning(p[i], p[2] >= '0' && p[2] <= '9' ? p[2] - '0' : 0);
    }
    *used = n; /* cut short: no key begins so */
    return TOP_KEY_OTHER;
}
