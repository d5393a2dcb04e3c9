/* SPDX-License-Identifier: Apache-2.0 */
/* Setting and reading the identity. */
#include "hook_case.h"

static enum weir_verdict on_identify(struct weir_exchange *x, const struct weir_use *u)
{
    static const struct weir_claim claims[] = {{{"role", 4}, {"a", 1}}, {{"role", 4}, {"b", 1}}};
    const char *who = u->conf;
    if (*who == '!')
        weir_identity_wrong(x, "bad_token");
    else
        weir_identity_set(x, &(struct weir_identity){text(who), text("issuer"), text("jwt")},
                          claims, 2);
    return WEIR_NEXT;
}
static const struct weir_module auth = {.name = "auth", .on_identify = on_identify};

static enum weir_verdict on_request(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    const struct weir_identity *id = weir_identity(x);
    if (id) {
        cr_assert_text(id->issuer, "issuer");
        cr_assert_text(id->method, "jwt");
        cr_assert_text(weir_claim(x, text("role"), 1), "b");
        cr_assert_null(weir_claim(x, text("role"), 2).p);
        note("%.*s ", (int)id->subject.n, id->subject.p);
    }
    note("%s ", weir_identity_fault(x) ? weir_identity_fault(x) : "-");
    weir_identity_set(x, &(struct weir_identity){text("me"), text("me"), text("me")}, NULL, 0);
    return WEIR_NEXT;
}
static const struct weir_module reads = {
    .name = "reads", .wants_identity = true, .on_request = on_request};

Test(module_api_identity, is_set_once_by_who_identifies)
{
    begin("");
    CHAIN(&plan.identify, {&auth, "ann"}, {&auth, "bob"});
    CHAIN(&plan.routes[0], {&reads, NULL});
    asks(GET);
    cr_assert_str_eq(trace, "ann - ");
    cr_assert(strstr(mistakes, "the identity is known already"));
    cr_assert(strstr(mistakes, "belongs to another hook"));
    end();
}

Test(module_api_identity, may_be_wrong)
{
    begin("");
    CHAIN(&plan.identify, {&auth, "!"});
    CHAIN(&plan.routes[0], {&reads, NULL});
    asks(GET);
    cr_assert_str_eq(trace, "bad_token ");
    end();
}
