/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/cell.h"

#include "fault/ticket.h"

const char *fault_state_word(enum fault_state s)
{
    static const char *const words[] = {
        [STATE_ON] = "on",           [STATE_OFF] = "off",         [STATE_ENDED] = "ended",
        [STATE_TRIPPED] = "tripped", [STATE_STOPPED] = "stopped",
    };
    return words[s];
}

/* The switch of all comes first: it is what an operator in need looks for. */
enum fault_state fault_state(const struct fault_cell *c, const struct fault_switch *all,
                             bool enabled, uint64_t ends_s, uint64_t wall_us)
{
    const uint32_t mode = atomic_load_explicit(&c->mode, memory_order_relaxed);
    if (atomic_load_explicit(&all->stopped, memory_order_relaxed))
        return STATE_STOPPED;
    if (mode == MODE_TRIPPED)
        return STATE_TRIPPED;
    if (mode == MODE_OFF || (mode == MODE_FILE && !enabled))
        return STATE_OFF;
    return ends_s && wall_us / 1000000 >= ends_s ? STATE_ENDED : STATE_ON;
}

uint32_t fault_share(const struct fault_cell *c, uint32_t share)
{
    const uint32_t said = atomic_load_explicit(&c->share, memory_order_relaxed);
    return said ? said - 1 : share;
}

bool fault_draw(struct fault_cell *c, uint32_t share)
{
    return ticket_drawn(atomic_fetch_add(&c->tickets, 1), fault_share(c, share));
}

void fault_turn(struct fault_cell *c, bool on)
{
    if (on)
        real_errors_clear(&c->window);
    atomic_store(&c->mode, on ? MODE_ON : MODE_OFF);
}

void fault_share_set(struct fault_cell *c, uint32_t share)
{
    atomic_store(&c->share, share + 1);
}

static void unsay_mode(struct fault_cell *c, uint32_t mode)
{
    (void)atomic_compare_exchange_strong(&c->mode, &mode, MODE_FILE);
}

void fault_agree(struct fault_cell *c, bool enabled, uint32_t share)
{
    uint32_t said = share + 1;
    unsay_mode(c, enabled ? MODE_ON : MODE_OFF);
    (void)atomic_compare_exchange_strong(&c->share, &said, 0);
}

void fault_unsay(struct fault_cell *c)
{
    unsay_mode(c, MODE_ON);
    unsay_mode(c, MODE_OFF);
    atomic_store(&c->share, 0);
}

bool fault_is_said(const struct fault_cell *c)
{
    const uint32_t mode = atomic_load(&c->mode);
    return mode == MODE_ON || mode == MODE_OFF || atomic_load(&c->share);
}

bool fault_trip(struct fault_cell *c)
{
    uint32_t mode = atomic_load(&c->mode);
    while (mode == MODE_FILE || mode == MODE_ON)
        if (atomic_compare_exchange_weak(&c->mode, &mode, MODE_TRIPPED))
            return true;
    return false;
}

bool fault_tell_end(struct fault_cell *c, uint64_t ends_s)
{
    uint64_t told = atomic_load(&c->told_end);
    return told != ends_s && atomic_compare_exchange_strong(&c->told_end, &told, ends_s);
}
