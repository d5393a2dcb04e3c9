/* SPDX-License-Identifier: Apache-2.0 */
/* What a breaker would do with a request that an operator describes. */
#include "breaker/breaker.h"

#include <stdio.h>

#include "common/slice.h"

static void say_circuit(struct weir_explain *e, const struct breaker *b, struct weir_slice endpoint,
                        const struct circuit *c)
{
    struct weir_process *p = weir_explain_process(e);
    const uint64_t now = weir_now_us(p) / 1000;
    breaker_pass_time(p, b, endpoint, c);
    const struct machine_view v = machine_look(c->machine);
    char left[48] = "";
    if (v.until_ms > now)
        snprintf(left, sizeof left, ", for %.1f s still", (double)(v.until_ms - now) / 1000);
    weir_explain_say(e, "the circuit%s%.*s is %s%s%s%s", endpoint.n ? " of " : "",
                     SLICE_ARG(endpoint), machine_state_name(v.state), left,
                     v.mode == MACHINE_AUTO ? "" : ", as an operator says",
                     v.state == MACHINE_OPEN ? ": it lets nothing through" : "");
}

/* Of many endpoints, those whose circuits aren't closed. */
static void say_endpoints(struct weir_explain *e, const struct breaker *b)
{
    struct weir_endpoint_info info;
    struct circuit c;
    unsigned closed = 0;
    for (size_t at = 0; weir_endpoint_each(weir_explain_process(e), b->cluster, &at, &info);) {
        if (!breaker_circuit_at(b, info.slot, &c))
            continue;
        if (machine_look(c.machine).state == MACHINE_CLOSED)
            closed++;
        else
            say_circuit(e, b, info.name, &c);
    }
    weir_explain_say(e, "the circuits of %u endpoints are closed", closed);
}

static void say_limits(struct weir_explain *e, const struct limits_group *l)
{
    if (!l->place.file)
        return;
    weir_explain_say(e,
                     "limits: %lld requests, %lld waiting, %lld retries, %lld connections (0: "
                     "none)",
                     (long long)l->max_requests, (long long)l->max_pending,
                     (long long)l->max_retries, (long long)l->max_connections);
}

void breaker_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    struct circuit c;
    if (!breaker_is_on(b)) {
        weir_explain_say(e, "an operator has disabled it");
        return;
    }
    if (b->per_endpoint)
        say_endpoints(e, b);
    else if (breaker_circuit_at(b, WEIR_NO_SLOT, &c))
        say_circuit(e, b, WEIR_SLICE(""), &c);
    for (int class = 0; b->has_limits && class < LIMITS_CLASSES; class ++)
        say_limits(e, &b->limits[class]);
}
